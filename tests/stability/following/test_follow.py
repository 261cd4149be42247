import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from stability.following.exact_line import pieces
from stability.reference_networks import REFERENCES, Graph, Reference, convolution, normal, one_layer
from unrelu.errors import InputError, ModelError, ShapeError
from unrelu.network.graph import Network
from unrelu.operators import Dense, MaxPool, ReLU, Reshape
from unrelu.stability.following.follow import follow
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern


def pooling_reference() -> Reference:
    """Max pooling of overlapping windows with padding, before a ReLU and after one."""
    first, first_bias = normal(0, 3, 1, 3, 3), normal(1, 3)
    second, second_bias = normal(2, 4, 3, 2, 2) / 2, normal(3, 4)
    last, last_bias = normal(4, 5, 16) / 3, normal(5, 5)
    graph = (
        Graph(1, 6, 6)
        .add("conv1", convolution(first, first_bias, padding=1))
        .add("relu1", ReLU())
        .add("pool1", MaxPool((3, 3), (2, 2), ((1, 1), (1, 1)), (1, 1)))
        .add("conv2", convolution(second, second_bias))
        .add("pool2", MaxPool((1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1)))
        .add("relu2", ReLU())
        .add("flatten", Reshape((16,)))
        .add("dense", Dense(last, last_bias))
        .add("relu3", ReLU())
    )

    def values(x):
        found = {"conv1": functional.conv2d(x[None], first, first_bias, padding=1)[0]}
        found["relu1"] = torch.relu(found["conv1"])
        pooled = functional.max_pool2d(found["relu1"][None], 3, 2, 1)
        found["conv2"] = functional.conv2d(pooled, second, second_bias)[0]
        found["relu2"] = torch.relu(found["conv2"])
        found["dense"] = functional.linear(found["relu2"].flatten(), last, last_bias)
        found["relu3"] = torch.relu(found["dense"])
        return found

    return Reference(graph.network(), values)


CASES = {**REFERENCES, "pooling": pooling_reference}


def sampled(path, n=7):
    """Distances inside each piece, and a bit into the last one if it has no end."""
    ends = [*path.starts[1:], path.end if math.isfinite(path.end) else path.starts[-1] + 3.0]
    for start, stop in zip(path.starts, ends, strict=True):
        yield from start + (stop - start) * np.linspace(0.02, 0.98, n)


# -- against torch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("kind", CASES)
def test_the_features_are_those_of_the_reference_all_along(kind, turn):
    reference = CASES[kind]()
    network = reference.network
    x = normal(99, *network.input_shape).numpy()
    path = follow(network, x, n_regions=12, turn=turn)
    assert path.n_regions > 5
    (end,) = network.outputs
    start = reference.values(torch.from_numpy(x))[end].flatten().numpy()
    for t in sampled(path):
        expected = reference.values(torch.from_numpy(path.point(t)))[end].flatten().numpy()
        np.testing.assert_allclose(path.feature(t), expected, rtol=1e-11, atol=1e-11 * np.abs(start).max())
        assert path.moved(t) == pytest.approx(np.linalg.norm(expected - start), rel=1e-9, abs=1e-11)
    np.testing.assert_array_equal(path.points[0], x)
    np.testing.assert_allclose(np.linalg.norm(path.directions.reshape(path.n_regions, -1), axis=1), 1, rtol=1e-14)


