"""Rows of floats as rows of integers, and products of those."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np

from unrelu.rigor.arithmetic import require_ieee

_EXACT_BITS = 53


def integer_rows(matrix: np.ndarray) -> list[list[int]]:
    """Each row of a finite float64 matrix times a power of two that makes it integral, exactly.

    Raises:
        UnprovableArithmetic: if this thread flushes subnormal numbers or does not round to nearest.
    """
    require_ieee()
    return [_integer_row(row) for row in matrix.tolist()]


def _integer_row(row: list[float]) -> list[int]:
    ratios = [value.as_integer_ratio() for value in row]
    common = max((denominator for _, denominator in ratios), default=1)
    return [numerator * (common // denominator) for numerator, denominator in ratios]


def products(rows: Sequence[Sequence[int]], vector: Sequence[int]) -> list[int]:
    """Exact inner products of integer rows with an integer vector."""
    return [sum(a * z for a, z in zip(row, vector, strict=True)) for row in rows]


def gram(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """All inner products of integer rows."""
    bits = max((value.bit_length() for row in rows for value in row), default=0)
    n = len(rows[0]) if rows else 0
    if 2 * bits + n.bit_length() <= _EXACT_BITS:  # no sum of products is rounded
        small = np.array(rows, dtype=float).reshape(len(rows), n)
        return (small @ small.T).astype(np.int64).tolist()
    upper = [products(rows[i:], row) for i, row in enumerate(rows)]
    return [[upper[min(i, j)][abs(i - j)] for j in range(len(rows))] for i in range(len(rows))]


def smallest(values: Sequence[int]) -> tuple[int, ...]:
    """The smallest integers with the same ratios and signs."""
    divisor = gcd(*values) or 1
    return tuple(value // divisor for value in values)
