"""Integer equations, solved by elimination and by lifting, multiplied out."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest

from unrelu.exact.modular import PRIMES
from unrelu.exact.solve import TINY, Solution, solve


def holds(A: list[list[int]], right: list[list[int]], found: Solution) -> bool:
    """Whether this is the solution in smallest integers."""
    exact = all(
        sum(a * x for a, x in zip(row, column, strict=True)) == found.denominator * b
        for column, target in zip(found.columns, right, strict=True)
        for row, b in zip(A, target, strict=True)
    )
    return (
        exact
        and found.denominator > 0
        and gcd(found.denominator, *(x for column in found.columns for x in column)) == 1
    )


@pytest.mark.parametrize("n", [1, 2, TINY, TINY + 1, 30])
@pytest.mark.parametrize("bits", [2, 29, 30, 31, 53, 200])
def test_random_systems(n: int, bits: int) -> None:
    rng = np.random.default_rng(n * bits)
    A = [[int(v) * 2 ** (bits - 2) + int(w) for v, w in rng.integers(-1, 2, (n, 2))] for _ in range(n)]
    for i in range(n):
        A[i][i] += 3 * n * 2**bits  # dominates, so that none is singular
    right = [[int(v) for v in rng.integers(-9, 10, n)], [int(v) * 10**40 for v in rng.integers(-9, 10, n)]]
    found = solve(A, right)
    assert found is not None
    assert holds(A, right, found)


@pytest.mark.parametrize("n", [5, TINY + 5])
def test_whole_solutions_and_zero(n: int) -> None:
    rng = np.random.default_rng(n)
    A = np.tril(rng.integers(-2, 3, (n, n)), -1) + np.eye(n, dtype=int)
    x = rng.integers(-(10**6), 10**6, n)
    found = solve(A.tolist(), [(A @ x).tolist(), [0] * n])
    assert found == Solution([x.tolist(), [0] * n], 1)
    assert solve(A.tolist(), []) == Solution([], 1)


@pytest.mark.parametrize("n", [3, TINY + 3])
def test_singular_systems(n: int) -> None:
    A = np.eye(n, dtype=int)
    A[-1] = A[0]
    assert solve(A.tolist(), [[1] * n]) is None


def test_a_prime_that_divides_the_determinant_is_passed_over() -> None:
    n = TINY + 2
    A = np.eye(n, dtype=int).astype(object)
    A[0, 0] = PRIMES[0] * PRIMES[1]
    found = solve(A.tolist(), [[1] * n])
    assert found is not None
    assert holds(A.tolist(), [[1] * n], found)
    A[1, 1] = PRIMES[2]
    assert solve(A.tolist(), [[1] * n]) is None  # given up, not wrong


def test_long_fractions() -> None:
    # A Hilbert matrix of 40: numbers of hundreds of digits, a condition number of 1e59.
    n = 40
    common = 1
    for k in range(1, 2 * n):
        common = common * k // gcd(common, k)
    A = [[common // (i + j + 1) for j in range(n)] for i in range(n)]
    found = solve(A, [[common] + [0] * (n - 1)])
    assert found is not None
    # The inverse of a Hilbert matrix is whole, and its first number is n^2.
    assert found.denominator == 1
    assert found.columns[0][0] == n**2