@pytest.mark.parametrize("kind", CASES)
def test_pieces_are_linear_regions_that_differ_by_the_flips_said(kind):
    network = CASES[kind]().network
    x = normal(98, *network.input_shape).numpy()
    path = follow(network, x, normal(97, *network.input_shape).numpy(), n_regions=15)
    assert path.n_regions == len(path.breakpoints) == 15
    assert path.stopped == "as many regions as asked"
    assert path.confirmed.all()
    edges = [0.0, *(each.t for each in path.breakpoints)]
    patterns = [activation_pattern(network, path.point((a + b) / 2)) for a, b in pairwise(edges)]
    for k, (before, after) in enumerate(pairwise(patterns)):
        flips = {(flip.layer, flip.neuron, flip.active) for flip in path.breakpoints[k].flips}
        expected = {
            (layer, int(i), bool(after.active(layer).ravel()[i]))
            for layer in before.layers
            for i in np.flatnonzero(before.active(layer) != after.active(layer))
        }
        expected |= {
            (pool, int(i), None)
            for pool in before.choices
            for i in np.flatnonzero(before.selection(pool) != after.selection(pool))
        }
        assert flips == expected
    for k in range(path.n_regions):
        lin = linearize(network, path.point((edges[k] + edges[k + 1]) / 2))
        np.testing.assert_allclose(path.velocities[k], lin.matrix @ path.directions[k].ravel(), rtol=0, atol=1e-12)
    # No region was left out: between two neighbours there is no third pattern on a fine grid.
    for t in np.linspace(0, path.end, 500, endpoint=False)[1:]:
        k = int(np.searchsorted(edges, t)) - 1
        if min(t - edges[k], edges[k + 1] - t) > 1e-9:
            assert activation_pattern(network, path.point(t)).same_as(patterns[k])


def test_deep_networks_hide_no_region_behind_their_rounding():
    """A-priori bounds grow with every layer, until no slope along the smallest direction has a sign."""
    sizes = [60] * 15
    layers = [(normal(k, m, d) * (2 / d) ** 0.5, 0.1 * normal(100 + k, m)) for k, (d, m) in enumerate(pairwise(sizes))]
    network = Network.from_layers(layers).upto("relu13")
    x = 3 * normal(5, 60).numpy()
    path = follow(network, x, n_regions=40)
    assert path.n_regions == 40
    assert path.rate < 1e-4
    edges = [0.0, *(each.t for each in path.breakpoints)]
    patterns = [activation_pattern(network, path.point((a + b) / 2)) for a, b in pairwise(edges)]
    for k, (before, after) in enumerate(pairwise(patterns)):
        changed = sum(int((before.active(layer) != after.active(layer)).sum()) for layer in before.layers)
        assert changed == len(path.breakpoints[k].flips)
    for t in sampled(path, 3):
        h = torch.from_numpy(path.point(t))
        for W, b in layers[:-1]:
            h = torch.relu(W @ h + b)
        np.testing.assert_allclose(path.feature(t), h.numpy(), rtol=0, atol=1e-13 * float(h.abs().max()))
    for t in np.linspace(0, path.end, 500, endpoint=False)[1:]:
        k = int(np.searchsorted(edges, t)) - 1
        if min(t - edges[k], edges[k + 1] - t) > 1e-9:
            assert activation_pattern(network, path.point(t)).same_as(patterns[k])


def test_each_turn_takes_the_smallest_singular_direction():
    network = REFERENCES["dense"]().network.upto("relu1")
    path = follow(network, normal(99, 12).numpy(), n_regions=8, turn=True)
    assert path.n_regions == 8
    for k in range(8):
        middle = path.point((path.starts[k] + path.breakpoints[k].t) / 2)
        matrix = linearize(network, middle).matrix
        values = np.linalg.svd(matrix, compute_uv=False)
        assert path.rates[k] == pytest.approx(values[np.linalg.matrix_rank(matrix) - 1], rel=1e-9)
    assert len({direction.tobytes() for direction in path.directions}) == 8


# -- in rational arithmetic ---------------------------------------------------------------------------


