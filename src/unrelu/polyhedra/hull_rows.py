"""A polyhedron in coordinates of the affine hull that its equalities cut out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.polyhedra.polyhedron import Polyhedron

RANK_TOLERANCE = 64 * 2.0**-52
"""Relative size, times the larger side, below which a pivot or a projected row counts as zero."""

INCONSISTENT = 1e-9
"""Equalities count as contradictory where they are missed by this much, relative to the sizes of their terms."""


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates u of an affine subspace: `x = point + basis u`.

    Attributes:
        point: (d,) float64, a point of the subspace.
        basis: Z, (d, n) float64, orthonormal columns.
        selected: (n,) the coordinates that u is, where Z consists of unit vectors; else None.
        independent: (r,) indices of equality rows that are linearly independent on the coordinates that are not fixed
            and span all of them.
        consistent: whether the point keeps all equalities up to rounding; if not, they contradict each other.
        least_pivot: the smallest pivot of these rows over the greatest: how far from dependent they are.
    """

    point: np.ndarray
    basis: np.ndarray
    selected: np.ndarray | None
    independent: np.ndarray
    consistent: bool
    least_pivot: float = 1.0

    @property
    def dimension(self) -> int:
        """n, the dimension of the subspace."""
        return self.basis.shape[1]

    def lifted(self, u: np.ndarray) -> np.ndarray:
        """`point + basis u` for u: (n,) or (k, n)."""
        return self.point + u @ self.basis.T

    def projected(self, x: np.ndarray) -> np.ndarray:
        """The coordinates of the nearest point of the subspace, for x: (d,) or (k, d)."""
        return (x - self.point) @ self.basis


def equality_frame(polyhedron: Polyhedron) -> Frame:
    """Coordinates of the affine subspace given by the equality rows and by bounds that coincide.

    Numerical ranks decide; nothing here is a proof.

    >>> equality_frame(Polyhedron(A_eq=np.array([[1.0, 1.0]]), b_eq=np.zeros(1))).dimension
    1
    """
    d = polyhedron.n_coordinates
    fixed = polyhedron.lower == polyhedron.upper
    free = np.flatnonzero(~fixed)
    point = np.where(fixed, polyhedron.lower, polyhedron.origin)
    used = polyhedron.A_eq.any(axis=1)
    consistent = not bool(polyhedron.b_eq[~used].any())
    if not used.any():
        basis = np.zeros((d, free.size))
        basis[free, np.arange(free.size)] = 1.0
        return Frame(point, basis, free, np.zeros(0, dtype=np.intp), consistent)
    scales = 1.0 / np.abs(polyhedron.A_eq[used]).max(axis=1)
    A = polyhedron.A_eq[used] * scales[:, None]
    right = polyhedron.b_eq[used] * scales
    part = A[:, free]
    residual = right - A @ (point - polyhedron.origin)
    missed = residual
    inside, independent, least = np.eye(free.size), np.zeros(0, dtype=np.intp), 1.0
    if free.size:
        # Rows with pivoting: A_F' = Q R P, so that the first columns of Q span the rows and the others the null space.
        Q, R, order = (np.asarray(factor) for factor in scipy.linalg.qr(part.T, pivoting=True))
        pivots = np.abs(np.diag(R))
        limit = RANK_TOLERANCE * max(part.shape) * max(float(pivots.max(initial=0.0)), 1.0)
        rank = int((pivots > limit).sum())
        inside, independent = Q[:, rank:], np.flatnonzero(used)[order[:rank]]
        least = float(pivots[rank - 1] / pivots[0]) if rank else 1.0
        for _ in range(2):  # the second round refines the first
            y = scipy.linalg.solve_triangular(R[:rank, :rank].T, residual[order[:rank]], lower=True)
            point[free] += Q[:, :rank] @ y
            residual = right - A @ (point - polyhedron.origin)
        missed = residual
    size = np.abs(right) + np.abs(A) @ np.abs(point - polyhedron.origin) + 1.0
    basis = np.zeros((d, inside.shape[1]))
    basis[free] = inside
    consistent = consistent and bool((np.abs(missed) <= INCONSISTENT * size).all())
    return Frame(point, basis, None, np.sort(independent), consistent, least)


