"""What the pattern of numbers says about ranks, against the rank of random numbers in it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from unrelu.solvers.structural_kernel import loose_columns, scarce_columns


def random_pattern(rng: np.random.Generator) -> np.ndarray:
    """Some rows use the same columns, as filters at one place do, and some none."""
    m, d = int(rng.integers(1, 9)), int(rng.integers(1, 9))
    pattern = rng.random((m, d)) < rng.uniform(0.1, 0.6)
    return rng.standard_normal((m, d)) * pattern[rng.integers(m, size=m)]


@pytest.mark.parametrize("seed", range(5))
def test_loose_columns_are_those_of_the_null_space_of_random_numbers(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(100):
        A = random_pattern(rng)
        _, sizes, Vh = np.linalg.svd(A)
        null = Vh[int((sizes > 1e-10).sum()) :]
        np.testing.assert_array_equal(loose_columns(sparse.csr_array(A)), (np.abs(null) > 1e-8).any(axis=0))


@pytest.mark.parametrize("seed", range(5))
def test_scarce_columns_have_few_rows_and_are_found_if_there_are_any(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(40):
        A = random_pattern(rng)[:, :6]
        m, d = A.shape
        equalities = rng.random(m) < 0.5
        found = scarce_columns(sparse.csr_array(A), equalities)

        def is_scarce(columns: np.ndarray, A: np.ndarray = A, equalities: np.ndarray = equalities) -> bool:
            used = A[:, columns].any(axis=1)
            return int((used & equalities).sum()) < int(columns.sum()) >= int(used.sum())

        subsets = ((k >> np.arange(d)) & 1 == 1 for k in range(1, 2**d))
        if found.any():
            assert is_scarce(found)
        else:
            assert not any(is_scarce(columns) for columns in subsets)
