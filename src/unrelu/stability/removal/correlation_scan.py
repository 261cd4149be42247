"""For which c, and for how many rows, the condition of Lemma 9 holds (appendix A5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.layer import ReLULayer
from unrelu.stability.removal.rows import removed_rows
from unrelu.stability.removal.weak_correlation import nonzero_rows

_PART = 2**24  # inner products held at once: 128 MiB


@dataclass(frozen=True, eq=False)
class CorrelationScan:
    """How many remaining rows satisfy `|<a_j, a_k>| <= c ||a_k|| / sqrt(M)`, for removed rows k and numbers c.

    Attributes:
        c: (n,) the numbers, ascending.
        rows: (r,) int64, the removed rows that are not 0.
        counts: (r, n) int64, how many of the M remaining rows satisfy the condition.
        n_remaining: M.
    """

    c: np.ndarray
    rows: np.ndarray
    counts: np.ndarray
    n_remaining: int

    @property
    def holds(self) -> np.ndarray:
        """(r, n) bool: where all remaining rows do, so that Lemma 9 gives `sigma_min(D_I A) <= c`."""
        return self.counts == self.n_remaining

    @property
    def share(self) -> np.ndarray:
        """(r, n): the share of the remaining rows that do; NaN where none remain."""
        return self.counts / (self.n_remaining or math.nan)


def correlation_scan(
    matrix: ReLULayer | Array,
    removed: Sequence[int] | np.ndarray | None = None,
    *,
    at: Array | None = None,
    c: Array | None = None,
) -> CorrelationScan:
    """Count, over an interval of c, the rows that satisfy the condition of Lemma 9 for each removed row.

    Source: Behrmann et al., Analysis of Invariance and Robustness via Invertibility of ReLU-Networks (2018),
    appendix A5. A convolution is asked through `net.layer(name)`, where its dense matrix fits.

    Args:
        matrix: A, (m, d): any matrix, or a ReLU layer with that weight.
        removed: the removed rows I, as (m,) bool or indices.
        at: an input of the layer instead: I are the features that are inactive there, decided exactly.
        c: (n,) numbers >= 0; 101 from 0 to the least one for which all rows satisfy all conditions by default.

    Raises:
        InputError: if neither or both of `removed` and `at` are given, or an argument does not fit.

    >>> found = correlation_scan(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), removed=[2], c=np.array([0.5, 0.9]))
    >>> found.counts.tolist(), found.holds.tolist()
    ([[1, 2]], [[False, True]])
    """
    rows = removed_rows(matrix, removed, at)
    index, taken, norms = nonzero_rows(rows)
    remaining = rows.remaining
    M = len(remaining)
    values = None if c is None else as_numpy(c, "the interval of c").ravel()
    if values is not None and bool((values < 0).any()):
        raise InputError("the numbers c must be 0 or more: they bound absolute inner products.")
    part = max(1, _PART // max(1, M))

    def needed(start: int) -> np.ndarray:
        """For each pair of rows the least c that satisfies the condition, (part, M), sorted along j."""
        stop = start + part
        products = np.abs(taken[start:stop] @ remaining.T)
        return np.sort(math.sqrt(M) * products / norms[start:stop, None], axis=1)

    starts = range(0, len(taken), part)
    if values is None:
        top = max((float(needed(start).max(initial=0.0)) for start in starts), default=0.0)
        values = np.linspace(0.0, top, 101)
    values = np.sort(values)
    counts = np.zeros((len(taken), values.size), dtype=np.int64)
    for start in starts:
        for k, least in enumerate(needed(start), start=start):
            counts[k] = np.searchsorted(least, values, side="right")
    return CorrelationScan(values, index, counts, M)
