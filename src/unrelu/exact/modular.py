"""Elimination modulo primes: ranks, independent rows and columns, inverses.

Residues are symmetric, of at most half the prime, and stored as float64, which is exact for them: with primes below
2^23 sums of up to 512 products stay below 2^53, so that matrix products run in BLAS without any rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PRIMES = (8388593, 8388587, 8388581)
"""The largest primes below 2^23."""

MOST_TERMS = 512
"""Products of residues whose sum is exact."""

_PANEL = 32


@dataclass(frozen=True, eq=False)
class Profile:
    """Rows and columns of a matrix between which it is invertible modulo a prime; so it is over the rationals.

    Attributes:
        rows: (r,) indices.
        columns: (r,) indices, in increasing order: each is independent of those before it.
    """

    rows: np.ndarray
    columns: np.ndarray

    @property
    def rank(self) -> int:
        """r, at most the true rank."""
        return len(self.columns)


def reduced(values: np.ndarray, prime: int) -> np.ndarray:
    """The symmetric residues of integers up to 2^53 in float64.

    The quotient of a multiple of the prime is exact, so that it becomes 0; other quotients are rounded by at most
    2^-24 before they are made whole, so that no residue exceeds half the prime by more than 1.
    """
    return values - prime * np.rint(values / prime)


def residues_of_integers(rows: Sequence[Sequence[int]], n_columns: int, prime: int) -> np.ndarray:
    """Integers of any size as residues: (m, n_columns) float64."""
    residues = [value % prime for row in rows for value in row]
    return reduced(np.array(residues, dtype=np.float64).reshape(len(rows), n_columns), prime)


def residues_of_floats(matrix: np.ndarray, prime: int) -> np.ndarray:
    """Finite float64s `m 2^e` as residues; 2 has an inverse, so that negative e need no scaling.

    They are read from their bits, so that no setting of the processor (subnormal numbers taken as 0) gets in between.
    """
    bits = np.ascontiguousarray(matrix).view(np.int64)
    exponents, fractions = bits >> 52 & 0x7FF, bits & 2**52 - 1
    numerators = np.where(bits < 0, -1, 1) * (fractions + (exponents > 0) * 2**52) % prime
    exponents = np.maximum(exponents, 1)
    least = int(exponents.min(initial=2**11))
    powers = [pow(2, least - 1075, prime)]
    for _ in range(int(exponents.max(initial=0)) - least):
        powers.append(powers[-1] * 2 % prime)
    return reduced((numerators * np.array(powers, dtype=np.int64)[exponents - least] % prime).astype(float), prime)


def profile(matrix: np.ndarray, prime: int, *, until_dependent: bool = False) -> Profile:
    """Eliminate modulo a prime, panel by panel.

    Args:
        matrix: (m, n) residues; changed in place.
        prime: one of `PRIMES`.
        until_dependent: stop at the first column that depends on those before it.
    """
    m, n = matrix.shape
    order, pivots, rank = np.arange(m), [], 0
    for start in range(0, n, _PANEL):
        stop = min(start + _PANEL, n)
        first, panel = rank, []
        for column in range(start, stop):
            below = np.flatnonzero(matrix[rank:, column])
            if not below.size and until_dependent:
                return Profile(order[:rank], np.array(pivots + panel, dtype=np.intp))
            if not below.size:
                continue
            pivot = rank + int(below[0])
            if pivot != rank:
                matrix[[rank, pivot]], order[[rank, pivot]] = matrix[[pivot, rank]], order[[pivot, rank]]
            factors = reduced(matrix[rank + 1 :, column] * _inverted(matrix[rank, column], prime), prime)
            rest = matrix[rank + 1 :, column + 1 : stop]
            rest[:] = reduced(rest - factors[:, None] * matrix[rank, column + 1 : stop], prime)
            matrix[rank + 1 :, column] = factors
            panel.append(column)
            rank += 1
            if rank == m:
                break
        pivots += panel
        if rank == m:
            break
        if stop < n and panel:
            lower = matrix[first:, panel]
            for i in range(1, len(panel)):
                row = matrix[first + i, stop:]
                row[:] = reduced(row - lower[i, :i] @ matrix[first : first + i, stop:], prime)
            rest = matrix[rank:, stop:]
            rest[:] = reduced(rest - lower[len(panel) :] @ matrix[first:rank, stop:], prime)
    return Profile(order[:rank], np.array(pivots, dtype=np.intp))


def inverse(matrix: np.ndarray, prime: int) -> np.ndarray | None:
    """The inverse modulo a prime by Gauss-Jordan elimination in place; None where there is none.

    Args:
        matrix: (n, n) residues, n at most `MOST_TERMS`.
        prime: one of `PRIMES`.
    """
    A, n = matrix.copy(), len(matrix)
    order = np.arange(n)
    for k in range(n):
        below = np.flatnonzero(A[k:, k])
        if not below.size:
            return None
        pivot = k + int(below[0])
        if pivot != k:
            A[[k, pivot]], order[[k, pivot]] = A[[pivot, k]], order[[pivot, k]]
        scale = _inverted(A[k, k], prime)
        row = A[k] * scale
        row[k] = scale
        row = reduced(row, prime)
        factors = A[:, k].copy()
        A[:, k] = 0.0
        A = reduced(A - factors[:, None] * row, prime)
        A[k] = row
    found = np.empty_like(A)
    found[:, order] = A
    return found


def _inverted(residue: float, prime: int) -> float:
    value = pow(int(residue), -1, prime)
    return float(value if 2 * value < prime else value - prime)


def proves_full_column_rank(matrix: np.ndarray | list[list[int]], n_columns: int) -> bool:
    """Whether full column rank is proved: a rank modulo a prime never exceeds the true one.

    Args:
        matrix: (m, n_columns), float64 and finite, or integers.
        n_columns: the number of columns.
    """
    if len(matrix) < n_columns:
        return False
    for prime in PRIMES[:2]:
        floats = isinstance(matrix, np.ndarray)
        A = residues_of_floats(matrix, prime) if floats else residues_of_integers(matrix, n_columns, prime)
        if profile(A, prime, until_dependent=True).rank == n_columns:
            return True
    return False
