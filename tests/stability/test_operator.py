# SciPy's types let an operator times an array be an operator.
# pyright: reportArgumentType=false, reportCallIssue=false

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import svds

from operators.affine_instances import instances
from stability.reference_networks import REFERENCES, Graph, normal, one_layer
from unrelu.errors import InputError, UnsupportedOperator
from unrelu.operators import (
    AdaptiveAveragePool,
    Add,
    AveragePool,
    Broadcast,
    Concatenate,
    Convolution,
    Dense,
    Elementwise,
    MaxPool,
    Mean,
    Normalization,
    Operator,
    Pad,
    Permute,
    ReLU,
    Reshape,
    Slice,
    Subtract,
)
from unrelu.stability import operator as operator_module
from unrelu.stability.linearization import linearize
from unrelu.stability.operator import JacobianOperator, jacobian_operator
from unrelu.stability.pattern import ActivationPattern

LAYERS = [(kind, layer) for kind, make in REFERENCES.items() for layer in make().network.layers]

OPERATORS = {
    "dense": Dense(normal(0, 3, 6), normal(1, 3)),
    "elementwise": Elementwise(normal(0, 4, 1, 1), normal(1, 4, 5, 6)),
    "normalization": Normalization(normal(0, 4), normal(1, 4).square(), normal(2, 4), normal(3, 4), 1e-3),
    "uneven stride": Convolution(normal(0, 3, 4, 3, 3), normal(1, 3), (2, 2), ((0, 1), (2, 0)), (1, 1)),
    "groups, dilation": Convolution(normal(0, 6, 2, 2, 3), normal(1, 6), (2, 1), ((1, 1), (2, 2)), (2, 2), groups=2),
    "rows left over": Convolution(normal(0, 3, 4, 2, 2), normal(1, 3), (2, 2), ((0, 0), (0, 0)), (1, 1)),
    "cropping": Convolution(normal(0, 3, 4, 2, 2), normal(1, 3), (1, 1), ((-1, 0), (0, 2)), (1, 1)),
    "average": AveragePool((2, 3), (2, 2), ((0, 1), (1, 1)), count_padding=False),
    "adaptive": AdaptiveAveragePool((2, 4), (5, 6)),
    "mean": Mean((1, 2), 30),
    "circular": Pad(((1, 2), (2, 2)), mode="circular"),
    "reflect": Pad(((1, 2), (2, 2)), mode="reflect"),
    "permute": Permute((2, 0, 1)),
    "slice": Slice(2, 1, 6, 2),
    "broadcast": Broadcast((2, 4, 5, 6)),
    "reshape": Reshape((20, 6)),
    **instances((4, 5, 6)),
}


def assert_adjoint(J: JacobianOperator, seed=0):
    """`<J v, u> = <v, J' u>` to rounding, for blocks."""
    m, d = J.shape
    V, U = normal(seed, d, 3).numpy(), normal(seed + 1, m, 3).numpy()
    forward, backward = J @ V, J.T @ U
    scale = np.linalg.norm(forward) * np.linalg.norm(U) + np.linalg.norm(backward) * np.linalg.norm(V)
    np.testing.assert_allclose(U.T @ forward, backward.T @ V, rtol=0, atol=1e-14 * scale)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("kind", "layer"), LAYERS)
