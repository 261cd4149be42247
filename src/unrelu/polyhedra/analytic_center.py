"""The analytic centre of a polyhedron, with the ellipsoid that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.centering import NewtonCentre, newton_centre
from unrelu.polyhedra.constant_rows import constant_rows_hold
from unrelu.polyhedra.exact_hull import exact_hull
from unrelu.polyhedra.hull_rows import INCONSISTENT, HullRows, hull_rows
from unrelu.polyhedra.own_coordinates import OwnCoordinates, own_coordinates
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sharp_rows import BLURRED, USELESS, rows_are_sharp
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
        rows: the inequalities on the hull, with M, h in these coordinates; where floats do not see the set, those of
            the set in its own coordinates (`own_coordinates`).
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


@dataclass(frozen=True, eq=False)
class ClearCenter:
    """An analytic centre, in coordinates in which floats see the set.

    Attributes:
        center: the centre; of `own.polyhedron` where there are own coordinates.
        own: the coordinates; None where the set's are good enough.
    """

    center: AnalyticCenter
    own: OwnCoordinates | None


def analytic_center(
    polyhedron: Polyhedron, start: np.ndarray | None = None, *, tolerance: float = 1e-9, max_steps: int = 120
) -> AnalyticCenter:
    """The analytic centre of the interior of a polyhedron relative to its affine hull.

    Newton's method in coordinates of the affine hull, from any start. Rows and bounds that are repeated count
    repeatedly; those that are constant on the hull do not count. Where floats do not see the set well enough
    (`clear_center`), small sets are seen in their own coordinates, and of others the centre is INACCURATE.

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
    found = clear_center(polyhedron, start, tolerance=tolerance, max_steps=max_steps)
    return found.center if found.own is None else _lifted(found.center, found.own)


def clear_center(
    polyhedron: Polyhedron, start: np.ndarray | None = None, *, tolerance: float = 1e-9, max_steps: int = 120
) -> ClearCenter:
    """The analytic centre in coordinates in which floats see the set as it is.

    They do where rows that look constant are harmless and the others, and their slacks, are far above rounding.
    Otherwise small sets are brought to their own coordinates; of others an OPTIMAL centre becomes INACCURATE.

    Args:
        polyhedron: the set, of dimension d.
        start: as for `analytic_center`.
        tolerance: as for `analytic_center`.
        max_steps: as for `analytic_center`.

    Raises:
        InputError: if the start is not finite or of another size.
    """
    P = polyhedron.unit_rows
    center = _in_floats(P, start, tolerance=tolerance, max_steps=max_steps)
    endless = center.status is Status.UNBOUNDED
    clear = _is_clear(center) if center.status is Status.OPTIMAL else endless and _ends_nowhere(center)
    if clear and not endless and not center.rows.drops_equalities:
        return ClearCenter(center, None)
    exact = exact_hull(P)
    if exact is not None and exact.is_empty:
        return ClearCenter(_without(Status.INFEASIBLE, center.rows), None)
    if exact is not None and exact.only_point is not None:  # floats may have seen a line
        x = exact.only_point
        return ClearCenter(_single(hull_rows(Polyhedron(lower=x, upper=x, origin=x))), None)
    if clear and not endless and (exact is None or exact.dimension == center.dimension):
        return ClearCenter(center, None)
    own = own_coordinates(P, exact)
    if own is not None and own.is_sharp:
        seen = _in_floats(own.polyhedron, None, tolerance=tolerance, max_steps=max_steps)
        if seen.status is Status.OPTIMAL:
            return ClearCenter(seen, own)
    if center.status is Status.OPTIMAL and not _is_clear(center, USELESS):
        center = replace(center, status=Status.INACCURATE)
    if endless and not clear:
        center = replace(center, status=Status.FAILED)
    return ClearCenter(center, None)


def _ends_nowhere(center: AnalyticCenter) -> bool:
    """Whether no row that floats take for constant can bound the set."""
    return constant_rows_hold(center.rows, center.rows.frame.point, np.inf)


def _is_clear(center: AnalyticCenter, blur: float = BLURRED) -> bool:
    rows, x, L = center.rows, center.point, center.cholesky
    if not len(L):
        return constant_rows_hold(rows, x, 0.0)
    # Pivots of the Hessian that are but rounding say nothing of its long axes.
    if bool((len(L) * 2.0**-52 * (L**2).sum(axis=1) > blur * np.diag(L) ** 2).any()):
        return False
    # The semi-axes of the ellipsoid in which all of the set lies, once that is scaled by the number of rows.
    axes = scipy.linalg.solve_triangular(L, center.basis.T, lower=True, check_finite=False)
    reach = np.linalg.norm(axes, axis=0)
    if not rows_are_sharp(rows, x, rows.slack(x), reach, blur):
        return False
    return constant_rows_hold(rows, x, rows.count * float(np.linalg.norm(reach)))


def _lifted(center: AnalyticCenter, own: OwnCoordinates) -> AnalyticCenter:
    Z, M = own.orthonormal
    R = np.asarray(np.linalg.qr(M / (1.0 - own.rows @ center.point)[:, None], mode="r"))
    L = (R * np.where(np.diag(R) < 0, -1.0, 1.0)[:, None]).T
    return replace(center, point=own.lifted(center.point), basis=Z, cholesky=L)


def _in_floats(
    polyhedron: Polyhedron, start: np.ndarray | None = None, *, tolerance: float = 1e-9, max_steps: int = 120
) -> AnalyticCenter:
    """`analytic_center` as floats have it."""
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
    if hull.status is Status.OPTIMAL and rows.frame.dimension != hull.dimension:
        return _without(Status.FAILED, rows)
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
