"""The affine hull of a polyhedron: its implicit equalities, its dimension, a point of its relative interior."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unrelu.cones.strict_rows import strict_rows
from unrelu.errors import SolverFailure
from unrelu.polyhedra.centering import newton_centre
from unrelu.polyhedra.exact_hull import ExactHull, exact_hull
from unrelu.polyhedra.exact_membership import contains_exactly
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.hull_rows import INCONSISTENT, HullRows, hull_rows
from unrelu.polyhedra.inscribed_ball import inscribed_ball
from unrelu.polyhedra.interior_proof import dimension_upper_bound, equality_count, is_strictly_inside
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.solvers.status import Status

TIGHT = 1e-8
"""A constraint counts as tight at a point within this distance, relative to the size of the point; solvers keep
constraints to 1e-9."""

_ROUNDS = 5


@dataclass(frozen=True, eq=False)
class AffineHull:
    """The affine hull of a polyhedron.

    `dimension` is what was found in floats; `lower <= dim <= upper` is proved for the very numbers of the polyhedron
    (the empty set has dimension -1).

    Attributes:
        status: OPTIMAL, INFEASIBLE or FAILED.
        polyhedron: the same set with its implicit equalities as equalities.
        point: (d,) float64, a point that is strictly inside all inequalities of that; None if none was found.
        dimension: of the hull; -1 for the empty set.
        lower: proved lower bound of the dimension.
        upper: proved upper bound of the dimension.
        implicit_rows: (k,) bool, inequality rows that became equalities, since they hold with equality on the whole
            set; those that the equalities alone already keep constant need not be among them.
        implicit_bounds: (d,) bool, coordinates that became fixed, since they are at a bound on the whole set.
    """

    status: Status
    polyhedron: Polyhedron
    point: np.ndarray | None
    dimension: int
    lower: int
    upper: int
    implicit_rows: np.ndarray
    implicit_bounds: np.ndarray

    @property
    def empty(self) -> bool | None:
        """Whether the set is empty, as far as that is proved; None where it is open."""
        if self.lower >= 0:
            return False
        return True if self.upper < 0 else None


def affine_hull(polyhedron: Polyhedron) -> AffineHull:
    """Find the affine hull of a polyhedron and prove what can be proved of its dimension.

    If Newton's method reaches a strictly feasible point, there are no implicit equalities beyond the equality rows,
    and where the point withstands all rounding, the dimension is at least d less the number of these. Otherwise the
    rows tight at a member that cannot be relaxed are found by linear programming (`strict_rows`) and become
    equalities. That rows are dependent is nothing that floats can prove: small polyhedra are then decided in
    rational arithmetic, of others the interval stays wide. Where right-hand sides are known up to an error only, that
    is a proof if no row's error reaches it; it serves, unproved, where floats find nothing. What no solver finds is
    FAILED.

    >>> affine_hull(Polyhedron(np.array([[1.0, 1.0]]), np.zeros(1), lower=0.0)).dimension
    0

    Args:
        polyhedron: the set, of dimension d.
    """
    hull = _attempted(polyhedron)
    lower, upper = _proved(polyhedron, hull)
    found = hull.status is not Status.FAILED and lower <= hull.dimension <= upper
    exact = None if found and lower == upper else exact_hull(polyhedron)
    if exact is not None and exact.holds_within_errors:
        return replace(_from_exact(polyhedron, exact), lower=exact.dimension, upper=exact.dimension)
    if exact is not None and (not found or hull.status is not Status.OPTIMAL):
        hull = _from_exact(polyhedron, exact)
    return replace(hull, lower=lower, upper=upper)


def _attempted(P: Polyhedron) -> AffineHull:
    """The hull in floats, FAILED where a solver gives up or the set is farther away than any float."""
    try:
        with np.errstate(over="raise"):
            return _found(P, None)
    except (SolverFailure, FloatingPointError):
        none = np.zeros(len(P.A_ub), dtype=bool), np.zeros(P.n_coordinates, dtype=bool)
        return _hull(Status.FAILED, P, None, hull_rows(P).frame.dimension, *none)


def _found(P: Polyhedron, start: np.ndarray | None) -> AffineHull:
    """The hull in floats, nothing proved."""
    rows_held, bounds_held = np.zeros(len(P.A_ub), dtype=bool), np.zeros(P.n_coordinates, dtype=bool)
    part = P
    for _ in range(_ROUNDS):
        rows = hull_rows(part)
        if not rows.frame.consistent or rows.contradiction > INCONSISTENT:
            return _hull(Status.INFEASIBLE, part, None, -1, rows_held, bounds_held)
        n = rows.frame.dimension
        if n == 0 or rows.count == 0:
            return _hull(Status.OPTIMAL, part, rows.frame.point, n, rows_held, bounds_held)
        newton = newton_centre(rows, start)
        if newton.status is not Status.FAILED:
            return _hull(Status.OPTIMAL, part, newton.point, n, rows_held, bounds_held)
        member = _member(part, rows)
        if member is None:
            return _hull(Status.INFEASIBLE, part, None, -1, rows_held, bounds_held)
        tight = _distances(rows, member) <= TIGHT * max(1.0, float(np.abs(member).max(initial=0.0)))
        found = strict_rows(rows.matrix[tight])
        start = _moved(rows, member, found.direction, tight)
        if found.strict.all():
            if bool((rows.slack(start) > 0).all()):
                return _hull(Status.OPTIMAL, part, start, n, rows_held, bounds_held)
            break
        part, rows_held, bounds_held = _held(P, part, rows, tight, found.strict, rows_held, bounds_held)
    return _hull(Status.FAILED, part, None, hull_rows(part).frame.dimension, rows_held, bounds_held)


def _hull(
    status: Status,
    part: Polyhedron,
    point: np.ndarray | None,
    dimension: int,
    rows_held: np.ndarray,
    bounds_held: np.ndarray,
) -> AffineHull:
    return AffineHull(status, part, point, dimension, -1, part.n_coordinates, rows_held, bounds_held)


def _distances(rows: HullRows, x: np.ndarray) -> np.ndarray:
    return rows.slack(x) / rows.norms


def _member(P: Polyhedron, rows: HullRows) -> np.ndarray | None:
    """A member up to rounding: the origin if it is one, else the centre of the greatest ball; None if there is none."""
    if contains_exactly(P, P.origin):
        return rows.frame.lifted(rows.frame.projected(P.origin))
    ball = inscribed_ball(rows)
    if ball.status is not Status.OPTIMAL or ball.point is None:
        return None
    size = max(1.0, float(np.abs(ball.point).max(initial=0.0)))
    return ball.point if ball.radius >= -TIGHT * size else None


def _moved(rows: HullRows, member: np.ndarray, direction: np.ndarray, tight: np.ndarray) -> np.ndarray:
    """Half as far along the direction as the rows that are not tight allow."""
    products, slack = rows.products(direction), rows.slack(member)
    rising = ~tight & (products > 0)
    longest = float((slack[rising] / products[rising]).min(initial=np.inf))
    size = float(np.linalg.norm(direction))
    if size == 0.0:
        return member
    step = 0.5 * longest if np.isfinite(longest) else max(1.0, float(np.abs(member).max())) / size
    return member + rows.frame.basis @ (step * direction)


def _held(
    whole: Polyhedron,
    part: Polyhedron,
    rows: HullRows,
    tight: np.ndarray,
    strict: np.ndarray,
    rows_held: np.ndarray,
    bounds_held: np.ndarray,
) -> tuple[Polyhedron, np.ndarray, np.ndarray]:
    """The polyhedron with further rows and bounds as equalities."""
    vanishing = np.flatnonzero(tight)[~strict]
    k, p = rows.rows.size, rows.upper.size
    # Rows of the part are those of the whole that are not held yet.
    own = np.flatnonzero(~rows_held)[rows.rows[vanishing[vanishing < k]]]
    upper = rows.upper[vanishing[(vanishing >= k) & (vanishing < k + p)] - k]
    lower = rows.lower[vanishing[vanishing >= k + p] - k - p]
    rows_held, bounds_held = rows_held.copy(), bounds_held.copy()
    rows_held[own] = True
    bounds_held[upper] = bounds_held[lower] = True
    return _with_equalities(whole, rows_held, upper, lower, part), rows_held, bounds_held


def _with_equalities(
    whole: Polyhedron, rows_held: np.ndarray, upper: np.ndarray, lower: np.ndarray, bounds_of: Polyhedron
) -> Polyhedron:
    low, high = bounds_of.lower.copy(), bounds_of.upper.copy()
    low[upper] = high[upper]
    high[lower] = low[lower]
    return Polyhedron(
        A_ub=whole.A_ub[~rows_held],
        b_ub=whole.b_ub[~rows_held],
        A_eq=np.vstack([whole.A_eq, whole.A_ub[rows_held]]),
        b_eq=np.concatenate([whole.b_eq, whole.b_ub[rows_held]]),
        lower=low,
        upper=high,
        origin=whole.origin,
        ub_error=whole.ub_error[~rows_held],
        eq_error=np.concatenate([whole.eq_error, whole.ub_error[rows_held]]),
    )


def _from_exact(P: Polyhedron, exact: ExactHull) -> AffineHull:
    rows_held, bounds_held = np.zeros(len(P.A_ub), dtype=bool), np.zeros(P.n_coordinates, dtype=bool)
    rows_held[exact.implicit_rows] = True
    bounds_held[exact.implicit_upper] = bounds_held[exact.implicit_lower] = True
    part = _with_equalities(P, rows_held, exact.implicit_upper, exact.implicit_lower, P)
    found = Status.FAILED if exact.point is None else Status.OPTIMAL
    status = Status.INFEASIBLE if exact.dimension < 0 else found
    return _hull(status, part, exact.point, exact.dimension, rows_held, bounds_held)


def _proved(P: Polyhedron, hull: AffineHull) -> tuple[int, int]:
    """Proved bounds of the dimension, -1 standing for the empty set."""
    if not is_ieee():
        return -1, P.n_coordinates
    upper = dimension_upper_bound(P)
    if hull.status is Status.INFEASIBLE and _proves_empty(P):
        return -1, -1
    if hull.point is None:
        return (0 if contains_exactly(P, P.origin) and _is_settled(P) else -1), upper
    # What is held as an equality stays a member whatever the truth of that.
    if is_strictly_inside(hull.polyhedron, hull.point):
        return P.n_coordinates - equality_count(hull.polyhedron), upper
    return (0 if contains_exactly(P, P.origin) and _is_settled(P) else -1), upper


def _is_settled(P: Polyhedron) -> bool:
    """Whether the dimension is that of the stored numbers whatever the errors of right-hand sides.

    It is also where these are slacks at a member, the origin, that exceed their errors: what is tight there decides.
    """
    if P.is_exact:
        return True
    roomy = bool((P.b_ub > P.ub_error)[P.ub_error > 0].all())
    return roomy and not P.eq_error.any() and P.has_origin


def _proves_empty(P: Polyhedron) -> bool:
    """Whether multipliers prove that there is no member (Farkas)."""
    broken_eq = (np.abs(P.b_eq) > P.eq_error)[~P.A_eq.any(axis=1)]
    if bool(broken_eq.any() or (P.b_ub < -P.ub_error)[~P.A_ub.any(axis=1)].any()):
        return True
    rows = hull_rows(P)
    if not rows.frame.consistent or rows.frame.dimension == 0 or rows.count == 0:
        return False
    try:
        ball = inscribed_ball(rows)
    except SolverFailure:
        return False
    zero = np.zeros(P.n_coordinates)
    return functional_bound(P, zero, ball.eq_duals, ball.ub_duals) > 0
