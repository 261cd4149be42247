"""What is proved once about rows that are scaled, and for chosen ones."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from rigor.nearly_dependent_rows import ILL_CONDITIONED, SMALL, nearly_dependent
from unrelu.rigor import normal_band, scaled_rows
from unrelu.rigor.matrices import as_array
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import frobenius_above
from unrelu.rigor.scaled_rows import ScaledRows

LEAST = 2.0**-1074


def test_rows_are_scaled_without_loss() -> None:
    A = np.array([[3.0, LEAST], [2.0**-1070, 2.0**-1074], [2.0**1000, 2.0**-60], [0.0, 0.0], [-5.0, 1.0], [1.0, -7.0]])
    for matrix in (A, sparse.csr_array(A)):
        rows = ScaledRows(matrix)
        whole = rows.matrix if isinstance(rows.matrix, np.ndarray) else rows.matrix.toarray()
        for given, scaled, scale in zip(A.tolist(), whole.tolist(), rows.scales.tolist(), strict=True):
            if math.isfinite(scale):
                assert [Fraction(a) * Fraction(scale) for a in given] == [Fraction(a) for a in scaled]
        assert rows.is_zero.tolist() == [False, False, False, True, False, False]
        assert whole[0].tolist() == [3.0, LEAST]  # 3/4 would lose the other number
        assert np.abs(whole[[1, 2, 4, 5]]).max(axis=1).tolist() == [0.5, 0.5, 0.625, 0.875]
        assert math.isinf(rows.scales[1])
        assert rows.bounded_column.tolist() == [-1] * 6
        assert not rows.zero_columns.size
        assert rows.column_terms == (5 if rows.is_sparse else 6)
        assert rows.shape == (6, 2)


def test_rows_with_one_number_are_seen_wherever_it_is() -> None:
    A = np.zeros((6, 40))
    A[0, 3], A[1, 39], A[2, 0], A[2, 39], A[3, 20], A[3, 21] = -2.0, 5.0, 1.0, 1.0, 1.0, 1.0
    A[5, 1:3] = 1.0
    A[4, 0] = -0.5
    for matrix in (A, sparse.csr_array(A)):
        rows = ScaledRows(matrix)
        assert rows.bounded_column.tolist() == [3, 39, -1, -1, 0, -1]
        assert rows.bound_sign.tolist() == [-1, 1, 0, 0, -1, 0]
        assert set(range(40)) - set(rows.zero_columns.tolist()) == {0, 1, 2, 3, 20, 21, 39}
    assert ScaledRows(sparse.csr_array(np.zeros((2, 3)))).column_terms == 0
    assert ScaledRows(sparse.csr_array(np.tril(np.ones((4, 4))))).column_terms == 4


def test_the_rank_of_all_rows_is_proved_with_their_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    A = np.vstack([ILL_CONDITIONED, ILL_CONDITIONED])
    assert 0 < ScaledRows(A).column_rank_bound <= np.linalg.svd(ScaledRows(A).matrix)[1][-1]
    rows = ScaledRows(np.vstack([np.eye(3), np.eye(3)]))
    asked = []
    monkeypatch.setattr(scaled_rows, "bound_from_gram", lambda _, *size: asked.append(size) or 1.0)
    assert rows.column_rank_bound == 1.0
    assert asked == [(pytest.approx(np.linalg.norm(rows.matrix), rel=1e-13), 6)]
    assert asked[0][0] >= np.linalg.norm(rows.matrix)


@pytest.mark.parametrize("few", [False, True])
def test_bounds_are_about_the_chosen_rows(few: bool) -> None:
    A = np.vstack([np.eye(3), np.eye(3), [[1.0, 1.0, 1.0]]]) / 2
    rows = ScaledRows(sparse.csr_array(A) if few else A)
    every = np.ones(7, dtype=bool)
    for chosen in (every, np.arange(7) < 3, np.arange(7) > 3, np.array([1, 1, 0, 1, 1, 0, 1], dtype=bool)):
        truth = np.linalg.svd(A[chosen], compute_uv=False)[-1]
        assert 0.9 * truth <= rows.column_bound_of(chosen) <= truth
        assert rows.proves_full_column_rank(chosen)
    for chosen in (np.arange(7) < 2, np.array([1, 1, 0, 1, 1, 0, 0], dtype=bool), ~every):
        assert rows.column_bound_of(chosen) == 0.0
        assert not rows.proves_full_column_rank(chosen)
    assert 0.9 <= rows.column_rank_bound / np.linalg.svd(A, compute_uv=False)[-1] <= 1
    assert ScaledRows(sparse.csr_array(A[:2]) if few else A[:2]).column_rank_bound == 0.0


def test_sparse_rows_too_many_for_a_band_prove_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, every = ScaledRows(sparse.csr_array(np.eye(5))), np.ones(5, dtype=bool)
    monkeypatch.setattr(normal_band, "BAND_LIMIT", 1)
    assert rows.column_bound_of(every) == 0.0
    assert not rows.proves_full_column_rank(every)


def test_sparse_rows_that_a_band_leaves_open_are_deflated_and_then_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    A, every = nearly_dependent(SMALL), np.ones(12, dtype=bool)
    truth = np.linalg.svd(ScaledRows(A).matrix, compute_uv=False)[-1]
    monkeypatch.setattr(scaled_rows, "DENSE_SIZE", 0)
    rows = ScaledRows(sparse.csr_array(A))
    assert 0 < rows.column_bound_of(every) <= truth
    assert rows.proves_full_column_rank(every)
    monkeypatch.setattr(scaled_rows, "deflated_bound", lambda *_: 0.0)
    assert rows.column_bound_of(every) == 0.0
    assert not rows.proves_full_column_rank(every)
    monkeypatch.setattr(scaled_rows, "DENSE_SIZE", A.size - 1)
    assert rows.column_bound_of(every) == 0.0
    assert not rows.proves_full_column_rank(every)
    monkeypatch.setattr(scaled_rows, "DENSE_SIZE", A.size)
    assert 0.9 * truth <= rows.column_bound_of(every) <= truth
    assert rows.proves_full_column_rank(every)


def test_slacks_of_chosen_rows_are_about_their_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    for name in ("least_singular_value", "proves_full_column_rank"):
        monkeypatch.setattr(NormalBand, name, lambda _, chosen, size, **__: seen.append(size) or 1.0)
    rows = ScaledRows(sparse.csr_array(np.vstack([np.eye(3), np.eye(3)])))
    for chosen in (np.arange(6) < 3, np.arange(6) < 4):
        rows.column_bound_of(chosen)
        rows.proves_full_column_rank(chosen)
        exact = frobenius_above(rows.matrix[chosen])
        assert seen == [pytest.approx(exact), pytest.approx(exact)]
        assert min(seen) >= np.linalg.norm(as_array(rows.matrix[chosen]))
        seen.clear()
