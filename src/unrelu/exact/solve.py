"""Square systems of integer equations, solved exactly."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, isqrt

import numpy as np

from unrelu.exact.modular import MOST_TERMS, PRIMES, inverse, reduced, residues_of_integers

Matrix = list[list[int]]

TINY = 16
"""Unknowns up to which elimination is the fastest."""

_LIMB = 30
_FIRST_STEPS = 8


@dataclass(frozen=True)
class Solution:
    """`A X = denominator B`, with the smallest integers.

    Attributes:
        columns: the columns of X.
        denominator: positive.
    """

    columns: list[list[int]]
    denominator: int


def solve(A: Matrix, right: Matrix) -> Solution | None:
    """Solve `A x = b` for every column b.

    Args:
        A: (n, n) integers.
        right: the columns, n integers each.

    Returns:
        The solution, or None where A is singular (beyond `TINY` unknowns also where a few primes all divide its
        determinant).

    >>> solve([[2, 1], [0, 3]], [[1, 1]])
    Solution(columns=[[1, 1]], denominator=3)
    """
    if not right:
        return Solution([], 1)
    if len(A) <= TINY:
        return _eliminated(A, right)
    assert len(A) <= MOST_TERMS
    for prime in PRIMES:
        inverted = inverse(residues_of_integers(A, len(A), prime), prime)
        if inverted is not None:
            return _lifted(A, right, inverted, prime)
    return None


def _eliminated(A: Matrix, right: Matrix) -> Solution | None:
    """Fraction-free Gauss-Jordan elimination: all entries are minors, so that divisions are exact (Bareiss, 1968)."""
    n = len(A)
    table = [[*row, *(column[i] for column in right)] for i, row in enumerate(A)]
    previous = 1
    for k in range(n):
        pivot = next((i for i in range(k, n) if table[i][k]), None)
        if pivot is None:
            return None
        table[k], table[pivot] = table[pivot], table[k]
        row = table[k]
        head = row[k]
        for i, other in enumerate(table):
            if i != k:
                factor = other[k]
                table[i] = [(head * a - factor * b) // previous for a, b in zip(other, row, strict=True)]
        previous = head
    return _smallest([[table[i][n + j] for i in range(n)] for j in range(len(right))], previous)


def _smallest(columns: list[list[int]], denominator: int) -> Solution:
    divisor = gcd(denominator, *(value for column in columns for value in column))
    divisor = divisor if denominator > 0 else -divisor
    return Solution([[value // divisor for value in column] for column in columns], denominator // divisor)


def _lifted(A: Matrix, right: Matrix, inverted: np.ndarray, prime: int) -> Solution:
    """The solution digit by digit in base p (Dixon, Numer. Math. 40, 1982), then as fractions.

    A candidate is tried ever so often and multiplied out, so that no bound on its size is needed: A is invertible
    modulo p, so it has one solution only.
    """
    limbs = _limbs(A)
    residual = np.array(right, dtype=object).T
    total, power, steps, due = np.zeros(residual.shape, dtype=object), 1, 0, _FIRST_STEPS
    while True:
        residues = residues_of_integers(residual.tolist(), len(right), prime)
        digits = reduced(inverted @ residues, prime).astype(np.int64)
        residual = (residual - _product(limbs, digits)) // prime
        total = total + digits.astype(object) * power
        power, steps = power * prime, steps + 1
        if steps == due or not residual.any():
            found = _fractions(total.T.tolist(), power)
            if found is not None and _solves(limbs, found, right):
                return found
            due = steps + steps // 2


def _limbs(A: Matrix) -> list[np.ndarray]:
    """A as `sum_k limb_k 2^(30 k)`, so that products with digits fit in 64 bits."""
    bits = max((value.bit_length() for row in A for value in row), default=0)
    mask = (1 << _LIMB) - 1
    return [
        np.array(
            [[(abs(value) >> shift & mask) * (1 if value > 0 else -1) for value in row] for row in A], dtype=np.int64
        )
        for shift in range(0, max(bits, 1), _LIMB)
    ]


def _product(limbs: list[np.ndarray], digits: np.ndarray) -> np.ndarray:
    total = (limbs[0] @ digits).astype(object)
    for k, limb in enumerate(limbs[1:], 1):
        total = total + ((limb @ digits).astype(object) << (_LIMB * k))
    return total


def _fractions(columns: list[list[int]], modulus: int) -> Solution | None:
    """Fractions with one denominator and these residues, none of their parts above the root of half the modulus."""
    bound = isqrt(modulus // 2)
    denominator = 1
    for column in columns:
        for value in column:
            scaled = value * denominator % modulus
            if min(scaled, modulus - scaled) > bound:
                factor = _denominator(scaled, modulus, bound)
                denominator *= factor
                if denominator > bound:
                    return None
    whole = [[_symmetric(value * denominator, modulus) for value in column] for column in columns]
    return _smallest(whole, denominator)


def _symmetric(value: int, modulus: int) -> int:
    value %= modulus
    return value - modulus if 2 * value > modulus else value


def _denominator(value: int, modulus: int, bound: int) -> int:
    """The denominator of the fraction with this residue, by Euclid's algorithm stopped half way (Wang, 1981)."""
    a, b, s, t = modulus, value, 0, 1
    while b > bound:
        quotient, rest = divmod(a, b)
        a, b, s, t = b, rest, t, s - quotient * t
    return abs(t) or 1


def _solves(limbs: list[np.ndarray], found: Solution, right: Matrix) -> bool:
    A = limbs[0].astype(object)
    for k, limb in enumerate(limbs[1:], 1):
        A = A + (limb.astype(object) << (_LIMB * k))
    products = A @ np.array(found.columns, dtype=object).T
    return bool((products == found.denominator * np.array(right, dtype=object).T).all())