@st.composite
def small_networks_on_a_line(draw):
    """Small whole numbers, and directions of length 1 in float64: most examples have exact ties."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = [4, draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.integers(1, 3))]
    layers = [
        (random.integers(-2, 3, (m, d)).astype(float), random.integers(-2, 3, m).astype(float))
        for d, m in pairwise(sizes)
    ]
    x = random.integers(-2, 3, 4).astype(float)
    v = random.choice([-0.5, 0.5], 4) if draw(st.booleans()) else np.roll([1.0, 0, 0, 0], random.integers(4))
    return layers, x, v


@settings(max_examples=150)
@given(small_networks_on_a_line())
def test_breakpoints_and_patterns_are_the_exact_ones_ties_included(case):
    layers, x, v = case
    breaks, patterns = pieces(layers, x, v, stop=10_000)
    end = np.eye(len(layers[-1][1]))
    network = Network.from_layers([*layers, (end, np.zeros(len(end)))]).upto(f"relu{len(layers)}")
    path = follow(network, x, v, n_regions=100)
    assert path.end == np.inf
    assert ("no end" in path.stopped) == path.confirmed[-1]
    assert len(path.breakpoints) == len(breaks)
    active = [np.array(layer) for layer in patterns[0]]
    for found, t, before, after in zip(path.breakpoints, breaks, patterns, patterns[1:], strict=False):
        assert abs(found.t - float(t)) <= found.error + 1e-15 * float(t)
        assert found.error <= 1e-11 * (1 + float(t))
        flips = {
            (f"relu{layer + 1}", k, new)
            for layer, (olds, news) in enumerate(zip(before, after, strict=True))
            for k, (old, new) in enumerate(zip(olds, news, strict=True))
            if old != new
        }
        assert {(flip.layer, flip.neuron, flip.active) for flip in found.flips} == flips
    # The first piece begins with what holds just ahead, even where the point itself lies on a boundary.
    h = np.eye(4)
    for (W, _), mask in zip(layers, active, strict=True):
        h = mask[:, None] * (W @ h)
    np.testing.assert_allclose(path.velocities[0], h @ v, atol=1e-12)


def test_a_breakpoint_tells_of_a_corner():
    """Both neurons change at t = 1 along the first axis; the second layer's then has slope 0."""
    layers = [(np.array([[-1.0, 0.0], [1.0, 0.0]]), np.array([1.0, -1.0])), (np.array([[1.0, 1.0]]), np.zeros(1))]
    path = follow(Network.from_layers(layers), np.zeros(2), np.array([1.0, 0.0]))
    (corner,) = path.breakpoints
    assert corner.t == 1.0
    assert {(flip.neuron, flip.active) for flip in corner.flips} == {(0, False), (1, True)}
    assert path.velocities.ravel().tolist() == [-1.0, 1.0]
    assert path.confirmed.tolist() == [True, True]


def test_what_rounding_cannot_tell_apart_is_one_breakpoint_with_its_error():
    """The second neuron changes 2^-60 after the first."""
    network = one_layer(np.array([[1.0], [1.0]]), np.array([-1.0, -1.0 - 2.0**-52]))
    path = follow(network, np.array([-7.0]), np.array([1.0]))
    (only,) = path.breakpoints
    assert only.error >= 2.0**-52
    assert len(only.flips) == 2
    far = one_layer(np.array([[1.0], [1.0]]), np.array([-1.0, -1.0 - 2.0**-30]))
    assert len(follow(far, np.array([-7.0]), np.array([1.0])).breakpoints) == 2


# -- closed forms -------------------------------------------------------------------------------------


def test_the_sign_splitting_layer():
    path = follow(one_layer(np.vstack([np.eye(1), -np.eye(1)])), np.array([2.0]), np.array([-4.0]))
    assert [each.t for each in path.breakpoints] == [2.0]
    assert path.end == math.inf
    assert path.exact_until == 2.0
    assert path.rate == 1.0
    assert path.moved(4.0) == pytest.approx(math.sqrt(8.0))  # from (2, 0) to (0, 2)
    assert path.estimated(4.0) == 4.0
    # 4 + (t - 2)^2 = (0.9 t)^2
    assert path.departs(0.1) == pytest.approx(min(r for r in np.roots([0.19, -4.0, 8.0]) if r > 2))
    assert path.departs(2.0) == math.inf
    assert "2 regions" in repr(path)


