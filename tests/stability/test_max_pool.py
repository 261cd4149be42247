"""Linearization, radius, rank and constraints through max poolings."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from stability.reference_networks import Graph, convolution, normal
from unrelu.errors import ModelError, UnknownNode
from unrelu.metamerism.metamer import metamer
from unrelu.operators import Dense, Elementwise, MaxPool, ReLU, Reshape
from unrelu.stability.adjoint import pull
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern, forward_pass
from unrelu.stability.spectra import spectra
from unrelu.stability.spectrum import spectrum
from unrelu.stability.structural import structural_rank

W1, B1, W2, B2 = normal(0, 4, 2, 3, 3) / 3, normal(1, 4), normal(2, 5, 4, 2, 2) / 3, normal(3, 5)
KINDS = ["relu first", "pool first", "overlapping"]


def pools(kind: str):
    """A convolutional network with a max pooling, and the same in plain torch."""
    graph = Graph(2, 7, 7).add("conv1", convolution(W1, B1, padding=1))
    pool = MaxPool((3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)) if kind == "overlapping" else plain(2)
    first, second = (("pool", pool), ("relu1", ReLU())) if kind == "pool first" else (("relu1", ReLU()), ("pool", pool))
    graph.add(*first).add(*second).add("conv2", convolution(W2, B2)).add("relu2", ReLU())

    def value(x: torch.Tensor) -> torch.Tensor:
        h = functional.conv2d(x[None], W1, B1, padding=1)
        h = functional.max_pool2d(h, 3, 2, 1) if kind == "overlapping" else functional.max_pool2d(h, 2)
        return functional.conv2d(h.relu(), W2, B2).relu().flatten()  # max and ReLU commute

    return graph.network(), value


def plain(size: int, dims: int = 2) -> MaxPool:
    return MaxPool((size,) * dims, (size,) * dims, ((0, 0),) * dims, (1,) * dims)


@pytest.mark.parametrize("kind", KINDS)
def test_the_map_is_the_jacobian_and_exact_as_far_as_its_radius(kind):
    net, value = pools(kind)
    x = normal(99, 2, 7, 7)
    expected = torch.func.jacrev(value)(x).reshape(-1, x.numel()).numpy()
    lin = linearize(net, at=x)
    np.testing.assert_allclose(lin.matrix, expected, atol=1e-13)
    assert 0 < lin.radius < 1
    for seed in range(20):
        dx = normal(seed, *x.shape)
        dx = 0.999 * lin.radius * dx / dx.norm()
        assert lin.same_region(x + dx)
        moved = value(x + dx).numpy()
        np.testing.assert_allclose(value(x).numpy() + lin.matrix @ dx.numpy().ravel(), moved, atol=1e-13)
        np.testing.assert_allclose(lin((x + dx).numpy()[None])[0], moved, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_the_transpose_is_the_adjoint(kind):
    net, _ = pools(kind)
    x, u = normal(99, 2, 7, 7), normal(98, 3, net.output_size)
    np.testing.assert_allclose(
        pull(net, activation_pattern(net, x), u).numpy(), u.numpy() @ linearize(net, at=x).matrix, atol=1e-13
    )


def test_a_pooling_that_is_about_to_change_its_mind_sets_the_radius():
    """max(x1, x2) at (3, 1): the two are equal sqrt(2) away, along (-1, 1)."""
    net = Graph(1, 2).add("pool", plain(2, dims=1)).network()
    lin = linearize(net, at=np.array([[3.0, 1.0]]))
    assert lin.matrix.tolist() == [[1.0, 0.0]]
    assert (lin.boundary.layer, lin.boundary.neuron) == ("pool", 0)
    assert lin.radius == pytest.approx(math.sqrt(2), rel=1e-15)
    assert lin.same_region(np.array([[2.01, 1.99]]))
    assert not lin.same_region(np.array([[1.99, 2.01]]))


def test_a_tie_is_a_boundary_and_the_first_of_the_two_is_taken():
    net = Graph(1, 4).add("pool", plain(2, dims=1)).network()
    lin = linearize(net, at=np.array([[3.0, 1.0, 2.0, 2.0]]))
    assert lin.radius == 0
    assert (lin.boundary.layer, lin.boundary.neuron) == ("pool", 1)
    assert lin.pattern.selection("pool").tolist() == [[0, 2]]
    assert lin.matrix.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]


def test_inactive_neurons_that_tie_at_zero_are_no_boundary():
    """Behind a ReLU most ties are between neurons that are zero all around the point."""
    net = Graph(1, 2).add("relu", ReLU()).add("pool", plain(2, dims=1)).network()
    lin = linearize(net, at=np.array([[-3.0, -1.0]]))
    assert (lin.boundary.layer, lin.radius) == ("relu", 1.0)
    assert lin.matrix.tolist() == [[0.0, 0.0]]


def test_structural_rank_counts_live_selected_coordinates_once():
    pool = MaxPool((2,), (1,), ((0, 0),), (1,))
    net = Graph(1, 5).add("relu", ReLU()).add("pool", pool).network()
    x = np.array([[-1.0, -2.0, 5.0, 1.0, 3.0]])  # maxima 0, 5, 5, 3
    pattern = activation_pattern(net, x)
    assert pattern.selection("pool").tolist() == [[0, 2, 2, 4]]
    assert structural_rank(net, pattern) == 2
    found = spectrum(net, at=x)
    assert (found.rank, found.structural_rank) == (2, 2)
    np.testing.assert_allclose(found.values, [math.sqrt(2), 1, 0, 0], atol=1e-15)
    alone = Graph(1, 5).add("pool", pool).network()
    assert structural_rank(alone, activation_pattern(alone, x)) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_spectra_of_many_inputs_tell_selections_apart(kind):
    """Inputs with the same active neurons and other selections have other Jacobians."""
    net, value = pools(kind)
    inputs = torch.stack([normal(seed, 2, 7, 7) for seed in range(4)])
    found = spectra(net, inputs, layers=["relu2"], relu=[True], workers=1)
    for x, one in zip(inputs, found, strict=True):
        J = torch.func.jacrev(value)(x).reshape(-1, x.numel())
        np.testing.assert_allclose(one.values, torch.linalg.svdvals(J).numpy(), atol=1e-12)


def test_spectra_of_inputs_with_the_same_active_neurons_and_other_selections():
    """max(x1, 3 x2): J is (1, 0) or (0, 3), with both neurons active."""
    scale = Elementwise(torch.tensor([[1.0, 3.0]], dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    net = Graph(1, 2).add("scale", scale).add("relu1", ReLU()).add("pool", plain(2, dims=1)).add("relu2", ReLU())
    inputs = torch.tensor([[[6.0, 1.0]], [[1.0, 6.0]]], dtype=torch.float64)
    found = spectra(net.network(), inputs, layers=["relu2"], relu=[True], workers=1)
    assert [one.largest for one in found] == [1.0, 3.0]


def test_equal_signs_and_other_selections_are_other_patterns():
    net = Graph(1, 2).add("pool", plain(2, dims=1)).add("scale", Elementwise(torch.ones(1), torch.ones(1))).network()
    first, second = (activation_pattern(net, np.array([x])) for x in ([2.0, 1.0], [1.0, 2.0]))
    assert not first.same_as(second)
    assert first.digest(["pool"]) != second.digest(["pool"])
    assert first.restricted([]).same_as(second.restricted([]))
    assert first.restricted(["pool"]).choices == ("pool",)
    with pytest.raises(UnknownNode, match=r"no max pooling 'scale'; it has pool\."):
        first.selection("scale")


def test_a_pooled_value_that_overflows_is_refused():
    net = Graph(1, 2).add(
        "scale", Elementwise(torch.tensor([1e300], dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    )
    net = net.add("pool", plain(2, dims=1)).network()
    with pytest.raises(ModelError, match="the input of MaxPool 'pool' overflows"):
        forward_pass(net, np.array([[1e10, 1.0]]))


@pytest.mark.parametrize("kind", KINDS)
def test_deep_metamers_keep_features_and_selections(kind):
    net = _narrow(pools(kind)[0])
    rng = np.random.default_rng(0)
    x0, target = rng.uniform(size=(2, 7, 7)), rng.uniform(size=(2, 7, 7))
    found = metamer(net, at=x0, target=target, norm=1, search="region")
    assert found.regional
    assert found.optimal
    assert 0 < found.distance < np.abs(x0 - target).sum()
    np.testing.assert_allclose(net(np.asarray(found.x)[None]), net(x0[None]), atol=1e-11)
    inside = x0 + (np.asarray(found.x) - x0) * (1 - 1e-9)
    hidden = ["relu1", "relu2", "pool"]
    assert activation_pattern(net, inside).restricted(hidden).same_as(activation_pattern(net, x0).restricted(hidden))


def _narrow(net):
    """Three features at the end, so that there is room for metamers."""
    size = net.output_size
    graph = Graph(2, 7, 7)
    graph.nodes, graph.shapes = list(net.nodes), {node.name: node.shape for node in net.nodes}
    return graph.add("flat", Reshape((size,))).add("dense", Dense(normal(9, 3, size), normal(8, 3))).network()


def test_selected_neurons_stay_ahead_of_the_others_in_a_metamer():
    """max(x1, x2) at (0.6, 0.4) toward (0.6, 1): x1 stays, and x2 comes up to it but no further."""
    net = Graph(1, 2).add("pool", plain(2, dims=1)).network()
    found = metamer(net, at=np.array([[0.6, 0.4]]), target=np.array([[0.6, 1.0]]), norm=math.inf, search="region")
    np.testing.assert_allclose(found.x, [[0.6, 0.6]], atol=1e-9)
