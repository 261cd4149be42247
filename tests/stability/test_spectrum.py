import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from stability.reference_networks import REFERENCES, Graph, all_active, circular_pad, convolution, normal, one_layer
from unrelu.errors import InputError, ModelError, TooLarge
from unrelu.network.graph import Network
from unrelu.operators import AveragePool, Dense, Elementwise, ReLU, Reshape
from unrelu.stability import jacobian
from unrelu.stability.jacobian import Start, groups_that_fit, push
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern
from unrelu.stability.spectrum import spectrum

CASES = [(kind, layer) for kind, make in REFERENCES.items() for layer in make().network.layers]


def orthogonal(n, seed=0):
    return np.linalg.qr(normal(seed, n, n).numpy())[0]


# -- against torch ------------------------------------------------------------------------------------


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("kind", "layer"), CASES)
def test_values_are_those_of_the_reference(kind, layer, relu):
    reference = REFERENCES[kind]()
    x = normal(99, *reference.network.input_shape)
    end = layer if relu else reference.network.node(layer).inputs[0]
    J = torch.func.jacrev(lambda v: reference.values(v)[end].flatten())(x).reshape(-1, x.numel())
    expected = torch.linalg.svdvals(J).numpy()
    found = spectrum(reference.network.upto(layer), at=x, relu=relu)
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-13 * expected[0])
    assert (found.layer, found.relu, found.shape) == (layer, relu, tuple(J.shape))
    assert found.rank == int(torch.linalg.matrix_rank(J))
    assert found.largest == found.values[0]
    assert found.smallest_nonzero == found.values[found.rank - 1]
    assert found.condition_number == found.largest / found.smallest_nonzero


def test_joined_outputs_share_their_directions():
    net = REFERENCES["dense"]().network
    x = normal(99, *net.input_shape)
    for names in (("relu1", "relu2", "dense3"), ("dense3", "relu1"), ("relu2", "relu3"), ("relu3", "dense3")):
        prefix = net.upto(*names)
        expected = np.linalg.svd(linearize(prefix, x).matrix, compute_uv=False)
        found = spectrum(prefix, x)
        np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-13 * expected[0])
        assert found.layer == ", ".join(names)


# -- closed forms -------------------------------------------------------------------------------------


def test_orthogonal_layers_have_only_ones():
    x = normal(0, 12).numpy()
    found = spectrum(all_active([orthogonal(12, k) for k in range(4)], x), at=x)
    np.testing.assert_allclose(found.values, np.ones(12), atol=1e-14)
    assert found.condition_number == pytest.approx(1, abs=1e-13)
    assert found.rank == found.structural_rank == 12


def test_a_matrix_and_its_negative_keep_the_spectrum_of_the_matrix():
    W = normal(0, 7, 7).numpy()
    expected = np.linalg.svd(W, compute_uv=False)
    prefix = one_layer(np.vstack([W, -W]))
    for seed in range(5):
        x = normal(seed, 7)
        behind = spectrum(prefix, at=x)
        assert behind.structural_rank == 7
        np.testing.assert_allclose(behind.values, expected, atol=1e-14 * expected[0])
        np.testing.assert_allclose(spectrum(prefix, at=x, relu=False).values, np.sqrt(2) * expected, rtol=1e-13)


def test_diagonal_layers_multiply():
    factors = np.array([[3.0, 2.0, 0.5, 1.0, 4.0], [1.0, 5.0, 2.0, 3.0, 0.25]])
    bias = np.array([0.0, 0.0, 0.0, -9.0, 0.0])  # switches the fourth off
    net = Network.from_layers([(np.diag(factors[0]), bias), (np.diag(factors[1]), np.zeros(5)), (np.eye(5), bias)])
    found = spectrum(net.upto("relu2"), at=np.ones(5))
    assert found.values.tolist() == [10.0, 3.0, 1.0, 1.0, 0.0]
    assert (found.rank, found.structural_rank, found.condition_number) == (4, 4, 10.0)


@pytest.mark.parametrize("size", [3, 4])
def test_circular_convolution_has_the_spectrum_of_its_transfer_matrices(size):
    n, channels_in, channels_out = 6, 2, 3
    kernel = normal(0, channels_out, channels_in, size, size)
    net = (
        Graph(channels_in, n, n)
        .add("pad", circular_pad(size))
        .add("conv", convolution(kernel, torch.full((channels_out,), 1e3, dtype=torch.float64)))
        .add("relu", ReLU())
    ).network()
    transfer = np.fft.fft2(kernel.numpy(), s=(n, n)).transpose(2, 3, 0, 1)
    expected = np.sort(np.linalg.svd(transfer, compute_uv=False).ravel())[::-1]
    found = spectrum(net, at=normal(1, channels_in, n, n))
    assert found.shape == (channels_out * n * n, channels_in * n * n)
    np.testing.assert_allclose(found.values, expected, atol=1e-13 * expected[0])


