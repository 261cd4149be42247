"""Removing rows that the others are weakly correlated with (Lemma 9)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrelu.network.arrays import Array
from unrelu.network.layer import ReLULayer
from unrelu.stability.removal.rows import RemovedRows, RightFactor, removed_rows, right_factor

SPAN_TOLERANCE = 1e-9
"""A unit vector whose part outside of a span is no longer than this counts as in it; far above the rounding of a
projection (about 1e-15 times the condition), far below angles that mean anything."""


@dataclass(frozen=True, eq=False)
class WeakCorrelation:
    """Lemma 9 and sharper forms of it, beside the true values; each number bounds a singular value from above.

    Let k be a removed row, `a_k != 0`, M the number of remaining rows. If `|<a_j, a_k>| <= c ||a_k|| / sqrt(M)`
    for all remaining j, then `sigma_min(D_I A) <= c`, the d-th singular value. It is 0 by counting, and the lemma
    says nothing new, where `M < d`. The smallest *non-zero* value is bounded by these numbers if a_k lies in the
    span of the remaining rows, where P projects onto it, and by `||D_I A a_k|| / ||P a_k||` anyway. In float64,
    not proved.

    Attributes:
        n_remaining: M.
        n_inputs: d.
        rows: (r,) int64, the removed rows that are not 0.
        least_c: (r,) the least c for each: `sqrt(M) max_j |<a_j, a_k>| / ||a_k||`.
        along: (r,) sharper: `||D_I A a_k|| / ||a_k||`.
        along_projected: (r,) `||D_I A a_k|| / ||P a_k||`, which bounds the smallest non-zero value for every row;
            NaN where `P a_k = 0`.
        in_span: (r,) bool, whether a_k lies in the span of the remaining rows, up to `SPAN_TOLERANCE`.
        over_span: sharper still: the smallest `||D_I A v|| / ||v||` over v in the span of all removed rows; NaN if
            all removed rows are 0.
        over_span_projected: the smallest `||D_I A v|| / ||P v||`, for the smallest non-zero value; NaN if all
            `P v = 0`.
        smallest: the true d-th singular value of `D_I A`, 0 if M < d.
        smallest_nonzero: the true smallest non-zero one; NaN if there is none.
        largest: the true largest one.
    """

    n_remaining: int
    n_inputs: int
    rows: np.ndarray
    least_c: np.ndarray
    along: np.ndarray
    along_projected: np.ndarray
    in_span: np.ndarray
    over_span: float
    over_span_projected: float
    smallest: float
    smallest_nonzero: float
    largest: float

    @property
    def applies(self) -> bool:
        """Whether the lemma says more than counting does about the d-th value: M >= d, and a removed row is not 0."""
        return self.n_remaining >= self.n_inputs and self.rows.size > 0

    @property
    def applies_to_nonzero(self) -> bool:
        """Whether the lemma bounds the smallest non-zero value: a removed row lies in the span of the others."""
        return bool(self.in_span.any())

    @property
    def smallest_bound(self) -> float:
        """The least c over all removed rows: bounds the d-th value; NaN if all removed rows are 0."""
        return _least(self.least_c)

    @property
    def smallest_nonzero_bound(self) -> float:
        """The least c over the removed rows in the span of the others: bounds the smallest non-zero value, or NaN."""
        return _least(self.least_c[self.in_span])


def weak_correlation(
    matrix: ReLULayer | Array,
    removed: Sequence[int] | np.ndarray | None = None,
    *,
    at: Array | None = None,
    rtol: float | None = None,
) -> WeakCorrelation:
    """What Lemma 9 says about the smallest singular value of `D_I A`, beside the value itself.

    Source: Behrmann et al., Analysis of Invariance and Robustness via Invertibility of ReLU-Networks (2018), Lemma 9.

    Args:
        matrix: A, (m, d): any matrix, or a ReLU layer with that weight.
        removed: the removed rows I, as (m,) bool or indices.
        at: an input of the layer instead: I are the features that are inactive there, decided exactly.
        rtol: singular values of the remaining rows up to `rtol` times the largest count as 0; `max(m, d) * eps`
            by default.

    Raises:
        InputError: if neither or both of `removed` and `at` are given, or an argument does not fit.

    >>> found = weak_correlation(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), removed=[2])
    >>> round(found.smallest_bound, 3), round(found.over_span, 3), round(found.smallest, 3)
    (0.849, 0.6, 0.447)
    """
    rows = removed_rows(matrix, removed, at)
    return correlate(rows, right_factor(rows.remaining, rtol, max(rows.matrix.shape)))


def correlate(rows: RemovedRows, factor: RightFactor) -> WeakCorrelation:
    """The bounds, from the right singular vectors of the remaining rows."""
    M, d = len(rows.matrix) - rows.n_removed, rows.matrix.shape[1]
    index, taken, norms = nonzero_rows(rows)
    units = taken / norms[:, None]
    products = units @ rows.remaining.T
    rank = factor.rank
    kept, vectors = factor.values[:rank], factor.vectors[:rank]
    inside = np.linalg.norm(units @ vectors.T, axis=1)
    outside = np.linalg.norm(units - (units @ vectors.T) @ vectors, axis=1)
    along = np.linalg.norm(products, axis=1)
    basis = _orthonormal(units)
    return WeakCorrelation(
        n_remaining=M,
        n_inputs=d,
        rows=index,
        least_c=math.sqrt(M) * np.abs(products).max(axis=1, initial=0.0),
        along=along,
        along_projected=np.divide(along, inside, out=np.full(index.size, math.nan), where=inside > SPAN_TOLERANCE),
        in_span=outside <= SPAN_TOLERANCE,
        over_span=_smallest(factor.values[:, None] * (factor.vectors @ basis)),
        over_span_projected=_smallest(kept[:, None] * _orthonormal((vectors @ basis).T)),
        smallest=float(factor.values[-1]) if d <= M else 0.0,
        smallest_nonzero=float(kept[-1]) if rank else math.nan,
        largest=float(factor.values[0]) if factor.values.size else 0.0,
    )


def nonzero_rows(rows: RemovedRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The removed rows that are not 0: their indices (r,), themselves (r, d), their norms (r,)."""
    index = np.flatnonzero(rows.removed)
    norms = np.linalg.norm(rows.matrix[index], axis=1)
    index, norms = index[norms > 0], norms[norms > 0]
    return index, rows.matrix[index], norms


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis (d, r) of the span of rows (q, d); directions up to SPAN_TOLERANCE are left out.

    Any orthonormal vectors of the span give a valid bound, so that leaving some out is safe.
    """
    if not rows.size:
        return np.zeros((rows.shape[1], 0))
    _, values, vectors = np.linalg.svd(rows, full_matrices=False)
    return vectors[values > SPAN_TOLERANCE * max(1.0, float(values[0]))].T


def _smallest(matrix: np.ndarray) -> float:
    """The least `||X v|| / ||v||`; NaN where there is no v."""
    a, b = matrix.shape
    if b == 0:
        return math.nan
    return 0.0 if a < b else float(np.linalg.svd(matrix, compute_uv=False)[-1])


def _least(values: np.ndarray) -> float:
    return float(values.min()) if values.size else math.nan
