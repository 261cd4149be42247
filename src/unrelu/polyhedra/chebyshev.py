"""The Chebyshev centre of a polyhedron."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.affine_hull import TIGHT, affine_hull
from unrelu.polyhedra.hull_rows import INCONSISTENT, HullRows, hull_rows
from unrelu.polyhedra.inscribed_ball import inscribed_ball
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


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
    the null space of the equalities. Where that leaves no room, the implicit equalities are found first.

    >>> chebyshev_center(Polyhedron(lower=0.0, upper=2.0, origin=np.zeros(3))).radius
    1.0

    Args:
        polyhedron: the set, of dimension d.

    Raises:
        SolverFailure: if the solver refuses the numbers.
    """
    rows = hull_rows(polyhedron)
    if not rows.frame.consistent or rows.contradiction > INCONSISTENT:
        return _without(Status.INFEASIBLE, -1)
    found = _in_given_hull(rows, room=TIGHT)
    if found is not None:
        return found
    hull = affine_hull(polyhedron)
    if hull.status is not Status.OPTIMAL:
        return _without(hull.status, hull.dimension)
    found = _in_given_hull(hull_rows(hull.polyhedron), room=0.0)
    return _without(Status.FAILED, hull.dimension) if found is None else found


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