@pytest.mark.parametrize("by", [0.01, 0.3, 0.9, 1.5])
@pytest.mark.parametrize("kind", ["dense", "residual"])
def test_the_departure_is_where_dense_sampling_sees_it(kind, by):
    network = REFERENCES[kind]().network
    path = follow(network, normal(98, *network.input_shape).numpy(), n_regions=60)
    found = path.departs(by)
    stop = min(path.end, 2 * path.starts[-1])
    grid = np.linspace(0, stop, 20_001)[1:]
    off = np.array([abs(path.moved(t) / path.estimated(t) - 1) > by for t in grid])
    if found > stop:
        assert not off.any()
    else:
        assert abs(found - grid[off.argmax()]) <= 2 * grid[0]
    assert path.exact_until <= found or math.isinf(found)


def test_features_that_do_not_move_at_first_depart_where_they_do():
    network = one_layer(np.array([[1.0]]), np.array([-3.0]))
    path = follow(network, np.array([1.0]), np.array([1.0]))
    assert path.rate == 0.0
    assert path.departs() == path.exact_until == 2.0
    still = follow(network, np.array([1.0]), np.array([-1.0]))
    assert still.departs() == still.end == math.inf


def test_the_null_space_is_followed_where_zero_counts():
    network = one_layer(np.array([[1.0, 1.0], [1.0, -1.0]]), np.array([1.0, -10.0]))
    path = follow(network, np.array([1.0, 1.0]), nonzero=False)
    assert path.rate == pytest.approx(0.0, abs=1e-15)
    assert np.abs(path.directions[0]) == pytest.approx([math.sqrt(0.5)] * 2)
    turned = follow(network, np.array([1.0, 1.0]), nonzero=True, n_regions=3, turn=True)
    assert turned.rate == pytest.approx(math.sqrt(2.0))


def test_where_no_sign_leads_on_the_path_says_so():
    """Behind x_1 = 1 the first coordinate answers strongly: the smallest direction is along the boundary, exactly."""
    matrix = np.array([[0.01, 0.0], [0.0, 0.1], [2.0, 0.0]])
    path = follow(one_layer(matrix, np.array([5.0, 5.0, -2.0])), np.array([0.0, 1.0]), n_regions=3, turn=True)
    assert path.directions.tolist() == [[1.0, 0.0]]
    assert path.stopped == "neither sign of the smallest singular direction leads into the next region"


# -- misuse -------------------------------------------------------------------------------------------


def test_misuse_is_refused():
    network = one_layer(np.eye(2))
    x = np.ones(2)
    with pytest.raises(InputError, match="n_regions must be 1 or more"):
        follow(network, x, n_regions=0)
    with pytest.raises(InputError, match="give none"):
        follow(network, x, x, turn=True)
    with pytest.raises(
        ShapeError, match=r"has shape \(3,\), but the network takes samples of shape \(2,\); give one sample"
    ):
        follow(network, np.ones(3))
    with pytest.raises(
        ShapeError, match=r"has shape \(3,\), but the network takes samples of shape \(2,\); give it that"
    ):
        follow(network, x, np.ones(3))
    with pytest.raises(InputError, match="the direction is zero"):
        follow(network, x, np.zeros(2))
    with pytest.raises(InputError, match="do not change with the input"):
        follow(network, -x)
    with pytest.raises(ModelError, match="overflows float64 on the line"):
        follow(one_layer(np.full((1, 2), 1e308)), np.full(2, 1e3), x)
    path = follow(network, x, -x, n_regions=1)
    with pytest.raises(InputError, match="is not on it"):
        path.point(100.0)
    with pytest.raises(InputError, match="must be positive"):
        path.departs(0.0)
