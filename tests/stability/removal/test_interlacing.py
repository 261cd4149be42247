import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unrelu as ur
from unrelu.errors import InputError, ShapeError


@st.composite
def matrices_with_removed_rows(draw):
    """Of any shape and rank: products of integer matrices, so that many are rank-deficient."""
    m, d, r = (draw(st.integers(1, 9)) for _ in range(3))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    matrix = random.integers(-3, 4, (m, r)) @ random.integers(-3, 4, (r, d)) * 0.25
    if not matrix.any():
        matrix[0, 0] = 1.0
    removed = np.array(draw(st.lists(st.booleans(), min_size=m, max_size=m)))
    return matrix, removed


def without(matrix, removed):
    kept = matrix.copy()
    kept[removed] = 0
    return kept


@given(matrices_with_removed_rows())
def test_the_lemma_holds_and_the_values_are_those_of_the_masked_matrix(case):
    matrix, removed = case
    found = ur.bounds.interlacing(matrix, removed)
    slack = 1e-13 * found.upper[0]
    true = np.linalg.svd(without(matrix, removed), compute_uv=False)
    np.testing.assert_allclose(found.values, true, rtol=0, atol=slack)
    np.testing.assert_allclose(found.upper, np.linalg.svd(matrix, compute_uv=False), rtol=0, atol=slack)
    assert np.all(found.lower <= found.values + slack)
    assert np.all(found.values <= found.upper + slack)
    q = int(removed.sum())
    for i in range(found.upper.size):
        assert found.lower[i] == (found.upper[i + q] if i + q < found.upper.size else 0.0)
    assert found.rank_before == np.linalg.matrix_rank(matrix)
    assert found.rank == np.linalg.matrix_rank(without(matrix, removed))
    assert found.largest <= found.largest_bound + slack
    assert found.applies is (q < found.rank_before)
    if found.applies:
        assert found.smallest_nonzero <= found.smallest_nonzero_bound + slack
        assert found.smallest_nonzero_bound_by_rank <= found.smallest_nonzero_bound
    else:
        assert math.isnan(found.smallest_nonzero_bound)
    if found.rank:
        assert found.smallest_nonzero <= found.smallest_nonzero_bound_by_rank + slack


def test_both_ends_are_reached():
    upper = ur.bounds.interlacing(np.diag([4.0, 3.0, 2.0]), removed=[2])
    assert upper.smallest_nonzero == upper.smallest_nonzero_bound == 3.0
    lower = ur.bounds.interlacing(np.diag([4.0, 3.0, 2.0]), removed=[0])
    np.testing.assert_allclose(lower.values, [3.0, 2.0, 0.0], rtol=1e-15)
    np.testing.assert_array_equal(lower.lower, [3.0, 2.0, 0.0])


def test_it_can_be_the_identity_or_leave_nothing():
    none = ur.bounds.interlacing(np.eye(2), removed=[])
    assert none.values.tolist() == none.upper.tolist() == none.lower.tolist() == [1.0, 1.0]
    everything = ur.bounds.interlacing(np.eye(2), removed=[0, 1])
    assert everything.values.tolist() == [0.0, 0.0]
    assert math.isnan(everything.smallest_nonzero)
    assert math.isnan(everything.smallest_nonzero_bound)
    assert math.isnan(everything.smallest_nonzero_bound_by_rank)


def test_at_an_input_the_inactive_rows_are_removed_exactly():
    """The second pre-activation is 2^-60, which floats round to 0; the third is 0, and so inactive."""
    layer = ur.ReLULayer(np.array([[1.0, 0.0], [1.0, 1.0], [-1.0, 0.0]]), np.array([0.0, -1.0, 1.0]))
    found = ur.bounds.interlacing(layer, at=np.array([1.0, 2.0**-60]))
    assert found.n_removed == 1
    np.testing.assert_array_equal(found.values, ur.bounds.interlacing(layer, removed=[2]).values)


def test_the_tolerance_decides_what_counts_as_zero():
    matrix = np.diag([1.0, 1e-5])
    assert ur.bounds.interlacing(matrix, removed=[]).rank == 2
    assert ur.bounds.interlacing(matrix, removed=[], rtol=1e-4).rank == 1


def test_misuse_is_refused():
    layer = ur.ReLULayer(np.eye(2), np.zeros(2))
    with pytest.raises(InputError, match="give either `removed`"):
        ur.bounds.interlacing(layer)
    with pytest.raises(InputError, match="give either `removed`"):
        ur.bounds.interlacing(layer, removed=[0], at=np.ones(2))
    with pytest.raises(InputError, match="has no bias"):
        ur.bounds.interlacing(np.eye(2), at=np.ones(2))
    with pytest.raises(ShapeError, match="the layer takes 2"):
        ur.bounds.interlacing(layer, at=np.ones(3))
    with pytest.raises(ShapeError, match="must have shape"):
        ur.bounds.interlacing(np.ones(3), removed=[0])
    with pytest.raises(ShapeError, match="bool mask of shape"):
        ur.bounds.interlacing(layer, removed=np.array([True]))
    with pytest.raises(InputError, match="whole numbers"):
        ur.bounds.interlacing(layer, removed=np.array([0.5]))
    with pytest.raises(InputError, match="there is no row 2"):
        ur.bounds.interlacing(layer, removed=[2])
    with pytest.raises(InputError, match="rtol must be"):
        ur.bounds.interlacing(layer, removed=[0], rtol=-1.0)