def test_products_are_those_of_the_matrix_in_both_directions(kind, layer, relu):
    net = REFERENCES[kind]().network
    x = normal(99, *net.input_shape)
    J = jacobian_operator(net.upto(layer), at=x, relu=relu)
    matrix = linearize(net.upto(layer), at=x, relu=relu).matrix
    assert J.shape == matrix.shape
    size = np.abs(matrix).max()
    np.testing.assert_allclose(J @ np.eye(J.shape[1]), matrix, rtol=0, atol=1e-13 * size)
    np.testing.assert_allclose(J.T @ np.eye(J.shape[0]), matrix.T, rtol=0, atol=1e-13 * size)
    v, u = normal(1, J.shape[1]).numpy(), normal(2, J.shape[0]).numpy()
    np.testing.assert_allclose(J @ v, matrix @ v, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(J.T @ u, matrix.T @ u, rtol=0, atol=1e-12 * size)
    assert_adjoint(J)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_has_its_adjoint(name):
    net = Graph(4, 5, 6).add(name, OPERATORS[name]).network()
    J = JacobianOperator(net, ActivationPattern({}))
    matrix = linearize(net, at=np.zeros((4, 5, 6))).matrix
    np.testing.assert_allclose(J.T @ np.eye(J.shape[0]), matrix.T, rtol=0, atol=1e-14 * np.abs(matrix).max())
    assert_adjoint(J)


def test_a_three_dimensional_convolution_has_its_adjoint():
    kernel = Convolution(normal(0, 2, 3, 2, 2, 2), normal(1, 2), (2, 1, 2), ((1, 1), (0, 1), (0, 0)), (1, 1, 1))
    assert_adjoint(JacobianOperator(Graph(3, 4, 4, 5).add("conv", kernel).network(), ActivationPattern({})))


def test_cotangents_of_several_paths_and_outputs_add_up():
    net = (
        Graph(4)
        .add("left", Dense(normal(0, 5, 4), normal(1, 5)))
        .add("right", Dense(normal(2, 5, 4), normal(3, 5)), "input")
        .add("relu", ReLU(), "right")
        .add("sum", Add(), "left", "relu")
        .add("difference", Subtract(), "sum", "left")
        .add("joined", Concatenate(0), "difference", "left")
    ).network("joined", "sum", "input")
    x = normal(9, 4)
    J = jacobian_operator(net, at=x)
    matrix = linearize(net, at=x).matrix
    np.testing.assert_allclose(J @ np.eye(4), matrix, atol=1e-14)
    np.testing.assert_allclose(J.T @ np.eye(19), matrix.T, atol=1e-14)


@pytest.mark.parametrize("before", [ReLU(), Elementwise(normal(5, 1, 1), normal(6, 1, 1))])
def test_a_max_pooling_has_its_adjoint_where_windows_share_what_they_select(before):
    net = (
        Graph(2, 5, 5)
        .add("before", before)
        .add("pool", MaxPool((3, 3), (1, 1), ((0, 0), (0, 0)), (1, 1)))
        .add("flatten", Reshape((18,)))
        .add("dense", Dense(normal(0, 7, 18), normal(1, 7)))
    ).network()
    x = normal(2, 2, 5, 5)
    J = jacobian_operator(net, at=x)
    assert len(np.unique(J.pattern.selection("pool"))) < 18
    np.testing.assert_allclose(J.T @ np.eye(7), linearize(net, at=x).matrix.T, rtol=0, atol=1e-14)
    assert_adjoint(J)


def test_going_through_in_parts_changes_nothing(monkeypatch):
    net = REFERENCES["residual"]().network
    x = normal(99, *net.input_shape)
    whole = jacobian_operator(net, at=x)
    V, U = normal(0, whole.shape[1], 7).numpy(), normal(1, whole.shape[0], 7).numpy()
    monkeypatch.setattr(operator_module, "CHUNK_BYTES", 8 * 200)
    parts = jacobian_operator(net, at=x)
    np.testing.assert_allclose(parts @ V, whole @ V, rtol=0, atol=1e-13)
    np.testing.assert_allclose(parts.T @ U, whole.T @ U, rtol=0, atol=1e-13)
    assert parts.n_products == 14


def test_scipy_takes_it():
    net = REFERENCES["convolutional"]().network.upto("relu2")
    x = normal(99, *net.input_shape)
    expected = np.linalg.svd(linearize(net, at=x).matrix, compute_uv=False)
    found = svds(jacobian_operator(net, at=x), k=3, return_singular_vectors=False, rng=0)
    np.testing.assert_allclose(sorted(found)[::-1], expected[:3], rtol=1e-12)


def test_empty_blocks():
    J = jacobian_operator(one_layer(np.eye(3)), at=np.ones(3))
    assert J.products(torch.zeros(0, 3).double()).shape == (0, 3)
    assert J.adjoint_products(torch.zeros(0, 3).double()).shape == (0, 3)


class Sign(Operator):
    def output_shape(self, *shapes):
        return shapes[0]

    def apply(self, *inputs):
        return inputs[0].sign()

    def error(self, values, errors, unit=0.0):
        return errors[0]


def test_what_has_no_linearization_is_refused():
    J = jacobian_operator(Graph(2).add("sign", Sign()).network(), at=np.zeros(2))
    for product in (lambda: J @ np.ones(2), lambda: J.T @ np.ones(2)):
        with pytest.raises(
            UnsupportedOperator, match=r"node 'sign' \(Sign\) is neither affine, piecewise linear nor smooth"
        ):
            product()
    with pytest.raises(InputError, match="not a ReLU"):
        jacobian_operator(one_layer(np.eye(2)).upto("dense1"), at=np.zeros(2), relu=False)
