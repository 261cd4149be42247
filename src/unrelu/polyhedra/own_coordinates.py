"""A small polyhedron in coordinates of its own affine hull in which it is round, found in exact arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.exact.determinant import log_gram_determinant
from unrelu.exact.integers import products
from unrelu.exact.null_space import null_space
from unrelu.exact.system import ExactSystem
from unrelu.polyhedra.centering import newton_centre
from unrelu.polyhedra.exact_basis import ExactBasis
from unrelu.polyhedra.exact_hull import ExactHull, exact_hull
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sharp_rows import BLURRED
from unrelu.solvers.status import Status

_CENTRINGS = 30
_CENTRED = 0.5  # slacks at the center are within this of those at the analytic centre, relatively
_LOPSIDED = 1e4
_FARTHEST = 2.0**1000

Point = tuple[Fraction, ...]


@dataclass(frozen=True, eq=False)
class OwnCoordinates:
    """`P = { origin + center + N w : S w <= 1 }`, with w = 0 near the analytic centre.

    However thin, small or far from 0 the set is: center and N are exact, and each row of S is the exact one, divided by
    its exact slack at the center, up to a relative rounding error.

    Attributes:
        whole: P.
        center: (d,) the exact point w = 0 less the origin of P.
        basis: N, n vectors that span the directions of P's affine hull, exact.
        rows: (m, n) float64, S; no row is 0.
        slack: (m,) the exact slacks of the integer rows at the center.
        which: (m,) which of `system`'s rows these are.
        system: P about its origin, in integers.
    """

    whole: Polyhedron
    center: Point
    basis: ExactBasis
    rows: np.ndarray
    slack: Point
    which: tuple[int, ...]
    system: ExactSystem

    @property
    def dimension(self) -> int:
        """n, the dimension of P."""
        return self.basis.dimension

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """`{ w : S w <= 1 }`."""
        return Polyhedron(self.rows, np.ones(len(self.rows)), origin=np.zeros(self.dimension))

    @cached_property
    def log_scale(self) -> float:
        """The logarithm of the volume of P over that of `polyhedron`."""
        b = self.basis
        return 0.5 * log_gram_determinant(b.columns) + math.log(2) * sum(b.exponents)

    @cached_property
    def middle(self) -> np.ndarray:
        """(d,) the float nearest to the center."""
        P = self.whole
        exact = [Fraction(o) + c for o, c in zip(P.origin.tolist(), self.center, strict=True)]
        return np.clip(np.array([float(value) for value in exact]), P.lower, P.upper)

    def lifted(self, w: np.ndarray) -> np.ndarray:
        """Points of P, within its bounds, for w: (n,) or (k, n), rounded."""
        return np.clip(self.middle + w @ self.basis.matrix.T, self.whole.lower, self.whole.upper)

    @property
    def is_sharp(self) -> bool:
        """Whether the errors of P's right-hand sides are small beside the slacks at the center."""
        errors, used = self.whole.ub_error, set(self.which)
        if self.whole.eq_error.any() or any(i not in used for i in np.flatnonzero(errors).tolist()):
            return False
        return all(
            Fraction(float(errors[i])) * self.system.scales[i] <= Fraction(BLURRED) * s
            for i, s in zip(self.which, self.slack, strict=True)
            if i < len(errors)
        )

    @cached_property
    def orthonormal(self) -> tuple[np.ndarray, np.ndarray]:
        """Z, (d, n), orthonormal directions of the hull, and the rows of S in its coordinates, (m, n)."""
        d = self.whole.n_coordinates
        units = [[int(i == j) for j in range(d)] for i in range(d)]
        even = self.basis.rounded(units, (Fraction(1),) * d)
        Q, R = np.linalg.qr(even.matrix)
        rows = even.coordinates([self.system.rows[i][:-1] for i in self.which], self.slack)
        return Q, np.linalg.solve(R.T, rows.T).T


