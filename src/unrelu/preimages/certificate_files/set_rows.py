"""Sets of the first features of a layer as rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

INACTIVE, ACTIVE, EITHER = 1.0, 0.0, -1.0


def set_rows(sets: Sequence[np.ndarray], m: int) -> np.ndarray:
    """(n, m) float64, a row for each set of the first k of m features; the others may be `EITHER`.

    >>> set_rows([np.array([True, False])], 3)
    array([[ 1.,  0., -1.]])
    """
    rows = np.full((len(sets), m), EITHER)
    for row, inactive in zip(rows, sets, strict=True):
        row[: inactive.size] = np.where(inactive, INACTIVE, ACTIVE)
    return rows


def set_of(row: np.ndarray) -> np.ndarray:
    """(k,) bool, the set of a row (m,).

    Raises:
        ValueError: if the row is not one of `set_rows`.
    """
    k = int(np.count_nonzero(row != EITHER))
    first = row[:k]
    if not bool(((first == INACTIVE) | (first == ACTIVE)).all()):
        raise ValueError("a set of features has other numbers than 1, 0 and, behind them, -1")
    return first == INACTIVE
