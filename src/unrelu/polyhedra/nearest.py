"""The point of a polyhedron that is nearest to a target, in L1, L2 or L-infinity."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import InputError, ShapeError, SolverFailure
from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.normalised import Normalised
from unrelu.polyhedra.polishing import TIGHT
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.restoring import is_kept, restored
from unrelu.polyhedra.row_generation import solve_with_few_rows
from unrelu.rigor.rounding import UNIT
from unrelu.solvers.status import Status

OPTIMALITY_TOLERANCE = 1e-6
"""Distance and bound may differ by this, relative to distance and numbers (up to 1), where a point is called optimal.

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


@np.errstate(over="ignore", invalid="ignore")  # what leaves the range of floats proves nothing
def nearest_point(
    polyhedron: Polyhedron,
    target: np.ndarray,
    norm: float = 2,
    *,
    time_limit: float = math.inf,
    is_member: bool = False,
) -> NearestPoint:
    """Minimise `||x - target||` over a polyhedron.

    L1 and L-infinity are linear programs (HiGHS), L2 a quadratic one (Clarabel). The solver's point is then moved
    onto its active constraints by least squares, and the bound is computed from the multipliers.

    >>> nearest_point(Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.ones(1)), np.zeros(2)).point
    array([0.5, 0.5])

    Args:
        polyhedron: the set, in d coordinates. Bound and radius hold for all right-hand sides within its errors that
            leave the origin a member if it is one.
        target: (d,), anywhere.
        norm: 1, 2 or inf.
        time_limit: seconds the solver may take.
        is_member: whether the target is known to be a member, and so the answer.

    Raises:
        InputError: if the norm is another, or the target not finite or of another size.
    """
    check_norm(norm)
    P = polyhedron.unit_rows
    t = np.asarray(target, dtype=np.float64)
    if t.shape != P.origin.shape:
        raise ShapeError(f"the target needs shape ({P.origin.size},), not {t.shape}.")
    if not bool(np.isfinite(t).all()):
        raise InputError("the target holds NaN or infinite values; clean it first.")
    if is_member:
        return NearestPoint(t.copy(), 0.0, 0.0, 0.0, Status.OPTIMAL)
    deadline = time.monotonic() + time_limit
    try:
        candidate = solve_with_few_rows(P, t, norm, time_limit)
    except SolverFailure:
        return NearestPoint(None, math.inf, 0.0, math.inf, Status.FAILED)
    bound = 0.0
    for found in candidate.multipliers:
        bound = max(bound, distance_bound(P, t, norm, found.eq, found.ub))
    if candidate.point is None:
        wrong = candidate.status is Status.INFEASIBLE and P.has_origin
        return NearestPoint(None, math.inf, bound, math.inf, Status.FAILED if wrong else candidate.status)
    x = restored(P, candidate.point, deadline - time.monotonic())
    # The origin of a preimage is an exact member; where the solver cannot tell x from it, that is the better answer.
    at_origin = P.has_origin and _near(x, P.origin)
    if at_origin:
        x = P.origin.copy()
    distance = float(np.linalg.norm(x - t, ord=norm))
    status = candidate.status
    if status in {Status.OPTIMAL, Status.INACCURATE}:
        size = min(1.0, float(np.maximum(np.abs(x), np.abs(t)).max(initial=0.0)))
        met = distance - bound <= OPTIMALITY_TOLERANCE * max(size, distance)
        status = Status.OPTIMAL if met and is_kept(P, x) else Status.INACCURATE
    return NearestPoint(
        point=x,
        distance=distance,
        bound=min(bound, distance),
        radius=0.0 if at_origin else member_radius(P, x),
        status=status,
    )


def restored_nearest(found: NearestPoint, scaled: Normalised, target: np.ndarray, norm: float) -> NearestPoint:
    """What was found in units of the size of a set, as a point of the set itself.

    Args:
        found: in the coordinates of `normalised`.
        scaled: the set.
        target: (d,).
        norm: 1, 2 or inf.
    """
    lost = scaled.lost(target, norm)
    bound = max(0.0, float(np.nextafter((math.ldexp(found.bound, scaled.exponent) - lost) * (1 - 4 * UNIT), -math.inf)))
    if found.point is None:
        return replace(found, bound=bound)
    x = scaled.restored(found.point)
    distance = float(np.linalg.norm(x - target, ord=norm))
    return NearestPoint(x, distance, min(bound, distance), member_radius(scaled.whole, x), found.status)


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