def test_a_zero_network():
    found = spectrum(one_layer(np.zeros((4, 3)), 1.0), at=np.ones(3))
    assert found.values.tolist() == [0.0, 0.0, 0.0]
    assert (found.rank, found.structural_rank, found.largest, found.tolerance, found.error) == (0, 3, 0.0, 0.0, 0.0)
    assert math.isnan(found.smallest_nonzero)
    assert math.isnan(found.condition_number)
    assert found.method.startswith("no decomposition")


def test_a_layer_that_is_wholly_inactive_ends_everything_behind_it():
    net = (
        Graph(2, 6, 6)
        .add("conv1", convolution(normal(0, 3, 2, 3, 3), torch.full((3,), -1e6, dtype=torch.float64), padding=1))
        .add("relu1", ReLU())
        .add("scale", Elementwise(normal(1, 3, 1, 1), normal(2, 3, 1, 1)))
        .add("pad", circular_pad(2))
        .add("conv2", convolution(normal(3, 4, 3, 2, 2), normal(4, 4)))
        .add("pool", AveragePool((2, 2), (2, 2), ((0, 0), (0, 0))))
        .add("flatten", Reshape((36,)))
        .add("dense", Dense(normal(5, 5, 36), normal(6, 5)))
        .add("relu2", ReLU())
    ).network()
    for name in ("relu1", "conv2", "dense", "relu2"):
        found = spectrum(net.upto(name), at=normal(7, 2, 6, 6))
        assert found.structural_rank == found.rank == 0
        assert not found.values.any()


def test_small_values_of_a_product_are_right_to_the_stated_error():
    exponents = np.linspace(0, -10, 30)
    x = normal(0, 30).numpy()
    half = np.diag(10.0 ** (exponents / 2))
    net = all_active([half @ orthogonal(30, 1), orthogonal(30, 2) @ half], x)
    found = spectrum(net, at=x)
    assert np.abs(found.values - 10.0**exponents).max() <= found.error
    assert found.condition_number == pytest.approx(1e10, rel=1e-4)


# -- theorems -----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(m=st.integers(1, 9), d=st.integers(1, 9), seed=st.integers(0, 10**6), integers=st.booleans(), removed=st.data())
def test_removing_rows_interlaces(m, d, seed, integers, removed):
    """Lemma 8 of the paper: sigma_{i+q}(A) <= sigma_i(D_I A) <= sigma_i(A) for q = |I| removed rows."""
    rng = np.random.default_rng(seed)
    A = rng.integers(-2, 3, (m, d)).astype(float) if integers else rng.standard_normal((m, d))
    inactive = removed.draw(st.sets(st.integers(0, m - 1)))
    bias = np.where(np.isin(np.arange(m), list(inactive)), -1.0, 1.0)
    prefix = one_layer(A, bias)
    before = spectrum(prefix, at=np.zeros(d), relu=False)
    behind = spectrum(prefix, at=np.zeros(d), relu=True)
    q, k = len(inactive), min(m, d)
    slack = before.error + 1e-300
    assert (behind.values <= before.values + slack).all()
    assert (behind.values[: max(0, k - q)] >= before.values[q:] - slack).all()
    assert behind.structural_rank == min(m - q, d)
    assert behind.rank <= behind.structural_rank


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 12), min_size=3, max_size=5), seed=st.integers(0, 10**6))
def test_changing_directions_changes_no_value(sizes, seed):
    """J and J Q have the same singular values when Q's columns are an orthonormal basis of J's row space."""
    layers = [(normal(seed + k, m, d), normal(seed + 50 + k, m)) for k, (d, m) in enumerate(pairwise(sizes))]
    net = Network.from_layers([*layers, (np.eye(sizes[-1]), np.zeros(sizes[-1]))])
    x = normal(seed, sizes[0])
    for layer in net.layers:
        prefix = net.upto(layer)
        expected = np.linalg.svd(linearize(prefix, x).matrix, compute_uv=False)
        scale = math.prod(float(W.norm()) for W, _ in layers)
        np.testing.assert_allclose(spectrum(prefix, x).values, expected, rtol=0, atol=1e-13 * scale)


