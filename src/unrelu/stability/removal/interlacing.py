"""Singular values before and after rows are removed (Lemma 8)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array
from unrelu.network.layer import ReLULayer
from unrelu.stability.removal.rows import RemovedRows, removed_rows, zero_tolerance


@dataclass(frozen=True, eq=False)
class Interlacing(FrozenArrays):
    """Lemma 8: `sigma_{i+q}(A) <= sigma_i(D_I A) <= sigma_i(A)` for q removed rows, beside the true values.

    All numbers are float64 results of a backward stable decomposition, so that an inequality may fail by about
    `max(m, d) * eps * sigma_1(A)`; no proofs.

    Attributes:
        upper: (k,) `sigma_i(A)`, descending, k = min(m, d).
        values: (k,) `sigma_i(D_I A)`, the true ones after the removal.
        lower: (k,) `sigma_{i+q}(A)`, 0 where there is none.
        n_removed: q.
        tolerance: values up to this count as 0, in both.
    """

    upper: np.ndarray
    values: np.ndarray
    lower: np.ndarray
    n_removed: int
    tolerance: float

    @property
    def rank_before(self) -> int:
        """N, the number of non-zero singular values of A."""
        return int(np.count_nonzero(self.upper > self.tolerance))

    @property
    def rank(self) -> int:
        """The number of non-zero singular values that are left."""
        return int(np.count_nonzero(self.values > self.tolerance))

    @property
    def largest(self) -> float:
        """The largest singular value after the removal."""
        return float(self.values[0])

    @property
    def largest_bound(self) -> float:
        """`sigma_1(A)`: the largest value is at most this."""
        return float(self.upper[0])

    @property
    def smallest_nonzero(self) -> float:
        """The smallest non-zero singular value after the removal; NaN if there is none."""
        return float(self.values[self.rank - 1]) if self.rank else math.nan

    @property
    def applies(self) -> bool:
        """Whether the lemma bounds the smallest non-zero value: q < N."""
        return self.n_removed < self.rank_before

    @property
    def smallest_nonzero_bound(self) -> float:
        """`sigma_{N-q}(A)`: the smallest non-zero value is at most this; NaN unless q < N."""
        return float(self.upper[self.rank_before - self.n_removed - 1]) if self.applies else math.nan

    @property
    def smallest_nonzero_bound_by_rank(self) -> float:
        """`sigma_r(A)` for the rank r that is left: sharper, since r >= N - q, and for every q; NaN if r = 0."""
        return float(self.upper[self.rank - 1]) if self.rank else math.nan


def interlacing(
    matrix: ReLULayer | Array,
    removed: Sequence[int] | np.ndarray | None = None,
    *,
    at: Array | None = None,
    rtol: float | None = None,
) -> Interlacing:
    """What Lemma 8 says about the singular values of `D_I A`, beside the values themselves.

    Source: Behrmann et al., Analysis of Invariance and Robustness via Invertibility of ReLU-Networks (2018), Lemma 8.

    Args:
        matrix: A, (m, d): any matrix, or a ReLU layer with that weight.
        removed: the removed rows I, as (m,) bool or indices.
        at: an input of the layer instead: I are the features that are inactive there, decided exactly.
        rtol: values up to `rtol * sigma_1(A)` count as 0; `max(m, d) * eps` by default.

    Raises:
        InputError: if neither or both of `removed` and `at` are given, or an argument does not fit.

    >>> found = interlacing(np.diag([3.0, 2.0, 1.0]), removed=[1])
    >>> found.values.tolist(), found.lower.tolist()
    ([3.0, 1.0, 0.0], [2.0, 1.0, 0.0])
    >>> found.smallest_nonzero, found.smallest_nonzero_bound
    (1.0, 2.0)
    """
    rows = removed_rows(matrix, removed, at)
    return compare(rows, svd_values(rows.matrix), svd_values(rows.remaining), rtol)


def compare(rows: RemovedRows, before: np.ndarray, after: np.ndarray, rtol: float | None = None) -> Interlacing:
    """The comparison, from the singular values of A and of the remaining rows."""
    q, k = rows.n_removed, before.size
    values, lower = np.zeros(k), np.zeros(k)
    values[: after.size] = after
    lower[: max(0, k - q)] = before[q:]
    tolerance = zero_tolerance(rtol, max(rows.matrix.shape)) * float(before[0])
    freeze((values, lower))
    return Interlacing(before, values, lower, q, tolerance)


def svd_values(matrix: np.ndarray) -> np.ndarray:
    """All singular values of a matrix, which may have no rows: descending, read-only."""
    values = np.linalg.svd(matrix, compute_uv=False) if matrix.size else np.zeros(0)
    freeze(values)
    return values
