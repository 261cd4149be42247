"""Null spaces against the rank by rational elimination."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import fractions, rank
from unrelu.exact import null_space as module
from unrelu.exact.integers import integer_rows, products
from unrelu.exact.modular import PRIMES
from unrelu.exact.null_space import null_space


@pytest.mark.parametrize("seed", range(4))
def test_as_many_independent_vectors_as_the_rank_leaves(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for m, n in ((1, 1), (2, 5), (6, 3), (20, 25), (40, 30)):
        r = int(rng.integers(0, min(m, n) + 1))
        A = rng.integers(-2, 3, (m, r)) @ rng.integers(-2, 3, (r, n))
        basis = null_space(A.tolist(), n)
        assert basis is not None
        assert len(basis) == n - rank(fractions(A))
        assert rank(fractions(np.array(basis, dtype=object).reshape(-1, n))) == len(basis)
        assert not any(any(products(A.tolist(), z)) for z in basis)
        assert null_space(A.tolist(), n, at_most=1) == basis[:1]


def test_without_rows_and_without_coordinates() -> None:
    assert null_space([], 2) == [(1, 0), (0, 1)]
    assert null_space([[0, 0]], 2) == [(1, 0), (0, 1)]
    assert null_space([], 0) == []
    assert null_space([[]], 0) == []


def test_a_rank_that_a_prime_hides_is_not_believed() -> None:
    assert null_space([[PRIMES[0], 0], [0, 1]], 2) == []
    assert null_space([[PRIMES[0] * PRIMES[1] * PRIMES[2], 0], [0, 1]], 2) is None


def test_one_ulp_decides() -> None:
    rng = np.random.default_rng(0)
    A = rng.integers(-(2**20), 2**20, (50, 50)).astype(float)
    A[-1] = A[:8].sum(axis=0)
    basis = null_space(integer_rows(A), 50)
    assert basis is not None
    assert len(basis) == 1
    A[-1, 3] = np.nextafter(A[-1, 3], np.inf)
    assert null_space(integer_rows(A), 50) == []


def test_ranks_above_the_limit_are_not_tried(monkeypatch):
    monkeypatch.setattr(module, "MOST_TERMS", 3)
    rows = [[int(i == j) for j in range(5)] for i in range(4)]
    assert null_space(rows, 5) is None
    assert null_space(rows[:3], 5) == [(0, 0, 0, 1, 0), (0, 0, 0, 0, 1)]
