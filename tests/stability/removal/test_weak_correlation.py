import math

import numpy as np
import pytest
from hypothesis import given

import unrelu as ur
from stability.removal.test_interlacing import matrices_with_removed_rows, without
from unrelu.errors import InputError

SLACK = 1e-12


def least_c_by_loops(matrix, removed, k):
    remaining = matrix[~removed]
    norm = math.sqrt(sum(value**2 for value in matrix[k]))
    return max((math.sqrt(len(remaining)) * abs(float(row @ matrix[k])) / norm for row in remaining), default=0.0)


@given(matrices_with_removed_rows())
def test_the_lemma_and_its_sharper_forms_hold_in_their_order(case):
    matrix, removed = case
    found = ur.bounds.weak_correlation(matrix, removed)
    left = without(matrix, removed)
    scale = float(np.linalg.norm(matrix, 2))
    values = np.linalg.svd(left, compute_uv=False)
    d = matrix.shape[1]
    assert found.smallest == pytest.approx(values[d - 1] if values.size == d else 0.0, abs=SLACK * scale)
    assert found.rows.tolist() == [k for k in np.flatnonzero(removed) if matrix[k].any()]
    for at, k in enumerate(found.rows):
        assert found.least_c[at] == pytest.approx(least_c_by_loops(matrix, removed, k))
        unit = matrix[k] / np.linalg.norm(matrix[k])
        assert found.along[at] == pytest.approx(np.linalg.norm(left @ unit))
        assert found.along[at] <= found.least_c[at] * (1 + SLACK)
        assert found.over_span <= found.along[at] + SLACK * scale
    if found.rows.size:
        assert found.smallest <= found.over_span + SLACK * scale
        assert found.smallest <= found.smallest_bound + SLACK * scale
    assert found.applies is bool(np.sum(~removed) >= d and found.rows.size)


@given(matrices_with_removed_rows())
def test_the_smallest_nonzero_value_is_bounded_where_the_lemma_says_so(case):
    matrix, removed = case
    found = ur.bounds.weak_correlation(matrix, removed)
    left = without(matrix, removed)
    rank = int(np.linalg.matrix_rank(left))
    scale = np.linalg.norm(matrix, 2)
    true = np.linalg.svd(left, compute_uv=False)[rank - 1] if rank else math.nan
    assert found.smallest_nonzero == pytest.approx(true, nan_ok=True, rel=1e-6, abs=SLACK)
    projector = np.linalg.pinv(left) @ left
    for at, k in enumerate(found.rows):
        unit = matrix[k] / np.linalg.norm(matrix[k])
        assert bool(found.in_span[at]) is bool(np.linalg.matrix_rank(np.vstack([left, matrix[k]])) == rank)
        if np.linalg.norm(projector @ unit) > 1e-6:
            ratio = np.linalg.norm(left @ unit) / np.linalg.norm(projector @ unit)
            assert found.along_projected[at] == pytest.approx(ratio, rel=1e-6)
            assert true <= found.along_projected[at] + 1e-9 * scale
            assert found.over_span_projected <= found.along_projected[at] + 1e-9 * scale
            assert true <= found.over_span_projected + 1e-9 * scale
        else:
            assert math.isnan(found.along_projected[at])
        if found.in_span[at]:
            assert true <= found.least_c[at] + 1e-9 * scale
    if found.applies_to_nonzero:
        assert true <= found.smallest_nonzero_bound + 1e-9 * scale


def test_outside_of_the_span_the_lemma_does_not_bound_the_smallest_nonzero_value():
    found = ur.bounds.weak_correlation(np.eye(2), removed=[1])
    assert found.smallest_bound == 0.0
    assert found.smallest_nonzero == 1.0
    assert not found.applies
    assert not found.applies_to_nonzero
    assert math.isnan(found.smallest_nonzero_bound)
    assert math.isnan(found.over_span_projected)


