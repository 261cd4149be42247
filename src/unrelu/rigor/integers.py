"""Rows of floats as rows of integers, and what integers prove."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unrelu.rigor.arithmetic import require_ieee

PRIMES = (2147483647, 2147483629, 2147483587)
"""Primes below 2^31, so that products fit in 64 bits."""


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


def proves_full_column_rank(rows: list[list[int]], n_columns: int) -> bool:
    """Whether integer rows are proved to have full column rank: a rank modulo a prime never exceeds the true one."""
    if len(rows) < n_columns:
        return False
    return any(_rank_modulo(rows, n_columns, prime) == n_columns for prime in PRIMES)


def _rank_modulo(rows: list[list[int]], n_columns: int, prime: int) -> int:
    A = np.array([[value % prime for value in row] for row in rows], dtype=np.int64).reshape(-1, n_columns)
    rank = 0
    for column in range(n_columns):
        pivots = np.flatnonzero(A[rank:, column])
        if not pivots.size:
            continue
        pivot = rank + int(pivots[0])
        A[[rank, pivot]] = A[[pivot, rank]]
        A[rank] = A[rank] * pow(int(A[rank, column]), -1, prime) % prime
        A[rank + 1 :] = (A[rank + 1 :] - A[rank + 1 :, column : column + 1] * A[rank] % prime) % prime
        rank += 1
        if rank == len(A):
            break
    return rank


def products(rows: Sequence[Sequence[int]], vector: Sequence[int]) -> list[int]:
    """Exact inner products of integer rows with an integer vector."""
    return [sum(a * z for a, z in zip(row, vector, strict=True)) for row in rows]
