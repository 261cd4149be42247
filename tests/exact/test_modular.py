"""Elimination modulo a prime against elimination in rational arithmetic, and what a rank modulo a prime proves."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import determinant, fractions, rank
from unrelu.exact.modular import (
    MOST_TERMS,
    PRIMES,
    inverse,
    profile,
    proves_full_column_rank,
    reduced,
    residues_of_floats,
    residues_of_integers,
)


def is_prime(n: int) -> bool:
    return n > 1 and all(n % k for k in range(2, int(n**0.5) + 1))


def test_the_primes_are_the_largest_for_which_sums_stay_exact() -> None:
    below = [n for n in range(2**23 - 60, 2**23) if is_prime(n)]
    assert list(PRIMES) == below[: -len(PRIMES) - 1 : -1]
    assert MOST_TERMS * ((max(PRIMES) + 1) // 2 + 1) ** 2 < 2**53


@pytest.mark.parametrize("prime", PRIMES)
def test_residues_of_numbers_of_all_sizes(prime: int) -> None:
    rng = np.random.default_rng(0)
    values = np.ldexp(rng.standard_normal(200), rng.integers(-1070, 1020, 200))
    values = np.concatenate([values, [0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1.7976931348623157e308, float(prime)]])
    found = residues_of_floats(values[None], prime)[0]
    for value, residue in zip(values.tolist(), found.tolist(), strict=True):
        numerator, denominator = value.as_integer_ratio()
        assert abs(residue) <= prime // 2
        assert (int(residue) * denominator - numerator) % prime == 0
    whole = [int(value) for value in values if abs(value) > 2**53]
    again = residues_of_integers([whole], len(whole), prime)[0]
    assert all((int(r) - value) % prime == 0 for r, value in zip(again, whole, strict=True))


def test_multiples_of_the_prime_become_zero() -> None:
    prime = PRIMES[0]
    multiples = np.array([0, 1, -1, 2**20 + 1, 2**29, -(2**29) - 1]) * float(prime)
    assert not reduced(multiples, prime).any()
    assert (np.abs(reduced(multiples + prime // 2, prime)) <= prime // 2 + 1).all()


@pytest.mark.parametrize("seed", range(4))
def test_profiles_of_small_integers(seed: int) -> None:
    # Sizes on both sides of one panel; of entries so small no minor of these sizes is a multiple of the prime.
    rng = np.random.default_rng(seed)
    for m, n in ((1, 1), (3, 5), (9, 4), (12, 12), (40, 36), (34, 70)):
        r = int(rng.integers(0, min(m, n, 8) + 1))
        A = (rng.integers(-1, 2, (m, r)) @ rng.integers(-1, 2, (r, n))).astype(float)
        found = profile(residues_of_floats(A, PRIMES[0]), PRIMES[0])
        assert found.rank == rank(fractions(A))
        assert rank(fractions(A[np.ix_(found.rows, found.columns)])) == found.rank
        for count, column in enumerate(found.columns[:4]):  # each is independent of all columns before it
            assert rank(fractions(A[:, :column])) == count


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_inverses(n: int) -> None:
    rng = np.random.default_rng(n)
    prime = PRIMES[0]
    A = rng.integers(-prime // 2, prime // 2, (n, n)).astype(float)
    found = inverse(A, prime)
    assert found is not None
    product = A.astype(int).astype(object) @ found.astype(int).astype(object) % prime
    assert (product == np.eye(n, dtype=int)).all()
    A[-1] = A[0] if n > 1 else 0.0
    assert inverse(A, prime) is None


def test_a_rank_modulo_a_prime_proves_full_rank_only() -> None:
    assert proves_full_column_rank([[1, 2], [3, 4], [5, 6]], 2)
    assert not proves_full_column_rank([[1, 2], [2, 4], [3, 6]], 2)
    assert not proves_full_column_rank([[1, 2]], 2)
    assert proves_full_column_rank([], 0)
    assert proves_full_column_rank(np.zeros((3, 0)), 0)
    # Divisible by the first prime, yet of full rank.
    assert proves_full_column_rank([[PRIMES[0], 0], [0, 1]], 2)
    assert proves_full_column_rank(np.diag([float(PRIMES[0]), 1.0]), 2)
    # By all primes that are tried: nothing is proved, and nothing false said.
    assert not proves_full_column_rank([[PRIMES[0] * PRIMES[1], 0], [0, 1]], 2)


@pytest.mark.parametrize("seed", range(3))
def test_never_more_than_the_determinant_allows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        A = rng.integers(-1, 2, (4, 4)).astype(float) * 2.0 ** rng.integers(-600, 400, (4, 1))
        assert proves_full_column_rank(A, 4) == (determinant(fractions(A)) != 0)