def own_coordinates(polyhedron: Polyhedron, hull: ExactHull | None = None) -> OwnCoordinates | None:
    """Coordinates in which a small polyhedron is round; None where it is empty, a point, too large, or holds a line.

    From a relatively interior point with exact slacks s the rows `a_i N / s_i` are orthogonalised, so that the
    ellipsoid of the logarithmic barrier at the point becomes a ball (`ExactBasis.rounded`). There Newton's method finds
    the analytic centre, which becomes the point, until it stays.

    Args:
        polyhedron: the set, its right-hand sides taken as stored.
        hull: its exact hull, if at hand.

    >>> thin = Polyhedron(np.array([[1.0, 1.0], [-1.0, -1.0]]), np.array([2.0**-80, 0.0]), lower=-1.0, upper=1.0)
    >>> found = own_coordinates(thin)
    >>> found.dimension, len(found.rows)
    (2, 6)
    """
    P = polyhedron
    hull = exact_hull(P) if hull is None else hull
    if hull is None or hull.interior is None or hull.point is None or hull.dimension == 0:
        return None
    system, tight = hull.system, set(hull.implicit)
    equal = [
        row[:-1] for i, (row, eq) in enumerate(zip(system.rows, system.is_equality, strict=True)) if eq or i in tight
    ]
    found = null_space(equal, P.n_coordinates)
    if found is None:
        return None
    basis = ExactBasis(tuple(tuple(column) for column in found), (0,) * len(found))
    others = [i for i, eq in enumerate(system.is_equality) if not eq and i not in tight]
    which = tuple(i for i in others if any(any(products([column], system.rows[i][:-1])) for column in basis.columns))
    if len(which) <= basis.dimension:
        return None
    try:
        return _centred(P, hull.interior, basis, which, system)
    except (OverflowError, np.linalg.LinAlgError):
        return None


def _centred(
    P: Polyhedron, center: Point, basis: ExactBasis, which: tuple[int, ...], system: ExactSystem
) -> OwnCoordinates | None:
    rows = [system.rows[i][:-1] for i in which]
    own = None
    for _ in range(_CENTRINGS):
        slack = slacks(system, which, center)
        basis = basis.rounded(rows, slack)
        S = basis.coordinates(rows, slack)
        own = OwnCoordinates(P, center, basis, S, slack, which, system)
        w = _chord_middles(S)
        if not np.any(w):
            found = newton_centre(hull_rows(own.polyhedron), np.zeros(basis.dimension))
            if found.status is Status.FAILED or float(np.abs(S @ found.point).max()) <= _CENTRED:
                break
            w = found.point
        moved = _moved(own, w)
        if moved is None:
            break
        center = moved
    return own


def _chord_middles(S: np.ndarray) -> np.ndarray:
    """From 0 to the middle of the chord in each coordinate in turn, if that is far from where one is; else 0.

    Newton's method takes a facet that is a thousand million times as far as another for none.
    """
    w, slack = np.zeros(S.shape[1]), np.ones(len(S))
    far = False
    for j, column in enumerate(S.T):
        with np.errstate(divide="ignore", over="ignore"):
            up = min(_FARTHEST, float((slack / np.where(column > 0, column, 0.0)).min()))
            down = min(_FARTHEST, float((slack / np.where(column < 0, -column, 0.0)).min()))
        if (column > 0).any() and (column < 0).any():
            w[j] = 0.5 * (up - down)
            slack = slack - column * w[j]
            far = far or max(up, down) > _LOPSIDED * min(up, down)
    return w if far else np.zeros_like(w)


def slacks(system: ExactSystem, which: tuple[int, ...], z: Point) -> Point:
    """The exact slacks of some rows of integers at a point.

    Args:
        system: the rows.
        which: indices of rows.
        z: the point, d fractions.
    """
    denominator = math.lcm(*(value.denominator for value in z))
    values = system.values_at(z)
    return tuple(Fraction(-values[i], denominator) for i in which)


def _moved(own: OwnCoordinates, w: np.ndarray) -> Point | None:
    """The exact point of about these coordinates; nearer to the center where rounding would leave P."""
    for _ in range(4):
        center = tuple(c + step for c, step in zip(own.center, own.basis.step(w), strict=True))
        if min(slacks(own.system, own.which, center)) > 0:
            return center
        w = 0.5 * w
    return None