def test_directions_are_reduced_only_where_all_that_follows_runs_through():
    net = REFERENCES["residual"]().network
    x = normal(99, *net.input_shape)
    pattern = activation_pattern(net, x)
    assert pattern.n_active("relu2") < 0.75 * net.input_size, "narrow enough, but the skip path passes it by"
    pushed = {found.node: found.compressed_at for found in push(net, pattern, net.layers, compress=True)}
    assert all("relu2" not in reduced for reduced in pushed.values())
    dense = REFERENCES["dense"]().network
    pattern = activation_pattern(dense, normal(99, 12))
    (last,) = push(dense, pattern, ["relu3"], compress=True)
    assert last.tangents.n_directions == min(pattern.n_active("relu1"), pattern.n_active("relu2"), 12) < 12
    assert last.compressed_at
    assert "Householder QR at relu" in spectrum(dense, normal(99, 12)).method


@pytest.mark.parametrize("kind", REFERENCES)
def test_pushing_in_parts_and_groups_changes_nothing(kind, monkeypatch):
    net = REFERENCES[kind]().network
    x = normal(99, *net.input_shape)
    pattern = activation_pattern(net, x)
    nodes = [node.name for node in net.nodes]
    whole = {found.node: found.tangents.full() for found in push(net, pattern, nodes)}
    monkeypatch.setattr(jacobian, "CHUNK_BYTES", 8 * 200)
    parts = [(found.node, found.tangents.full()) for found in push(net, pattern, nodes, memory=1)]
    assert [name for name, _ in parts] == nodes
    for name, tangents in parts:
        torch.testing.assert_close(tangents, whole[name], rtol=0, atol=1e-13)


def test_groups_keep_to_their_memory():
    net = REFERENCES["dense"]().network
    pattern = activation_pattern(net, normal(99, 12))
    names = ["dense1", "relu1", "dense2", "dense3"]
    sizes = [8 * 12 * columns for columns in (20, pattern.n_active("relu1"), 9, 15)]
    start = Start(12)
    assert list(groups_that_fit(net, start, names, pattern, sum(sizes))) == [names]
    assert list(groups_that_fit(net, start, names, pattern, sum(sizes) - 1)) == [names[:3], names[3:]]
    assert list(groups_that_fit(net, start, names, pattern, sizes[0])) == [names[:1], names[1:3], names[3:]]
    assert list(groups_that_fit(net, start, names, pattern, 0)) == [[name] for name in names]


def test_values_beyond_the_structural_rank_are_exactly_zero():
    weights = [normal(0, 12, 12), normal(1, 20, 12)]
    bias = torch.full((12,), 1e3, dtype=torch.float64)
    bias[:2] = -1e3  # 10 of 12 stay active, too many to change directions for
    net = Network.from_layers([(weights[0], bias), (weights[1], torch.zeros(20)), (np.eye(20), np.zeros(20))])
    found = spectrum(net.upto("relu2"), normal(2, 12), relu=False)
    assert "QR" not in found.method
    assert found.structural_rank == found.rank == 10
    assert found.values[10:].tolist() == [0.0, 0.0]


def test_the_tolerance_decides_the_rank():
    net = one_layer(np.diag([1.0, 1e-3, 1e-15]), 1.0)
    assert spectrum(net, np.zeros(3)).rank == 3
    assert spectrum(net, np.zeros(3)).tolerance == 3 * 2.0**-52
    assert spectrum(net, np.zeros(3), rtol=1e-14).rank == 2
    assert spectrum(net, np.zeros(3), rtol=1e-2).condition_number == 1.0
    assert spectrum(net, np.zeros(3), rtol=0.0).smallest_nonzero == 1e-15
    assert spectrum(one_layer(np.diag([1.0, 1e-17]), 1.0), np.zeros(2)).rank == 1


# -- misuse -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rtol", [-1e-3, 1.0, math.nan])
def test_a_tolerance_out_of_range_is_refused(rtol):
    with pytest.raises(InputError, match=r"rtol must be a number in \[0, 1\)"):
        spectrum(one_layer(np.eye(2)), np.zeros(2), rtol=rtol)


def test_relu_false_needs_a_relu():
    with pytest.raises(InputError, match="not a ReLU"):
        spectrum(one_layer(np.eye(2)).upto("dense1"), np.zeros(2), relu=False)


def test_overflow_is_refused():
    big = np.full((1, 1), 1e200)
    with pytest.raises(ModelError, match="Jacobian at 'dense2' overflows"):
        spectrum(Network.from_layers([(big, np.ones(1)), (big, np.zeros(1))]), np.zeros(1))


def test_what_does_not_fit_is_refused():
    net = Graph(200, 200).add("scale", Elementwise(torch.ones(()).double(), torch.zeros(()).double())).network()
    with pytest.raises(TooLarge, match="'scale'"):
        spectrum(net, np.zeros((200, 200)))
