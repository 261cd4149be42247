"""Products with a matrix many of whose columns are the negatives of others, or reach only some of its rows."""

from __future__ import annotations

import numpy as np


class MirroredColumns:
    """A, (m, n) float64: of columns that are equal up to their sign one is kept, in blocks of the rows they reach.

    >>> columns = MirroredColumns(np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 2.0]]))
    >>> columns.row_times(np.array([3.0, 1.0])), columns.times(np.array([1.0, 5.0, 1.0]))
    (array([ 3., -3.,  2.]), array([-4.,  2.]))
    """

    def __init__(self, matrix: np.ndarray) -> None:
        """Take A, (m, n)."""
        m, n = matrix.shape
        some = matrix != 0
        first = some.argmax(axis=0) if m else np.zeros(n, dtype=np.int64)
        signs = np.where(matrix[first, np.arange(n)] < 0, -1.0, 1.0) if m else np.ones(n)
        kept, index = np.unique(matrix * signs, axis=1, return_inverse=True)
        last = m - (kept[::-1] != 0).argmax(axis=0) if m else np.zeros(kept.shape[1], dtype=np.int64)
        last = np.where((kept != 0).any(axis=0), last, 0)
        # Two blocks, one of all rows and one of the first few, so that they hold as few numbers as they can.
        ends = np.unique(last)
        sizes = [end * (last <= end).sum() + m * (last > end).sum() for end in ends.tolist()]
        end = int(ends[int(np.argmin(sizes))]) if len(ends) else 0
        short = last <= end
        order = np.argsort(~short, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        self._n_short, self._end = int(short.sum()), end
        self._short = np.ascontiguousarray(kept[:end, short])
        self._whole = np.ascontiguousarray(kept[:, ~short])
        self._place, self._signs = place[index.reshape(-1)], signs
        self._kept = np.empty(len(order))

    def row_times(self, y: np.ndarray) -> np.ndarray:
        """`y A`, (n,), for y (m,)."""
        kept, cut = self._kept, self._n_short
        np.dot(y[: self._end], self._short, out=kept[:cut])
        np.dot(y, self._whole, out=kept[cut:])
        found = kept[self._place]
        found *= self._signs
        return found

    def times(self, v: np.ndarray) -> np.ndarray:
        """`A v`, (m,), for v (n,)."""
        kept = np.bincount(self._place, v * self._signs, len(self._kept))
        found = self._whole @ kept[self._n_short :]
        found[: self._end] += self._short @ kept[: self._n_short]
        return found