def test_the_span_of_the_removed_rows_can_find_the_least_value_that_no_row_does():
    """The weak direction e_2 is a difference of two removed rows, each strongly correlated with e_1."""
    matrix = np.array([[1.0, 0.0], [0.0, 0.01], [1.0, 1.0], [1.0, -1.0]])
    found = ur.bounds.weak_correlation(matrix, removed=[2, 3])
    assert found.over_span == pytest.approx(0.01)
    assert found.along.min() > 0.7
    assert found.smallest == pytest.approx(0.01)


def test_nothing_removed_or_nothing_left():
    none = ur.bounds.weak_correlation(np.eye(2), removed=[])
    assert none.rows.size == 0
    assert not none.applies
    assert math.isnan(none.smallest_bound)
    assert math.isnan(none.over_span)
    everything = ur.bounds.weak_correlation(np.eye(2), removed=[0, 1])
    assert everything.smallest == everything.smallest_bound == everything.largest == 0.0
    assert math.isnan(everything.smallest_nonzero)


def test_rows_of_zeros_say_nothing():
    found = ur.bounds.weak_correlation(np.array([[1.0], [0.0]]), removed=[1])
    assert found.rows.size == 0
    assert not found.applies


# -- the scan of appendix A5 ----------------------------------------------------------------------------


@given(matrices_with_removed_rows())
def test_the_scan_counts_the_rows_that_satisfy_the_condition(case):
    matrix, removed = case
    scale = np.linalg.norm(matrix, 2) * math.sqrt(len(matrix))
    c = np.linspace(0, 1.01, 7) * scale + 1e-9 * scale  # off the values at which a count changes
    found = ur.bounds.correlation_scan(matrix, removed, c=c)
    M = int(np.sum(~removed))
    assert found.n_remaining == M
    for at, k in enumerate(found.rows):
        bound = c * np.linalg.norm(matrix[k]) / math.sqrt(max(M, 1))
        expected = [sum(abs(float(row @ matrix[k])) <= limit for row in matrix[~removed]) for limit in bound]
        assert found.counts[at].tolist() == expected
        assert found.holds[at].tolist() == [count == M for count in expected]
    assert np.all(found.counts[:, -1] == M)


def test_the_interval_ends_by_default_where_all_conditions_hold():
    matrix = np.random.default_rng(0).standard_normal((30, 5))
    found = ur.bounds.correlation_scan(matrix, removed=np.arange(10))
    bounds = ur.bounds.weak_correlation(matrix, removed=np.arange(10))
    assert found.c[0] == 0.0
    assert found.c[-1] == pytest.approx(bounds.least_c.max())
    assert found.counts[:, -2].sum() < found.counts[:, -1].sum() <= 10 * 20
    np.testing.assert_allclose(found.share, found.counts / 20)
    empty = ur.bounds.correlation_scan(matrix, removed=[])
    assert empty.counts.shape == (0, 101)


def test_the_scan_in_parts_is_the_scan_at_once(monkeypatch):
    matrix = np.random.default_rng(1).standard_normal((30, 5))
    at_once = ur.bounds.correlation_scan(matrix, removed=np.arange(11))
    monkeypatch.setattr("unrelu.stability.removal.correlation_scan._PART", 60)
    in_parts = ur.bounds.correlation_scan(matrix, removed=np.arange(11))
    np.testing.assert_array_equal(at_once.counts, in_parts.counts)


def test_the_scan_runs_on_a_layer_at_an_input():
    layer = ur.ReLULayer(np.array([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]]), np.zeros(3))
    found = ur.bounds.correlation_scan(layer, at=np.array([1.0, -0.1]), c=np.array([0.9, 0.5]))
    assert found.rows.tolist() == [2]
    assert found.c.tolist() == [0.5, 0.9]
    assert found.counts.tolist() == [[1, 2]]


def test_negative_numbers_c_are_refused():
    with pytest.raises(InputError, match="must be 0 or more"):
        ur.bounds.correlation_scan(np.eye(2), removed=[0], c=np.array([-1.0]))
