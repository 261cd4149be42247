"""Max pooling: beside PyTorch's own, the selection it makes, and the windows it refuses."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from network.onnx_builder import OnnxBuilder, read
from unrelu.errors import ModelFileError, ShapeError
from unrelu.network.graph import Network
from unrelu.operators import MaxPool

POOLS = [
    nn.MaxPool2d(kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil)
    for kernel, stride, padding, dilation, ceil in itertools.product(
        [2, 3, (2, 3)], [None, 1, (3, 2)], [0, 1], [1, 2], [False, True]
    )
]


def ours(pool: nn.MaxPool2d) -> MaxPool:
    def pair(value):
        return (value, value) if isinstance(value, int) else tuple(value)

    padding = tuple((side, side) for side in pair(pool.padding))
    return MaxPool(pair(pool.kernel_size), pair(pool.stride), padding, pair(pool.dilation), pool.ceil_mode)


@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("shape", [(2, 6, 7), (3, 9, 5)])
def test_maxima_and_selection_are_those_of_torch(pool, shape):
    torch.manual_seed(0)
    x = torch.randn(2, *shape, dtype=torch.float64)
    pool.return_indices = True
    values, indices = pool(x)
    operator = ours(pool)
    assert operator.output_shape(shape) == tuple(values.shape[1:])
    assert torch.equal(operator.apply(x), values)
    planes = shape[1] * shape[2] * torch.arange(shape[0])[:, None, None]
    chosen = operator.branches(x).numpy()
    np.testing.assert_array_equal(operator.coordinates(chosen, shape), (indices + planes).numpy())
    np.testing.assert_array_equal(operator.coordinates(chosen[0], shape), (indices[0] + planes).numpy())
    members = operator.members(shape).numpy()
    np.testing.assert_array_equal(
        np.take_along_axis(members, chosen[0].reshape(-1, 1), axis=1).ravel(), (indices[0] + planes).numpy().ravel()
    )


def test_of_equal_numbers_the_first_is_selected():
    operator = MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))
    x = torch.tensor([[[[1.0, 5.0, 0.0, 0.0], [5.0, 5.0, 0.0, 0.0]]]], dtype=torch.float64)
    assert operator.branches(x).tolist() == [[[[1, 0]]]]
    assert operator.coordinates(operator.branches(x).numpy(), (1, 2, 4)).tolist() == [[[[1, 2]]]]


def test_uneven_padding_is_never_selected_though_all_numbers_are_negative():
    operator = MaxPool((2,), (1,), ((1, 0),), (1,))
    x = torch.tensor([[[-3.0, -2.0, -5.0]]], dtype=torch.float64)
    assert operator.apply(x).tolist() == [[[-3.0, -2.0, -2.0]]]
    assert operator.branches(x).tolist() == [[[1, 1, 0]]]
    assert operator.coordinates(operator.branches(x).numpy(), (1, 3)).tolist() == [[[0, 1, 1]]]
    assert operator.members((1, 3)).tolist() == [[-1, 0], [0, 1], [1, 2]]


@pytest.mark.parametrize(
    ("operator", "shape", "message"),
    [
        (MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)), (4, 4), "over 2 spatial dimensions cannot take"),
        (MaxPool((3,), (1,), ((0, 0),), (1,)), (1, 2), r"smaller than the windows \(3,\)"),
        (MaxPool((2,), (2,), ((2, 0),), (1,)), (1, 4), "has a window of padding alone"),
        (MaxPool((2,), (1,), ((1, 1),), (2,)), (1, 1), "has a window of padding alone"),
    ],
)
def test_windows_that_do_not_fit_are_refused(operator, shape, message):
    with pytest.raises(ShapeError, match=message):
        operator.output_shape(shape)


@pytest.mark.parametrize("pads", [[1, 0, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]])
@pytest.mark.parametrize("stride", [1, 2])
def test_uneven_padding_of_a_file_equals_the_reference_evaluator(pads, stride, tmp_path):
    def write(b: OnnxBuilder) -> str:
        return b.node("MaxPool", "x", kernel_shape=[3, 2], strides=[stride] * 2, pads=pads)

    network = read(tmp_path, write, (2, 5, 6))
    x = torch.randn(3, 2, 5, 6, generator=torch.Generator().manual_seed(1))
    assert network.source is not None
    (name,) = network.choices
    np.testing.assert_array_equal(network.source.values(x, (name,))[name], network(x))


@pytest.mark.parametrize("mode", ["SAME_UPPER", "VALID"])
def test_automatic_padding(mode, tmp_path):
    def write(b: OnnxBuilder) -> str:
        return b.node("MaxPool", "x", kernel_shape=[2, 3], strides=[2, 2], auto_pad=mode)

    size = (2, 3) if mode == "VALID" else (3, 4)
    assert read(tmp_path, write, (2, 5, 7)).output_shape == (2, *size)


def test_a_file_that_pools_vectors_is_refused(tmp_path):
    with pytest.raises(ModelFileError, match=r"node 't0' pools samples of shape \(4,\)"):
        read(tmp_path, lambda b: b.node("MaxPool", "x", kernel_shape=[2]))


def test_the_layer_behind_a_max_pooling_takes_what_it_gives():
    torch.manual_seed(2)
    module = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    ).eval()
    network = Network.from_torch(module, torch.randn(2, 2, 8, 8))
    assert (network.layers, network.choices) == (("1", "5"), ("2",))
    x = torch.randn(3, 2, 8, 8, dtype=torch.float64)
    layer, h = network.layer("5"), network.layer_input("5", x)
    assert layer.input_shape == (3, 4, 4)
    assert torch.equal(h, network.upto("2")(x))
    found = np.maximum(h.flatten(1).numpy() @ layer.weight.T + layer.bias, 0)
    np.testing.assert_allclose(found, network(x).flatten(1), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_rounding_before_a_max_pooling_is_no_mismatch(dtype):
    torch.manual_seed(3)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.MaxPool2d(3, 2), nn.ReLU(), nn.Conv2d(8, 4, 2)).to(dtype).eval()
    assert Network.from_torch(module, torch.randn(2, 3, 12, 12)).choices == ("1",)
