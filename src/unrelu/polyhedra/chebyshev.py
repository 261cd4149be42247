"""The Chebyshev centre of a polyhedron."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import SolverFailure
from unrelu.polyhedra.affine_hull import TIGHT, affine_hull
from unrelu.polyhedra.constant_rows import constant_rows_hold
from unrelu.polyhedra.exact_hull import exact_hull
from unrelu.polyhedra.hull_rows import INCONSISTENT, HullRows, hull_rows
from unrelu.polyhedra.inscribed_ball import inscribed_ball
from unrelu.polyhedra.own_coordinates import OwnCoordinates, own_coordinates
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sharp_rows import BLURRED, USELESS, rows_are_sharp
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

LEAST_RADIUS = 2.0**-17
"""Radii below this, among rows of unit size, are not told apart well by a solver that keeps rows to 1e-9."""

_AS_FAR = 1 - 1e-6  # a refined centre is at least as good as the first


@dataclass(frozen=True, eq=False)
class ChebyshevCenter:
    """The centre of a greatest ball that lies in a polyhedron, within the polyhedron's affine hull.

    Attributes:
        status: whether there is one.
        point: (d,) float64; None unless OPTIMAL. There may be other points with as great a ball.
        radius: of the ball: the distance of the point from the nearest facet, measured in the hull; inf where the
            polyhedron holds balls of any size (UNBOUNDED), 0 for a single point, nan otherwise.
        dimension: of the affine hull as found, and of the ball; -1 for the empty set.
    """

    status: Status
    point: np.ndarray | None
    radius: float
    dimension: int


def chebyshev_center(polyhedron: Polyhedron) -> ChebyshevCenter:
    """The centre of the greatest inscribed ball relative to the affine hull.

    The linear program of Boyd and Vandenberghe (Convex Optimization, section 8.5.1), every row measured by its norm on
    the null space of the equalities. Where that leaves no room, the implicit equalities are found first. Small sets
    that are too thin for floats are seen in their own coordinates; larger ones are FAILED.

    >>> chebyshev_center(Polyhedron(lower=0.0, upper=2.0, origin=np.zeros(3))).radius
    1.0

    Args:
        polyhedron: the set, of dimension d.

    """
    P = polyhedron.unit_rows
    rows = hull_rows(P)
    try:
        found = _in_floats(rows)
        if found is None:
            hull = affine_hull(P)
            if hull.empty is True or hull.status is Status.INFEASIBLE:
                return _without(Status.INFEASIBLE, -1)
            rows = hull_rows(hull.polyhedron)
            seen = hull.status is Status.OPTIMAL and rows.frame.dimension == hull.dimension
            found = _in_given_hull(rows, room=0.0) if seen else None
            found = _without(Status.FAILED, hull.dimension) if found is None else found
    except SolverFailure:
        found = _without(Status.FAILED, rows.frame.dimension)
    if found.point is not None and found.dimension > 0 and found.radius < LEAST_RADIUS:
        found = _refined(found, rows)
    if _is_clear(found, rows) and not rows.drops_equalities:
        return found
    exact = exact_hull(P)
    if exact is not None and exact.is_empty:
        return _without(Status.INFEASIBLE, -1)
    if exact is not None and exact.only_point is not None:  # floats may have seen a line
        return ChebyshevCenter(Status.OPTIMAL, exact.only_point, 0.0, 0)
    if _is_clear(found, rows) and (exact is None or exact.dimension == found.dimension):
        return found
    own = own_coordinates(P, exact)
    if own is not None and own.is_sharp:
        return _in_own_coordinates(own)
    return found if _is_clear(found, rows, USELESS) else _without(Status.FAILED, found.dimension)


def _in_floats(rows: HullRows) -> ChebyshevCenter | None:
    """The centre within the equalities as given; None where they leave no room, or contradict one another."""
    if not rows.frame.consistent or rows.contradiction > INCONSISTENT:
        return None
    found = _in_given_hull(rows, room=TIGHT)
    return None if found is None or found.status is Status.INFEASIBLE else found


def _refined(found: ChebyshevCenter, rows: HullRows) -> ChebyshevCenter:
    """The centre as the solver finds it about a first one, in units of a first radius."""
    P, x, r = rows.polyhedron, found.point, found.radius
    assert x is not None
    fixed = P.lower == P.upper
    with np.errstate(over="ignore"):
        low, high = np.where(fixed, 0.0, (P.lower - x) / r), np.where(fixed, 0.0, (P.upper - x) / r)
        slack = (P.b_ub - P.A_ub @ (x - P.origin)) / r
    if not np.isfinite(slack).all():
        return _without(Status.FAILED, found.dimension)
    near = hull_rows(Polyhedron(P.A_ub, slack, P.A_eq, np.zeros(len(P.b_eq)), low, high, np.zeros(x.size)))
    try:
        ball = inscribed_ball(near) if near.count else None
    except SolverFailure:
        ball = None
    if ball is None or ball.point is None or not ball.radius >= _AS_FAR:
        return _without(Status.FAILED, found.dimension)
    return replace(found, point=np.clip(x + r * ball.point, P.lower, P.upper), radius=r * ball.radius)


def _is_clear(found: ChebyshevCenter, rows: HullRows, blur: float = BLURRED) -> bool:
    """Whether floats see the set, and the solver its size."""
    if found.status is Status.UNBOUNDED:
        return constant_rows_hold(rows, rows.frame.point, math.inf)
    if found.point is None:
        return False
    if found.dimension == 0:
        return constant_rows_hold(rows, found.point, 0.0)
    P = rows.polyhedron
    ends = np.maximum(P.upper - found.point, found.point - P.lower)
    sharp = rows_are_sharp(
        rows, found.point, found.radius * rows.norms, np.where(np.isfinite(ends), ends, found.radius), blur
    )
    return sharp and constant_rows_hold(rows, found.point, math.inf)


def _in_own_coordinates(own: OwnCoordinates) -> ChebyshevCenter:
    """The centre of a small set, whose rows are known exactly and do not depend on its size.

    Maximise t subject to `S w + t g <= 1`, where row i takes `g_i = ||S_i||` a unit of length, measured in orthonormal
    coordinates; t in units of the greatest of these.
    """
    M = own.orthonormal[1]
    sizes = np.abs(M).max(axis=1)  # apart, since squares may overflow
    g = sizes * np.linalg.norm(M / sizes[:, None], axis=1)
    greatest = float(g.max())
    n = own.dimension
    system = RowSystem(np.column_stack([own.rows, g / greatest]), -np.inf, 1.0)
    try:
        solution = LinearProgram(system).minimise(np.append(np.zeros(n), -1.0))
    except SolverFailure:
        return _without(Status.FAILED, n)
    if solution.status is Status.UNBOUNDED:
        return ChebyshevCenter(Status.UNBOUNDED, None, math.inf, n)
    if solution.status is not Status.OPTIMAL or solution.point is None:
        return _without(Status.FAILED, n)
    # The solver does not see coefficients below 1e-9, those of rows that are far away; from the center all are.
    w = (1 - 2.0**-29) * solution.point[:n]
    radius = float(((1.0 - own.rows @ w) / g).min())
    if not radius * greatest > LEAST_RADIUS:
        return _without(Status.FAILED, n)
    return ChebyshevCenter(Status.OPTIMAL, own.lifted(w), radius, n)


def _in_given_hull(rows: HullRows, *, room: float) -> ChebyshevCenter | None:
    """The centre with respect to the equalities as given; None where the radius is not above `room` times the size."""
    n = rows.frame.dimension
    if n == 0:
        return ChebyshevCenter(Status.OPTIMAL, rows.frame.point, 0.0, 0)
    if rows.count == 0:
        return ChebyshevCenter(Status.UNBOUNDED, None, math.inf, n)
    ball = inscribed_ball(rows)
    if ball.status is Status.UNBOUNDED:
        return ChebyshevCenter(Status.UNBOUNDED, None, math.inf, n)
    if ball.status is Status.INFEASIBLE:
        return _without(Status.INFEASIBLE, -1)
    if ball.point is None:
        return _without(Status.FAILED, n)
    size = max(1.0, float(np.abs(ball.point).max(initial=0.0)))
    return ChebyshevCenter(Status.OPTIMAL, ball.point, ball.radius, n) if ball.radius > room * size else None


def _without(status: Status, dimension: int) -> ChebyshevCenter:
    return ChebyshevCenter(status, None, math.nan, dimension)
