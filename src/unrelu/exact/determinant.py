"""Determinants of Gram matrices of integer vectors."""

from __future__ import annotations

from collections.abc import Sequence
from math import log


def log_gram_determinant(columns: Sequence[Sequence[int]]) -> float:
    """`log det(N'N)` for independent columns N; twice the logarithm of the volume that they span.

    Fraction-free elimination (Bareiss, 1968), which needs no pivots since all leading minors are positive.

    Args:
        columns: n vectors of integers, linearly independent.

    >>> round(log_gram_determinant([[1, 1, 0], [0, 0, 3]]), 12) == round(log(18), 12)
    True
    """
    table = [[sum(a * b for a, b in zip(p, q, strict=True)) for q in columns] for p in columns]
    n, previous = len(table), 1
    for k in range(n - 1):
        head, row = table[k][k], table[k]
        for i in range(k + 1, n):
            factor, other = table[i][k], table[i]
            for j in range(k + 1, n):
                other[j] = (head * other[j] - factor * row[j]) // previous
        previous = head
    return log(table[-1][-1]) if n else 0.0
