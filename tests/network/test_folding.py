"""Composed affine nodes: the matrix is right, and the stated error is a true bound, checked with rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from network.contract_cases import normalized
from unrelu.errors import TooLarge
from unrelu.network import folding
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import (
    Add,
    AffineOperator,
    AveragePool,
    Convolution,
    Dense,
    Elementwise,
    Input,
    Normalization,
    Permute,
    Quotient,
    ReLU,
    Reshape,
    Subtract,
)

Rational = np.ndarray
"""An array of fractions."""


def exact(values: torch.Tensor | np.ndarray | float) -> Rational:
    array = np.asarray(values, dtype=np.float64)
    return np.array([Fraction(float(value)) for value in array.reshape(-1)], dtype=object).reshape(array.shape)


def root(value: Fraction) -> Fraction:
    """Square root, correct to 60 digits."""
    scale = 10**120
    return Fraction(math.isqrt(value.numerator * scale // value.denominator), 10**60)


def apply_exactly(operator: AffineOperator, *inputs: Rational) -> Rational:
    """An operator on one sample in rational arithmetic, written down a second time."""
    x = inputs[0]
    match operator:
        case Dense():
            return x @ exact(operator.weight).T + exact(operator.bias)
        case Elementwise():
            return x * exact(operator.factor) + exact(operator.offset)
        case Quotient():
            return x / exact(operator.divisor)
        case Reshape():
            return x.reshape(operator.shape)
        case Permute():
            return x.transpose(operator.axes)
        case Add():
            return x + inputs[1]
        case Subtract():
            return x - inputs[1]
        case Normalization():
            per = [-1] + [1] * (x.ndim - 1)
            variance = exact(operator.variance) + Fraction(operator.epsilon)
            deviation = np.array([root(value) for value in variance], dtype=object).reshape(per)
            shifted = (x - exact(operator.mean).reshape(per)) / deviation
            return shifted * exact(operator.weight).reshape(per) + exact(operator.bias).reshape(per)
        case Convolution() if operator.groups == 1 and operator.weight.ndim == 4:
            W, b = exact(operator.weight), exact(operator.bias)
            (top, bottom), (left, right) = operator.padding
            padded = exact(np.zeros((x.shape[0], top + x.shape[1] + bottom, left + x.shape[2] + right)))
            padded[:, top : top + x.shape[1], left : left + x.shape[2]] = x
            m, rows, columns = operator.output_shape(tuple(x.shape))
            result = np.empty((m, rows, columns), dtype=object)
            for i, j in np.ndindex(rows, columns):
                first, second = i * operator.stride[0], j * operator.stride[1]
                window = padded[:, first : first + W.shape[2], second : second + W.shape[3]]
                result[:, i, j] = (W * window).sum(axis=(1, 2, 3)) + b
            return result
        case AveragePool():
            channels, rows, columns = operator.output_shape(tuple(x.shape))
            result = np.empty((channels, rows, columns), dtype=object)
            for i, j in np.ndindex(rows, columns):
                first, second = i * operator.stride[0], j * operator.stride[1]
                window = x[:, first : first + operator.kernel[0], second : second + operator.kernel[1]]
                result[:, i, j] = window.sum(axis=(1, 2)) / math.prod(operator.kernel)
            return result
    raise NotImplementedError(type(operator))


def compose_exactly(network: Network, target: str) -> tuple[Rational, Rational]:
    """Matrix and offset of the affine nodes up to `target`, from the input, in rational arithmetic."""

    def value(x: Rational) -> Rational:
        known = {"input": x}
        for node in network.upto(target).nodes[1:]:
            assert isinstance(node.operator, AffineOperator)
            known[node.name] = apply_exactly(node.operator, *(known[name] for name in node.inputs))
        return known[target].reshape(-1)

    shape = network.input_shape
    offset = value(exact(np.zeros(shape)))
    columns = [value(exact(unit.reshape(shape))) - offset for unit in np.eye(network.input_size)]
    return np.stack(columns, axis=1), offset


def chain(shape: tuple[int, ...], *operators: AffineOperator) -> Network:
    nodes = [Node("input", Input(shape), (), shape)]
    for k, operator in enumerate(operators):
        nodes.append(
            Node(f"n{k}", operator, (nodes[-1].name,), operator.output_shape(nodes[-1].shape)),
        )
    nodes.append(Node("relu", ReLU(), (nodes[-1].name,), nodes[-1].shape))
    return Network(tuple(nodes), ("relu",))


def true_error(network: Network) -> Fraction:
    layer = network.layer("relu")
    A, b = compose_exactly(network, network.node("relu").inputs[0])
    return max(abs(exact(layer.weight) - A).max(), abs(exact(layer.bias) - b).max())


RNG = np.random.default_rng(2)


def random(*shape: int) -> torch.Tensor:
    """Numbers over six orders of magnitude, so that sums round."""
    return torch.from_numpy(RNG.normal(size=shape) * 10.0 ** RNG.uniform(-3, 3, size=shape))


def batch_norm(channels: int) -> Normalization:
    return Normalization(random(channels), random(channels).abs(), random(channels), random(channels), 1e-5)


NETWORKS = {
    "normalisation and dense": lambda: chain(
        (5,), Elementwise(torch.ones(()).double(), random(1)), Quotient(random(1)), Dense(random(4, 5), random(4))
    ),
    "three dense": lambda: chain((3,), *(Dense(random(3, 3), random(3)) for _ in range(3))),
    "convolution and batch norm": lambda: chain(
        (2, 4, 3), Convolution(random(3, 2, 2, 2), random(3), (1, 1), ((1, 0), (0, 1)), (1, 1)), batch_norm(3)
    ),
    "batch norm, pool, flatten, dense": lambda: chain(
        (2, 4, 2),
        batch_norm(2),
        AveragePool((3, 2), (1, 1), ((0, 0), (0, 0))),
        Permute((1, 2, 0)),
        Reshape((4,)),
        Dense(random(3, 4), random(3)),
    ),
    "batch norm alone": lambda: chain((3,), batch_norm(3)),
    "pool alone": lambda: chain((1, 3, 4), AveragePool((3, 1), (1, 1), ((0, 0), (0, 0)))),
    "quotient alone": lambda: chain((3,), Quotient(random(3))),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_error_is_a_true_bound_and_not_a_wild_one(name):
    for _ in range(5):
        network = NETWORKS[name]()
        layer = network.layer("relu")
        error = true_error(network)
        assert 0 < error <= layer.folding_error
        largest = max(abs(layer.weight).max(), abs(layer.bias).max())
        assert layer.folding_error < 1e-9 * largest


@pytest.mark.parametrize("joint", [Add, Subtract])
def test_error_of_a_block_with_a_shortcut(joint):
    for _ in range(5):
        nodes = (
            Node("input", Input((3,)), (), (3,)),
            Node("a", joint(), ("input", "input"), (3,)),
            Node("b", Dense(random(3, 3), random(3)), ("a",), (3,)),
            Node("b2", Dense(random(3, 3), random(3)), ("b",), (3,)),
            Node("c", joint(), ("b2", "b"), (3,)),
            Node("relu", ReLU(), ("c",), (3,)),
        )
        network = Network(nodes, ("relu",))
        assert 0 <= true_error(network) <= network.layer("relu").folding_error


@pytest.mark.parametrize(
    "network",
    [
        lambda: chain((5,), Dense(random(4, 5), random(4))),
        lambda: chain((2, 2, 3), Permute((2, 0, 1)), Reshape((12,)), Dense(random(4, 12), random(4)), Reshape((2, 2))),
        lambda: chain((2, 4, 3), Convolution(random(3, 2, 2, 2), random(3), (1, 2), ((1, 1), (0, 0)), (1, 1))),
        lambda: chain((3,), Elementwise(random(3), random(3))),
    ],
)
def test_a_single_map_is_taken_over_exactly(network):
    network = network()
    assert network.layer("relu").folding_error == 0
    assert true_error(network) == 0


@pytest.mark.parametrize("float_type", [torch.float32, torch.float64])
def test_folded_module_equals_its_matrix(float_type):
    """Against the module itself on unit vectors, in float64."""
    torch.manual_seed(1)
    module = nn.Sequential(
        normalized(lambda: nn.BatchNorm2d(2))(),
        nn.Conv2d(2, 3, 3, stride=2, padding=1),
        normalized(lambda: nn.BatchNorm2d(3))(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.ReLU(),
    ).eval()
    module = module.to(float_type)
    network = Network.from_torch(module, torch.rand(1, 2, 8, 8))
    layer = network.layer("6")
    affine = module[:6].double()
    with torch.no_grad():
        offset = affine(torch.zeros(1, 2, 8, 8).double())
        columns = affine(torch.eye(128).double().reshape(128, 2, 8, 8)) - offset
    np.testing.assert_allclose(layer.weight, columns.T, rtol=0, atol=1e-13)
    np.testing.assert_allclose(layer.bias, offset[0], rtol=0, atol=1e-13)
    assert 0 < layer.folding_error < 1e-11
    assert (layer.input_shape, layer.output_shape) == ((2, 8, 8), (5,))


def test_matrices_over_the_limit_are_refused(monkeypatch):
    network = chain((5,), Dense(random(4, 5), random(4)))
    monkeypatch.setattr(folding, "DENSE_LIMIT", 8 * 19)
    with pytest.raises(TooLarge, match="the layer at 'n0' as a dense matrix of 4 x 5"):
        network.layer("relu")


def test_units_are_pushed_in_parts(monkeypatch):
    network = NETWORKS["convolution and batch norm"]()
    whole = network.layer("relu")
    monkeypatch.setattr(folding, "_CHUNK", 5)
    parts = network.layer("relu")
    np.testing.assert_allclose(parts.weight, whole.weight, rtol=1e-13)
    assert parts.folding_error == pytest.approx(whole.folding_error)


@pytest.mark.parametrize("name", ["convolution and batch norm", "three dense"])
def test_large_matrices_with_few_numbers_are_kept_sparse(name, monkeypatch):
    network = NETWORKS[name]()
    whole = network.layer("relu")
    density = np.count_nonzero(whole.weight) / whole.weight.size
    monkeypatch.setattr(folding, "SPARSE_FROM", 0)
    monkeypatch.setattr(folding, "_CHUNK", 2)
    monkeypatch.setattr(folding, "SPARSE_DENSITY", density)
    few = network.layer("relu")
    assert few.is_sparse
    np.testing.assert_allclose(few.dense_weight, whole.weight, rtol=1e-13)
    assert few.folding_error == pytest.approx(whole.folding_error)
    monkeypatch.setattr(folding, "SPARSE_DENSITY", 0.9 * density)
    turned = network.layer("relu")
    assert not turned.is_sparse
    np.testing.assert_allclose(turned.weight, whole.weight, rtol=1e-13)


def test_a_matrix_over_the_limit_that_is_not_sparse_is_refused(monkeypatch):
    network = NETWORKS["three dense"]()
    monkeypatch.setattr(folding, "SPARSE_FROM", 0)
    monkeypatch.setattr(folding, "DENSE_LIMIT", 71)
    with pytest.raises(TooLarge, match="as a dense matrix of 3 x 3"):
        network.layer("relu")
