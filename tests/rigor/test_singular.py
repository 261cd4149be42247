"""Proved bounds lie below the exact singular value and close to it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exact_oracle import determinant, fractions
from unrelu.rigor.singular import proves_full_rank, smallest_singular_value_bound


def with_spectrum(values: np.ndarray, n: int, seed: int) -> np.ndarray:
    """A (p, n) matrix with these singular values, up to rounding."""
    rng = np.random.default_rng(seed)
    p = values.size
    U = np.linalg.qr(rng.standard_normal((p, p)))[0]
    V = np.linalg.qr(rng.standard_normal((n, p)))[0]
    return U @ np.diag(values) @ V.T


@pytest.mark.parametrize("exponent", [0, 3, 6, 9, 12])
@pytest.mark.parametrize("shape", [(20, 20), (20, 50), (50, 20)])
def test_bound_is_below_and_close(exponent: int, shape: tuple[int, int]) -> None:
    p, n = min(shape), max(shape)
    M = with_spectrum(np.logspace(0, -exponent, p), n, seed=exponent)
    M = M if shape == (p, n) else M.T
    bound = smallest_singular_value_bound(M)
    least = 10.0**-exponent
    assert 0.4 * least < bound < least * (1 + 1e-3)
    assert proves_full_rank(M)


@given(st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=3, max_size=3))
def test_bound_never_exceeds_the_exact_value(rows: list[list[int]]) -> None:
    M = np.array(rows, dtype=float)
    bound = smallest_singular_value_bound(M)
    exact = fractions(M)
    gram = [[sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0)) for v in exact] for u in exact]
    # sigma_min >= s iff H - s^2 I is positive semidefinite, so all its principal minors are.
    for i in range(3):
        gram[i][i] -= Fraction(bound) ** 2
    minors = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]]
    assert all(determinant([[gram[i][j] for j in minor] for i in minor]) >= 0 for minor in minors)
    assert proves_full_rank(M) == (determinant(exact) != 0)


@pytest.mark.parametrize("scale", [2.0**-600, 1.0, 2.0**600])
def test_scale_does_not_matter(scale: float) -> None:
    M = with_spectrum(np.linspace(1, 2, 5), 8, seed=1)
    assert smallest_singular_value_bound(scale * M) == scale * smallest_singular_value_bound(M)


@pytest.mark.parametrize(
    "M", [np.zeros((2, 3)), np.array([[1.0, 2.0], [2.0, 4.0]]), np.array([[np.nan, 1.0]]), np.array([[np.inf, 1.0]])]
)
def test_nothing_is_proved_without_full_rank(M: np.ndarray) -> None:
    assert smallest_singular_value_bound(M) == 0.0
    assert not proves_full_rank(M)


def test_singular_up_to_rounding_is_not_full_rank() -> None:
    # Rank 2 exactly, since the third row is the sum of the others in integers; scaled so that floats are exact.
    M = np.array([[3.0, 1.0, 7.0], [5.0, -2.0, 1.0], [8.0, -1.0, 8.0]]) / 8
    assert smallest_singular_value_bound(M) == 0.0
    assert not proves_full_rank(M)


@pytest.mark.parametrize("copies", [15, 19, 25])
@pytest.mark.parametrize("others", [0, 5])
def test_equal_rows_prove_nothing_and_warn_of_nothing(copies: int, others: int) -> None:
    # Each copy leaves a pivot 1e-17 times the one before, so that products of the inverse factor overflow.
    rng = np.random.default_rng(0)
    M = np.vstack([rng.standard_normal((others, 40)), np.repeat(rng.standard_normal((1, 40)), copies, axis=0)])
    assert smallest_singular_value_bound(M) == 0.0
    assert not proves_full_rank(M)


def test_rows_of_very_different_sizes_warn_of_nothing() -> None:
    rng = np.random.default_rng(0)
    M = rng.standard_normal((300, 300)) * 2.0 ** rng.integers(-300, 0, (300, 1))
    bound = smallest_singular_value_bound(M)
    # No singular value exceeds the length of a row: the least is at most the shortest one.
    assert 0.0 <= bound <= np.linalg.norm(M, axis=1).min()


@pytest.mark.parametrize("n", [3, 46, 120, 300])
def test_one_ulp_makes_full_rank_beyond_all_condition_numbers(n: int) -> None:
    # The last row is the sum of others, exactly; an ulp more in one number, and the determinant is not 0.
    rng = np.random.default_rng(n)
    M = rng.integers(-(2**20), 2**20, (n, n)).astype(float)
    M[-1] = M[: min(8, n - 1)].sum(axis=0)
    assert not proves_full_rank(M)
    assert not proves_full_rank(M * 2.0 ** rng.integers(-900, 900, (n, 1)))
    M[-1, 1] = np.nextafter(M[-1, 1], np.inf)
    assert smallest_singular_value_bound(M) == 0.0
    assert proves_full_rank(M)
    assert proves_full_rank(M * 2.0 ** rng.integers(-900, 900, (n, 1)))
    assert proves_full_rank(M.T)
    assert proves_full_rank(np.vstack([M, M[:2]]))
