"""The point of a polyhedron that is nearest to a target, in L1, L2 or L-infinity."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polishing import TIGHT
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.restoring import is_kept, restored
from unrelu.polyhedra.row_generation import solve_with_few_rows
from unrelu.solvers.status import Status

OPTIMALITY_TOLERANCE = 1e-6
"""Distance and bound may differ by this, relative to the distance (at least 1), where a point is called optimal.

Solvers are asked for 1e-9; a bound loses a little more where its multipliers are rounded."""

NORMS = (1, 2, math.inf)
"""The norms that distances are measured in."""


@dataclass(frozen=True, eq=False)
class NearestPoint:
    """The point of a polyhedron that was found nearest to a target.

    Attributes:
        point: (d,) float64, within the bounds exactly and within the rows up to rounding; None where no
            point was found.
        distance: `||point - target||`; inf without a point.
        bound: a proved lower bound of the distance of every exact member; see `distance_bound`.
        radius: an exact member is proved to lie within this of the point (L2); inf where that is not proved.
        status: how the solver stopped. OPTIMAL only where distance and bound meet within `OPTIMALITY_TOLERANCE` and the
            point keeps all rows up to rounding; where the solver was done and they do not, it is INACCURATE.
    """

    point: np.ndarray | None
    distance: float
    bound: float
    radius: float
    status: Status


def nearest_point(
    polyhedron: Polyhedron,
    target: np.ndarray,
    norm: float = 2,
    *,
    ub_error: np.ndarray | float = 0.0,
    time_limit: float = math.inf,
) -> NearestPoint:
    """Minimise `||x - target||` over a polyhedron.

    L1 and L-infinity are linear programs (HiGHS), L2 a quadratic one (Clarabel). The solver's point is then moved
    onto its active constraints by least squares, and the bound is computed from the multipliers.

    >>> nearest_point(Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.ones(1)), np.zeros(2)).point
    array([0.5, 0.5])

    Args:
        polyhedron: the set, of dimension d.
        target: (d,), anywhere.
        norm: 1, 2 or inf.
        ub_error: bound and radius shall hold for all right-hand sides within this of `b_ub` that leave the
            origin a member if it is one; (k,) or one number.
        time_limit: seconds the solver may take.

    Raises:
        InputError: if the norm is another, or the target not finite or of another size.
        SolverFailure: if the solver refuses the numbers.
    """
    check_norm(norm)
    t = np.asarray(target, dtype=np.float64)
    if t.shape != (polyhedron.n_coordinates,):
        raise ShapeError(f"the target needs shape ({polyhedron.n_coordinates},), not {t.shape}.")
    if not bool(np.isfinite(t).all()):
        raise InputError("the target holds NaN or infinite values; clean it first.")
    deadline = time.monotonic() + time_limit
    scaled, eq_exponents, ub_exponents = _with_unit_rows(polyhedron)
    candidate = solve_with_few_rows(scaled, t, norm, time_limit)
    bound = 0.0
    for found in candidate.multipliers:
        eq, ub = np.ldexp(found.eq, eq_exponents), np.ldexp(found.ub, ub_exponents)
        bound = max(bound, distance_bound(polyhedron, t, norm, eq, ub, ub_error=ub_error))
    if candidate.point is None:
        return NearestPoint(None, math.inf, bound, math.inf, candidate.status)
    x = restored(scaled, candidate.point, deadline - time.monotonic())
    # The origin of a preimage is an exact member; where the solver cannot tell x from it, that is the better answer.
    at_origin = polyhedron.has_origin and _near(x, polyhedron.origin)
    if at_origin:
        x = polyhedron.origin.copy()
    distance = float(np.linalg.norm(x - t, ord=norm))
    status = candidate.status
    if status in {Status.OPTIMAL, Status.INACCURATE}:
        met = distance - bound <= OPTIMALITY_TOLERANCE * max(1.0, distance)
        status = Status.OPTIMAL if met and is_kept(scaled, x) else Status.INACCURATE
    return NearestPoint(
        point=x,
        distance=distance,
        bound=bound,
        radius=0.0 if at_origin else member_radius(polyhedron, x, ub_error=ub_error),
        status=status,
    )


def _with_unit_rows(polyhedron: Polyhedron) -> tuple[Polyhedron, np.ndarray, np.ndarray]:
    """The same set with each row times a power of two that brings it to the size of 1, and the exponents."""
    eq = -np.frexp(np.abs(polyhedron.A_eq).max(axis=1, initial=0.0))[1]
    ub = -np.frexp(np.abs(polyhedron.A_ub).max(axis=1, initial=0.0))[1]
    scaled = Polyhedron(
        A_ub=np.ldexp(polyhedron.A_ub, ub[:, None]),
        b_ub=np.ldexp(polyhedron.b_ub, ub),
        A_eq=np.ldexp(polyhedron.A_eq, eq[:, None]),
        b_eq=np.ldexp(polyhedron.b_eq, eq),
        lower=polyhedron.lower,
        upper=polyhedron.upper,
        origin=polyhedron.origin,
    )
    return scaled, eq, ub


def _near(x: np.ndarray, origin: np.ndarray) -> bool:
    """Whether two points are within the solvers' tolerance of each other."""
    return float(np.abs(x - origin).max(initial=0.0)) <= TIGHT * max(1.0, float(np.abs(origin).max(initial=0.0)))


def check_norm(norm: float) -> None:
    """Raise unless the norm is 1, 2 or inf.

    Raises:
        InputError: if it is another.
    """
    if norm not in NORMS:
        raise InputError(f"distances are measured in the norms 1, 2 and math.inf, not {norm!r}.")
