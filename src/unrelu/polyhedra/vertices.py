"""The vertices of small polyhedra."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import HalfspaceIntersection, KDTree, QhullError

from unrelu.errors import InputError, TooLarge
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.analytic_center import clear_center
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.membership import member_radii
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status

MAX_VERTICES = 10**6
"""So many vertices there may be by the upper bound theorem, whatever the set; in 8 dimensions a second and 100 MB."""

MAX_DIMENSION = 12
"""Dimensions of the affine hull up to which vertices are listed; their number grows exponentially."""

SAME = 1e-9
"""Vertices within this of each other, relative to the size of the set, are one: more than two facets' worth of rows may
meet in it, and Qhull gives it once for each simplex of rows."""


@dataclass(frozen=True, eq=False)
class Vertices:
    """All vertices of a bounded polyhedron, as found in floats.

    Attributes:
        points: (n, d) float64, the vertices, in no particular order.
        radius: (n,) an exact member of the set is proved to lie within this of each (L2); inf where that is not proved.
        dimension: of the affine hull, in which they were sought.
    """

    points: np.ndarray
    radius: np.ndarray
    dimension: int

    def __len__(self) -> int:
        return len(self.points)


def vertices(
    polyhedron: Polyhedron, *, bounded: bool | None = None, proved: DimensionInterval | None = None
) -> Vertices:
    """All vertices of a bounded polyhedron: the extreme points of which it is the convex hull.

    Qhull (Barber, Dobkin and Huhdanpaa, The quickhull algorithm for convex hulls, 1996) in coordinates of the affine
    hull in which the analytic centre's ellipsoid is a ball. Nothing is proved of their number.

    Args:
        polyhedron: the set.
        bounded: whether it is known to be bounded.
        proved: what is proved of its dimension, if anything.

    Raises:
        TooLarge: if it has more than `MAX_DIMENSION` dimensions, or might have more than `MAX_VERTICES` vertices.
        InputError: if it is not known to be bounded, or its affine hull was not found.

    >>> found = vertices(Polyhedron(np.array([[1.0, 1.0]]), np.ones(1), lower=0.0), bounded=True)
    >>> found.points[np.lexsort(found.points.T)].round(12).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    P = polyhedron.unit_rows
    hull = affine_hull(P)
    if hull.empty:
        return Vertices(np.zeros((0, P.n_coordinates)), np.zeros(0), -1)
    if bounded is None:
        bounded = P.bounded
    if bounded is not True:
        raise InputError(
            "the vertices of a set say what it is only where it is bounded, which it is not, or not proved to be; "
            "bound it by a domain such as Box(0, 1)."
        )
    if hull.status is not Status.OPTIMAL or (proved is not None and hull.dimension not in proved):
        raise InputError("the affine hull of the set was not found, so its vertices are not known; scale the rows.")
    n = hull.dimension
    if n == 0:
        point = P.origin if hull.point is None else hull.point
        return Vertices(point[None].copy(), member_radii(P, point[None]), 0)
    m = _facets(hull.polyhedron)
    if n > MAX_DIMENSION or most_vertices(m, n) > MAX_VERTICES:
        raise TooLarge(
            f"the set has {n} dimensions and {m} inequalities, and so up to {most_vertices(m, n):.3g} vertices; they "
            f"are listed up to {MAX_DIMENSION} dimensions and {MAX_VERTICES:,}: ask for ranges, or sample."
        )
    clear = clear_center(hull.polyhedron, hull.point)
    center = clear.center
    if center.status is not Status.OPTIMAL or center.dimension != n:
        raise InputError("no point well inside the set was found, so its vertices are not known; scale the rows.")
    rows = center.rows
    # In coordinates v with x = center + basis L^-T v every slack of size 1 is about as far as the set reaches.
    to_x = np.linalg.solve(center.cholesky, center.basis.T).T
    normals = np.linalg.solve(center.cholesky, rows.matrix.T).T
    slack = rows.slack(center.point)
    try:
        dual = HalfspaceIntersection(np.column_stack([normals, -slack]), np.zeros(n)) if n > 1 else None
    except QhullError as error:
        raise InputError("Qhull does not see the set as one with an interior; scale the rows.") from error
    corners = _ends(normals[:, 0], slack) if dual is None else _distinct(dual.intersections)
    found = center.point + corners @ to_x.T
    points = np.clip(found, P.lower, P.upper) if clear.own is None else clear.own.lifted(found)
    return Vertices(points, member_radii(P, points), n)


def _ends(normals: np.ndarray, slack: np.ndarray) -> np.ndarray:
    """The two ends of an interval."""
    ends = slack / normals
    return np.array([[ends[normals < 0].max()], [ends[normals > 0].min()]])


def _distinct(points: np.ndarray) -> np.ndarray:
    """Points without those that another one repeats."""
    kept = points[np.isfinite(points).all(axis=1)]
    order = np.lexsort(kept.T)
    kept = kept[order]
    tree = KDTree(kept)
    size = float(np.abs(kept).max(initial=1.0))
    first = np.ones(len(kept), dtype=bool)
    for i, j in tree.query_pairs(SAME * size):
        first[max(i, j)] = False
    return kept[first]


def most_vertices(m: int, n: int) -> float:
    """The most vertices that m inequalities in n dimensions can have (McMullen's upper bound theorem, 1970)."""
    if m <= n:
        return 1.0
    half = n // 2
    return float(math.comb(m - (n + 1) // 2, half) + math.comb(m - half - 1, n - half - 1))


def _facets(P: Polyhedron) -> int:
    bounds = np.isfinite(P.lower).astype(int) + np.isfinite(P.upper)
    return int(len(P.A_ub) + bounds[P.lower < P.upper].sum())