@dataclass(frozen=True, eq=False)
class HullRows:
    """The inequalities of a polyhedron in coordinates u of a frame: `M u <= h`.

    M stacks the inequality rows, the upper and the lower bounds, as far as they are not constant on the subspace:
    `M = [A_ub Z; Z_upper; -Z_lower]`. It is kept in these parts, since products and Gram matrices are cheaper so.

    Attributes:
        frame: the coordinates, n of them.
        inner: (k, n) the rows `A_ub Z` that are not constant.
        rows: (k,) which rows of A_ub they are.
        upper: (p,) coordinates with an upper bound that is not constant.
        lower: (q,) coordinates with a lower bound that is not constant.
        polyhedron: where they come from.
        contradiction: by how much the worst constant row is broken, relative to its size; 0 if none is.
    """

    frame: Frame
    inner: np.ndarray
    rows: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    polyhedron: Polyhedron
    contradiction: float

    @property
    def count(self) -> int:
        """The number of rows of M."""
        return self.rows.size + self.upper.size + self.lower.size

    @property
    def drops_equalities(self) -> bool:
        """Whether equality rows were taken for combinations of others, which floats cannot prove."""
        return int(self.polyhedron.A_eq.any(axis=1).sum()) > self.frame.independent.size

    @property
    def norms(self) -> np.ndarray:
        """(m,) norms of the rows of M."""
        sizes = np.linalg.norm(self.frame.basis, axis=1)
        return np.concatenate([np.linalg.norm(self.inner, axis=1), sizes[self.upper], sizes[self.lower]])

    @property
    def matrix(self) -> np.ndarray:
        """M, (m, n), in full."""
        Z = self.frame.basis
        return np.vstack([self.inner, Z[self.upper], -Z[self.lower]])

    def slack(self, x: np.ndarray) -> np.ndarray:
        """`h - M u` at points x = (d,) or (k, d) of the subspace, from the constraints themselves."""
        P = self.polyhedron
        own = P.b_ub[self.rows] - (x - P.origin) @ P.A_ub[self.rows].T
        above = P.upper[self.upper] - x[..., self.upper]
        below = x[..., self.lower] - P.lower[self.lower]
        return np.concatenate([own, above, below], axis=-1)

    def products(self, v: np.ndarray) -> np.ndarray:
        """`M v` for v: (n,)."""
        moved = self.frame.basis @ v
        return np.concatenate([self.inner @ v, moved[self.upper], -moved[self.lower]])

    def adjoint(self, w: np.ndarray) -> np.ndarray:
        """`M' w` for w: (m,)."""
        own, above, below = self._parts(w)
        return self.inner.T @ own + self.frame.basis.T @ (self._scattered(above, self.upper) - self._below(below))

    def gram(self, w: np.ndarray) -> np.ndarray:
        """`M' diag(w) M` for w >= 0: (n, n)."""
        own, above, below = self._parts(w)
        diagonal = self._scattered(above, self.upper) + self._below(below)
        scaled = np.sqrt(own)[:, None] * self.inner
        if self.frame.selected is not None:
            total = scaled.T @ scaled
            total.flat[:: self.frame.dimension + 1] += diagonal[self.frame.selected]
            return total
        stacked = np.vstack([scaled, np.sqrt(diagonal)[:, None] * self.frame.basis])
        return stacked.T @ stacked

    def _parts(self, w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        k, p = self.rows.size, self.upper.size
        return w[:k], w[k : k + p], w[k + p :]

    def _below(self, values: np.ndarray) -> np.ndarray:
        return self._scattered(values, self.lower)

    def _scattered(self, values: np.ndarray, where: np.ndarray) -> np.ndarray:
        full = np.zeros(self.frame.basis.shape[0])
        full[where] = values
        return full


def hull_rows(polyhedron: Polyhedron, frame: Frame | None = None) -> HullRows:
    """The inequalities of a polyhedron on the subspace of its equalities.

    Args:
        polyhedron: the set.
        frame: coordinates of that subspace; found here if None.
    """
    frame = equality_frame(polyhedron) if frame is None else frame
    Z = frame.basis
    limit = RANK_TOLERANCE * max(polyhedron.n_coordinates, 1)
    inner = polyhedron.A_ub @ Z
    sizes = np.linalg.norm(polyhedron.A_ub, axis=1)
    moves = np.linalg.norm(inner, axis=1) > limit * sizes
    z = frame.point - polyhedron.origin
    excess = polyhedron.A_ub @ z - polyhedron.b_ub
    terms = np.abs(polyhedron.A_ub) @ np.abs(z) + np.abs(polyhedron.b_ub)
    # A row that is zero on the subspace holds or does not; the floor keeps 0 <= 0 from dividing by zero.
    worst = [0.0, *(excess / np.maximum(terms, np.finfo(np.float64).tiny))[~moves]]
    free = np.linalg.norm(Z, axis=1) > limit
    span = np.maximum(1.0, np.abs(frame.point))
    worst += [*((frame.point - polyhedron.upper) / span)[~free], *((polyhedron.lower - frame.point) / span)[~free]]
    rows = np.flatnonzero(moves)
    return HullRows(
        frame=frame,
        inner=inner if rows.size == len(inner) else inner[rows],
        rows=rows,
        upper=np.flatnonzero(free & np.isfinite(polyhedron.upper)),
        lower=np.flatnonzero(free & np.isfinite(polyhedron.lower)),
        polyhedron=polyhedron,
        contradiction=float(max(worst)),
    )
