"""The range of one linear functional over a polyhedron."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.free_direction import free_direction
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.functional_program import FunctionalMinimum, FunctionalProgram
from unrelu.polyhedra.normalised import Normalised
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, gamma, sum_above
from unrelu.solvers.status import Status

_ORDINARY = 60
"""Functionals between 2^-60 and 2^60 are taken as they are."""


@dataclass(frozen=True, eq=False)
class FunctionalRange:
    """The least and the greatest value of `c'x` over a polyhedron.

    Attributes:
        lower: the least value found, at `minimiser`; -inf where it is unbounded below, inf for the empty set, nan
            where the solver failed.
        upper: the greatest value found, at `maximiser`; inf, -inf and nan likewise.
        proved_lower: no exact member has a smaller value; -inf where nothing is proved.
        proved_upper: no exact member has a greater value; inf where nothing is proved.
        minimiser: (d,) float64, a member up to the solver's tolerance; None where there is none.
        maximiser: (d,) likewise.
        lower_status: how the solver stopped.
        upper_status: how the solver stopped.
    """

    lower: float
    upper: float
    proved_lower: float
    proved_upper: float
    minimiser: np.ndarray | None
    maximiser: np.ndarray | None
    lower_status: Status
    upper_status: Status


def functional_range(
    polyhedron: Polyhedron,
    functional: np.ndarray,
    *,
    radius: float = math.inf,
    normalised: Normalised | None = None,
) -> FunctionalRange:
    """The range of a linear functional, by two linear programs, with outer bounds proved from their multipliers.

    A functional that changes along a line in the polyhedron (`free_direction`) needs no program: it has no end.

    >>> found = functional_range(Polyhedron(lower=np.zeros(2), upper=1.0), np.array([1.0, -2.0]))
    >>> found.lower, found.upper
    (-2.0, 1.0)

    Args:
        polyhedron: the set, of dimension d.
        functional: c, (d,).
        radius: every member is known to lie within this of the origin (L2), as `radius_bound` proves; without it
            a coordinate that has no bound leaves the outer bounds open.

        normalised: the set in units of its size, where that is extreme.

    Raises:
        InputError: if the functional is not finite or of another size.
        SolverFailure: if the solver refuses the numbers.
    """
    c = np.asarray(functional, dtype=np.float64)
    if c.shape != polyhedron.origin.shape:
        raise ShapeError(f"the functional needs shape ({polyhedron.origin.size},), not {c.shape}.")
    if not bool(np.isfinite(c).all()):
        raise InputError("the functional holds NaN or infinite values; clean it first.")
    scale = _scale_of(c)
    if scale:
        found = functional_range(polyhedron, np.ldexp(c, -scale), radius=radius, normalised=normalised)
        return _rescaled(found, scale)
    P = polyhedron.unit_rows
    free = None if math.isfinite(radius) else free_direction(P)
    if free is not None and free.moves(c):
        unbounded = Status.UNBOUNDED
        return FunctionalRange(-math.inf, math.inf, -math.inf, math.inf, None, None, unbounded, unbounded)
    exponent = 0 if normalised is None else normalised.exponent
    solved = P if normalised is None else normalised.polyhedron.unit_rows
    program = FunctionalProgram(solved)
    found = [_scaled_back(program.minimise(sign * c), normalised) for sign in (1.0, -1.0)]
    bounds = [
        _about_zero(
            _outer(solved, sign * c, each, math.ldexp(radius, -exponent), exponent), sign * c, polyhedron.origin
        )
        for sign, each in zip((1.0, -1.0), found, strict=True)
    ]
    least, greatest = found
    ends = [_at_least(attained(least, c), bounds[0]), _at_least(attained(greatest, -c), bounds[1])]
    return FunctionalRange(
        lower=ends[0],
        upper=-ends[1],
        proved_lower=bounds[0],
        proved_upper=-bounds[1],
        minimiser=least.point,
        maximiser=greatest.point,
        lower_status=program.judged(least.status, ends[0], bounds[0]),
        upper_status=program.judged(greatest.status, ends[1], bounds[1]),
    )


def _scale_of(functional: np.ndarray) -> int:
    """The exponent of a power of two that brings an extreme functional to the size of 1 without loss; 0 for others."""
    exponent = int(np.frexp(np.abs(functional).max(initial=0.0))[1])
    if abs(exponent) <= _ORDINARY or not functional.any():
        return 0
    return exponent if np.array_equal(np.ldexp(np.ldexp(functional, -exponent), exponent), functional) else 0


def _rescaled(found: FunctionalRange, exponent: int) -> FunctionalRange:
    """The range of a functional that is `2^exponent` times as large, the proved ends rounded outwards."""

    def outward(end: float, towards: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            scaled = float(np.ldexp(end, exponent))
            return scaled if float(np.ldexp(scaled, -exponent)) == end else float(np.nextafter(scaled, towards))

    with np.errstate(over="ignore", under="ignore"):
        return replace(
            found,
            lower=float(np.ldexp(found.lower, exponent)),
            upper=float(np.ldexp(found.upper, exponent)),
            proved_lower=outward(found.proved_lower, -np.inf),
            proved_upper=outward(found.proved_upper, np.inf),
        )


def _outer(P: Polyhedron, c: np.ndarray, found: FunctionalMinimum, radius: float, exponent: int) -> float:
    """A proved lower bound of `c'(x - origin)` over the set of which P is `2^-exponent` times as large."""
    bound = functional_bound(P, c, found.eq_duals, found.ub_duals, radius=radius)
    with np.errstate(over="ignore", under="ignore"):
        restored = float(np.ldexp(bound, exponent))
        exact = float(np.ldexp(restored, -exponent)) == bound
    return restored if exact else float(np.nextafter(restored, -np.inf))


def _scaled_back(found: FunctionalMinimum, normalised: Normalised | None) -> FunctionalMinimum:
    if normalised is None or found.point is None:
        return found
    return replace(found, point=normalised.restored(found.point))


def _at_least(value: float, bound: float) -> float:
    """What a solver found to its tolerance, but not beyond what is proved; nan stays nan."""
    return bound if value < bound else value


def attained(found: FunctionalMinimum, functional: np.ndarray) -> float:
    """The value at the minimiser, or what its absence means."""
    if found.point is not None:
        return float(functional @ found.point)
    return {Status.UNBOUNDED: -math.inf, Status.INFEASIBLE: math.inf}.get(found.status, math.nan)


def proved_minimum(polyhedron: Polyhedron, functional: np.ndarray, found: FunctionalMinimum, *, radius: float) -> float:
    """A proved lower bound of `c'x` from the multipliers of a solution, rounded down."""
    if not is_ieee():
        return -math.inf
    bound = functional_bound(polyhedron, functional, found.eq_duals, found.ub_duals, radius=radius)
    return _about_zero(bound, functional, polyhedron.origin)


def _about_zero(bound: float, functional: np.ndarray, origin: np.ndarray) -> float:
    """A lower bound of `c'x` from one of `c'(x - origin)`, rounded down."""
    if not math.isfinite(bound):
        return -math.inf
    if not ((functional != 0.0) & (origin != 0.0)).any():
        return bound
    with np.errstate(over="ignore", invalid="ignore"):
        terms = functional * origin
        total = bound + float(terms.sum())
        rounding = gamma(terms.size + 4) * (sum_above(np.abs(terms)) + abs(bound)) + 2 * terms.size * UNDERFLOW
        if not math.isfinite(total) or not math.isfinite(rounding):
            return -math.inf
        return float(np.nextafter(total - 2 * rounding, -np.inf)) if rounding > 0 else total
