"""The range of one linear functional over a polyhedron."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.free_direction import free_direction
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.functional_program import FunctionalMinimum, FunctionalProgram
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, gamma, sum_above
from unrelu.solvers.status import Status


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
    ub_error: np.ndarray | float = 0.0,
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
        ub_error: the outer bounds shall hold for all right-hand sides within this of `b_ub`; (k,) or one number.

    Raises:
        InputError: if the functional is not finite or of another size.
        SolverFailure: if the solver refuses the numbers.
    """
    c = np.asarray(functional, dtype=np.float64)
    if c.shape != (polyhedron.dimension,):
        raise ShapeError(f"the functional needs shape ({polyhedron.dimension},), not {c.shape}.")
    if not bool(np.isfinite(c).all()):
        raise InputError("the functional holds NaN or infinite values; clean it first.")
    free = None if math.isfinite(radius) else free_direction(polyhedron)
    if free is not None and free.moves(c):
        unbounded = Status.UNBOUNDED
        return FunctionalRange(-math.inf, math.inf, -math.inf, math.inf, None, None, unbounded, unbounded)
    program = FunctionalProgram(polyhedron)
    least, greatest = program.minimise(c), program.minimise(-c)
    return FunctionalRange(
        lower=attained(least, c),
        upper=-attained(greatest, -c),
        proved_lower=proved_minimum(polyhedron, c, least, radius=radius, ub_error=ub_error),
        proved_upper=-proved_minimum(polyhedron, -c, greatest, radius=radius, ub_error=ub_error),
        minimiser=least.point,
        maximiser=greatest.point,
        lower_status=least.status,
        upper_status=greatest.status,
    )


def attained(found: FunctionalMinimum, functional: np.ndarray) -> float:
    """The value at the minimiser, or what its absence means."""
    if found.point is not None:
        return float(functional @ found.point)
    return {Status.UNBOUNDED: -math.inf, Status.INFEASIBLE: math.inf}.get(found.status, math.nan)


def proved_minimum(
    polyhedron: Polyhedron,
    functional: np.ndarray,
    found: FunctionalMinimum,
    *,
    radius: float,
    ub_error: np.ndarray | float,
) -> float:
    """A proved lower bound of `c'x` from the multipliers of a solution, rounded down."""
    if not is_ieee():
        return -math.inf
    bound = functional_bound(polyhedron, functional, found.eq_duals, found.ub_duals, radius=radius, ub_error=ub_error)
    with np.errstate(over="ignore", invalid="ignore"):
        terms = functional * polyhedron.origin
        total = bound + float(terms.sum())
        rounding = gamma(terms.size + 4) * (sum_above(np.abs(terms)) + abs(bound)) + 2 * terms.size * UNDERFLOW
        if not math.isfinite(total) or not math.isfinite(rounding):
            return -math.inf
        return float(np.nextafter(total - 2 * rounding, -np.inf)) if rounding > 0 else total
