"""The analytic centre of a polyhedron, with the ellipsoid that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.centering import NewtonCentre, newton_centre
from unrelu.polyhedra.hull_rows import INCONSISTENT, HullRows, hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class AnalyticCenter:
    """The point of a polyhedron P that maximises the product of its slacks, within P's affine hull.

    In coordinates u of the hull, `x = point + basis u`, the Hessian `H = Z'(sum_i a_i a_i' / s_i^2) Z = L L'` of the
    barrier at the centre gives an ellipsoid that fits P: `{ u'H u <= 1 }` lies in P and, with m inequalities, P
    lies in `{ u'H u <= m (m - 1) }` (Sonnevend, 1985; Boyd and Vandenberghe, Convex Optimization, section 8.5.3).
    So the substitution `v = L'u` makes P round.

    Attributes:
        status: whether there is one; the other attributes are meaningful only if it is OPTIMAL.
        point: c, (d,) float64, strictly inside all inequalities that are not equalities on P.
        basis: Z, (d, n) float64, orthonormal: directions of the affine hull.
        cholesky: L, (n, n) float64, lower triangular.
        decrement: Newton decrement `(g'H^-1 g)^(1/2)` at the point, g being the barrier's gradient.
        steps: Newton steps taken.
        rows: the inequalities on the hull, with M, h in these coordinates.
    """

    status: Status
    point: np.ndarray
    basis: np.ndarray
    cholesky: np.ndarray
    decrement: float
    steps: int
    rows: HullRows

    @property
    def dimension(self) -> int:
        """n, the dimension of the affine hull as found (not proved)."""
        return self.basis.shape[1]

    @property
    def hessian(self) -> np.ndarray:
        """H, (n, n)."""
        return self.cholesky @ self.cholesky.T


def analytic_center(
    polyhedron: Polyhedron, start: np.ndarray | None = None, *, tolerance: float = 1e-9, max_steps: int = 120
) -> AnalyticCenter:
    """The analytic centre of the interior of a polyhedron relative to its affine hull.

    Newton's method in coordinates of the affine hull, from any start. Rows and bounds that are repeated count
    repeatedly; those that are constant on the hull do not count.

    >>> analytic_center(Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(2))).point
    array([0.5, 0.5])

    Args:
        polyhedron: the set, of dimension d.
        start: (d,) where to start, in the set or not; its origin if None.
        tolerance: decrement to reach.
        max_steps: Newton steps allowed.

    Raises:
        InputError: if the start is not finite or of another size.
    """
    if start is not None:
        start = np.asarray(start, dtype=np.float64)
        if start.shape != (polyhedron.n_coordinates,):
            raise ShapeError(f"the start needs shape ({polyhedron.n_coordinates},), not {start.shape}.")
        if not bool(np.isfinite(start).all()):
            raise InputError("the start holds NaN or infinite values; clean it first.")
    rows = hull_rows(polyhedron)
    if not rows.frame.consistent or rows.contradiction > INCONSISTENT:
        return _without(Status.INFEASIBLE, rows)
    if rows.frame.dimension == 0:
        return _single(rows)
    if rows.count == 0:
        return _without(Status.UNBOUNDED, rows)
    found = newton_centre(rows, start, tolerance=tolerance, max_steps=max_steps)
    if found.status is not Status.FAILED:
        return _as_center(rows, found)
    hull = affine_hull(polyhedron)
    rows = hull_rows(hull.polyhedron)
    if hull.status is not Status.OPTIMAL or hull.point is None:
        return _without(hull.status, rows)
    if rows.frame.dimension == 0:
        return _single(rows)
    if rows.count == 0:
        return _without(Status.UNBOUNDED, rows)
    return _as_center(rows, newton_centre(rows, hull.point, tolerance=tolerance, max_steps=max_steps))


def _as_center(rows: HullRows, found: NewtonCentre) -> AnalyticCenter:
    return AnalyticCenter(
        status=found.status,
        point=found.point,
        basis=rows.frame.basis,
        cholesky=found.cholesky,
        decrement=found.decrement,
        steps=found.steps,
        rows=rows,
    )


def _single(rows: HullRows) -> AnalyticCenter:
    return AnalyticCenter(Status.OPTIMAL, rows.frame.point, rows.frame.basis, np.zeros((0, 0)), 0.0, 0, rows)


def _without(status: Status, rows: HullRows) -> AnalyticCenter:
    n = rows.frame.dimension
    return AnalyticCenter(status, rows.frame.point, rows.frame.basis, np.zeros((n, n)), np.inf, 0, rows)
