"""Band matrices of sparse normal equations: right, and bounds that never exceed the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from unrelu.rigor.deflation import deflated_bound
from unrelu.rigor.matrices import as_array
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import frobenius_above, row_norms_above
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_signs_batch
from unrelu.rigor.singular import smallest_singular_value_bound


def local_rows(rng: np.random.Generator, m: int, d: int, width: int) -> np.ndarray:
    """Rows of a few neighbours each, several with the same columns, their columns shuffled."""
    A = np.zeros((m, d))
    for row in range(m):
        start = rng.integers(0, d - width + 1)
        A[row, start : start + width] = rng.standard_normal(width) * 2.0 ** rng.integers(-3, 4)
    return A[:, rng.permutation(d)]


@pytest.mark.parametrize("seed", range(5))
def test_the_band_is_the_weighted_normal_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, weights = local_rows(rng, 300, 40, 5), rng.random(300)
    normal = NormalBand(sparse.csr_array(A))
    assert normal.width < 20
    band = normal.band(weights)
    full = (A.T @ (A * weights[:, None]))[np.ix_(normal.order, normal.order)]
    for k in range(40):
        diagonal = band[k, : 40 - k] if k <= normal.width else 0.0
        np.testing.assert_allclose(np.diagonal(full, -k), diagonal, atol=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_bounds_are_below_the_least_singular_value_and_near_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = local_rows(rng, 200, 30, 4)
    rows = ScaledRows(sparse.csr_array(A))
    chosen = rng.random(200) < 0.9
    truth = np.linalg.svd(as_array(rows.matrix)[chosen], compute_uv=False)[-1]
    bound = rows.column_bound_of(chosen)
    assert 0.2 * truth < bound <= truth * (1 + 1e-12)
    assert rows.proves_full_column_rank(chosen)
    wide = sparse.csr_array(A[:20] * (np.arange(200) < 20)[:20, None]).T.tocsr()
    truth = np.linalg.svd(wide.toarray(), compute_uv=False)[-1]
    assert smallest_singular_value_bound(sparse.csr_array(wide)) <= truth * (1 + 1e-12)


def test_rows_that_are_dependent_prove_nothing() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        A = local_rows(rng, 100, 20, 3)
        A[:, 3] = A[:, 4] * rng.choice([-2.0, 0.5, 1.0])
        rows = ScaledRows(sparse.csr_array(A))
        assert rows.column_bound_of(np.ones(100, dtype=bool)) == 0.0
        assert not rows.proves_full_column_rank(np.ones(100, dtype=bool))
        assert rows.column_bound_of(np.arange(100) < 19) == 0.0


@pytest.mark.parametrize("seed", range(10))
def test_a_few_small_singular_values_are_bounded_apart(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = local_rows(rng, 400, 60, 5)
    small = 10.0 ** -rng.uniform(7, 8.5)
    for j in rng.choice(29, 3, replace=False):
        A[:, 2 * j] = A[:, 2 * j + 1] + small * rng.standard_normal(400) * (A[:, 2 * j + 1] != 0)
    rows = ScaledRows(sparse.csr_array(A))
    every = np.ones(400, dtype=bool)
    truth = np.linalg.svd(as_array(rows.matrix), compute_uv=False)[-1]
    assert rows.normal_band.least_singular_value(every, frobenius_above(rows.matrix)) == 0.0
    assert truth < 1e-4
    assert 1e-5 * truth < deflated_bound(rows.matrix, rows.normal_band, every) <= truth
    A[:, 20] = A[:, 21]
    rows = ScaledRows(sparse.csr_array(A))
    assert deflated_bound(rows.matrix, rows.normal_band, every) == 0.0


def test_sparse_rows_are_scaled_and_measured_as_dense_ones() -> None:
    rng = np.random.default_rng(3)
    A = rng.standard_normal((50, 9)) * (rng.random((50, 9)) < 0.3) * 2.0 ** rng.integers(-1060, 900, (50, 1))
    few, whole = ScaledRows(sparse.csr_array(A)), ScaledRows(A)
    np.testing.assert_array_equal(as_array(few.matrix), whole.matrix)
    np.testing.assert_array_equal(few.scales, whole.scales)
    np.testing.assert_array_equal(few.is_zero, whole.is_zero)
    np.testing.assert_array_equal(few.bounded_column, whole.bounded_column)
    np.testing.assert_array_equal(few.bound_sign, whole.bound_sign)
    np.testing.assert_array_equal(few.zero_columns, whole.zero_columns)
    np.testing.assert_allclose(few.norms, whole.norms, rtol=1e-12)
    np.testing.assert_allclose(row_norms_above(sparse.csr_array(A)), row_norms_above(A), rtol=1e-12)
    assert frobenius_above(few.matrix) == pytest.approx(frobenius_above(whole.matrix))


def test_signs_of_sparse_rows_are_exact() -> None:
    rng = np.random.default_rng(4)
    A = rng.standard_normal((40, 12)) * (rng.random((40, 12)) < 0.4)
    x = rng.standard_normal((5, 12))
    b = -(A @ x[0])  # at the first point all are 0 up to rounding
    np.testing.assert_array_equal(exact_signs_batch(sparse.csr_array(A), b, x), exact_signs_batch(A, b, x))
