"""A layer straight from arrays."""

import numpy as np
import pytest
import torch
from scipy import sparse

from unrelu.errors import InputError, ShapeError
from unrelu.network.layer import ReLULayer


def test_arrays_are_copied_and_read_only():
    weight, bias = torch.ones(2, 6, dtype=torch.float64), np.zeros(2, dtype=np.float32)
    layer = ReLULayer(weight, bias, name="l", input_shape=(2, 3), output_shape=(2, 1), folding_error=0.5)
    weight[0, 0] = 7
    bias[0] = 7
    assert (layer.weight[0, 0], layer.bias[0]) == (1.0, 0.0)
    assert (layer.weight.dtype, layer.bias.dtype) == (np.float64, np.float64)
    with pytest.raises(ValueError, match="read-only"):
        layer.weight[0, 0] = 3
    assert (layer.n_inputs, layer.n_outputs, layer.name, layer.folding_error) == (6, 2, "l", 0.5)
    assert (layer.input_shape, layer.output_shape) == ((2, 3), (2, 1))
    assert (ReLULayer(weight, bias).input_shape, ReLULayer(weight, bias).output_shape) == ((6,), (2,))


@pytest.mark.parametrize(
    ("weight", "bias", "error", "message"),
    [
        (np.ones(3), np.ones(3), ShapeError, r"needs a weight \(m, d\) and a bias \(m,\), not \(3,\) and \(3,\)"),
        (np.ones((2, 3)), np.ones(3), ShapeError, "needs a weight"),
        (np.ones((0, 3)), np.ones(0), ShapeError, "needs a weight"),
        (np.full((1, 1), np.inf), np.ones(1), InputError, "the weight of the layer holds NaN or infinite"),
        (np.ones((1, 1)), np.array([np.nan]), InputError, "the bias of the layer holds NaN"),
        (sparse.csr_array([[np.nan]]), np.ones(1), InputError, "the weight of the layer holds NaN"),
        (sparse.csr_array([[1j]]), np.ones(1), InputError, "the weight of the layer must be real"),
        (sparse.csr_array((2, 3)), np.ones(3), ShapeError, "needs a weight"),
        (np.ones((1, 1), dtype=complex), np.ones(1), InputError, "the weight of the layer must be real"),
    ],
)
def test_arrays_that_are_no_layer(weight, bias, error, message):
    with pytest.raises(error, match=message):
        ReLULayer(weight, bias)


def test_shapes_must_fit_the_weight():
    with pytest.raises(ShapeError, match=r"shapes \(4,\) and \(2,\) do not fit a weight of shape \(2, 3\)"):
        ReLULayer(np.ones((2, 3)), np.ones(2), input_shape=(4,))


def test_a_sparse_weight_keeps_its_numbers_once_in_order_and_read_only():
    parts = (np.array([1.0, 2.0, 3.0, 0.0]), (np.array([0, 0, 1, 1]), np.array([2, 2, 0, 1])))
    layer = ReLULayer(sparse.coo_matrix(parts, shape=(2, 3)), np.zeros(2))
    assert layer.is_sparse
    assert isinstance(layer.weight, sparse.csr_array)
    assert (layer.weight.nnz, layer.weight.dtype) == (2, np.float64)
    np.testing.assert_array_equal(layer.dense_weight, [[0, 0, 3], [3, 0, 0]])
    with pytest.raises(ValueError, match="read-only"):
        layer.weight.data[0] = 7.0
    assert not ReLULayer(np.ones((2, 3)), np.zeros(2)).is_sparse
