"""Spectra of networks that are known in closed form."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from stability.reference_networks import Graph, all_active, circular_pad, convolution, normal, one_layer
from unrelu.errors import InputError
from unrelu.network.graph import Network
from unrelu.operators import ReLU
from unrelu.stability.residuals import spectrum_residuals
from unrelu.stability.spectrum import spectrum
from unrelu.stability.window import Window

EPSILON = 2.0**-52


def orthogonal(n, seed):
    return scipy.stats.ortho_group.rvs(n, random_state=seed)


@pytest.mark.parametrize("accuracy", [0.0, 1e-8])
@pytest.mark.parametrize("n", [20, 300])
def test_orthogonal_layers_change_nothing(n, accuracy):
    x = normal(0, n).numpy()
    net = all_active([orthogonal(n, seed) for seed in range(3)], x)
    found = spectrum(net, x, accuracy=accuracy)
    np.testing.assert_allclose(found.values, 1.0, rtol=0, atol=1e-13)
    assert (found.rank, found.structural_rank, found.n_unknown, found.n_invariant) == (n, n, 0, 0)
    assert spectrum_residuals(found, net, x).largest < 1e-13


@pytest.mark.parametrize("accuracy", [0.0, 1e-8])
def test_a_circular_convolution_has_the_spectrum_of_its_transfer_matrices(accuracy):
    size, kernel = 10, normal(0, 4, 3, 3, 3)
    net = (
        Graph(3, size, size)
        .add("pad", circular_pad(3))
        .add("conv", convolution(kernel, torch.full((4,), 1e3, dtype=torch.float64)))
        .add("relu", ReLU())
        .network()
    )
    transfer = np.fft.fft2(kernel.numpy(), (size, size), axes=(2, 3)).transpose(2, 3, 0, 1)
    expected = np.sort(np.linalg.svd(transfer, compute_uv=False).ravel())[::-1]
    found = spectrum(net, torch.zeros(3, size, size), accuracy=accuracy)
    assert ("Gram" in found.method) == (accuracy > 0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=0)
    assert np.all(np.abs(found.values - expected) <= found.errors)


@pytest.mark.parametrize("n", [12, 280])
def test_a_matrix_and_its_negative_keep_a_row_of_each_pair(n):
    """`ReLU([W; -W] x)`: before, `[W; -W]` has sqrt(2) times W's values; after, W's own, up to signs of rows."""
    W, x = normal(1, n, n // 2).numpy(), normal(2, n // 2).numpy()
    net = one_layer(np.vstack([W, -W]))
    values = np.linalg.svd(W, compute_uv=False)
    before, after = spectrum(net, x, relu=False), spectrum(net, x)
    np.testing.assert_allclose(before.values, math.sqrt(2) * values, rtol=1e-12)
    np.testing.assert_allclose(after.values, values, rtol=1e-12)
    assert after.structural_rank == n // 2


@pytest.mark.parametrize("n", [30, 600])
def test_a_diagonal_network_keeps_what_is_active(n):
    rng = np.random.default_rng(3)
    factors = np.exp(rng.uniform(-3, 3, (3, n)))
    kept = rng.random(n) < 0.7
    x = np.where(kept, 1.0, -1.0)
    layers = [(np.diag(factor), np.zeros(n)) for factor in factors]
    net = Network.from_layers([*layers, (np.eye(n), np.zeros(n))]).upto("relu3")
    found = spectrum(net, x)
    expected = np.sort(factors.prod(axis=0)[kept])[::-1]
    assert found.rank == found.structural_rank == int(kept.sum())
    assert np.all(np.abs(found.values[: len(expected)] - expected) <= found.errors[: len(expected)])
    assert np.all(found.values[len(expected) :] == 0.0)
    assert np.all(found.errors[len(expected) :] == 0.0)
    np.testing.assert_allclose(found.values[: len(expected)], expected, rtol=1e-8)


@pytest.mark.parametrize("accuracy", [0.0, 1e-8])
@pytest.mark.parametrize("n", [16, 320])
def test_a_product_whose_smallest_value_is_tiny_keeps_to_the_accuracy_it_states(n, accuracy):
    """`Q3 D Q2 D Q1` with D's smallest 1e-6 where Q2 is a permutation that keeps it: the product's is 1e-12."""
    D = np.r_[np.linspace(1.0, 0.5, n - 1), 1e-6]
    first, last = orthogonal(n, 0), orthogonal(n, 1)
    middle = np.eye(n)[np.r_[n - 2 : -1 : -1, n - 1]]
    x = normal(4, n).numpy()
    net = all_active([np.diag(D) @ first, np.diag(D) @ middle, last], x)
    expected = np.sort(D * D[np.r_[n - 2 : -1 : -1, n - 1]])[::-1]
    assert expected[-1] == pytest.approx(1e-12 * expected[0] / expected[0], rel=1e-12)
    found = spectrum(net, x, accuracy=accuracy)
    stated = found.errors[-1] / found.values[-1]
    assert stated <= 2 * n * EPSILON / 1e-12 * expected[0]
    assert abs(found.values[-1] - expected[-1]) <= found.errors[-1]
    assert np.all(np.abs(found.values - expected) <= found.errors)
    assert found.rank == n, "1e-12 is above the tolerance"


def test_residuals_tell_a_wrong_value_and_a_wrong_prefix():
    x = normal(0, 9).numpy()
    net = one_layer(normal(1, 7, 9).numpy(), 0.3)
    for relu in (False, True):
        found = spectrum(net, x, relu=relu)
        residuals = spectrum_residuals(found, net, x)
        assert residuals.largest < 1e-14
        assert residuals.u.shape == (7, 7)
        assert residuals.v.shape == (9, 7)
    values = found.values.copy()
    values[1] += 1e-3
    wrong = spectrum_residuals(type(found)(**{**vars(found), "values": values}), net, x)
    assert wrong.right[1] == pytest.approx(1e-3)
    assert wrong.left[1] == pytest.approx(1e-3)
    other = one_layer(normal(1, 5, 9).numpy())
    with pytest.raises(InputError, match=r"the spectrum is of a 7 x 9 Jacobian at 'relu1'"):
        spectrum_residuals(found, other, x)


def test_residuals_of_a_window():
    net = (
        Graph(2, 6, 6)
        .add("conv", convolution(normal(0, 3, 2, 3, 3), normal(1, 3), padding=1))
        .add("relu", ReLU())
        .network()
    )
    x = normal(2, 2, 6, 6)
    found = spectrum(net, x, window=Window(rows=(1, 4)), features=Window(channels=(0, 2)))
    assert spectrum_residuals(found, net, x).largest < 1e-13


def test_what_floats_cannot_tell_from_zero_is_unknown():
    """Row 3 repeats row 1 in numbers that the structure does not see; row 4 is far below rounding."""
    W = np.array([[3.0, 0, 0, 0], [0, 2.0, 0, 0], [3.0, 0, 0, 0], [0, 0, 0, 1e-18]])
    found = spectrum(one_layer(W, 1.0), np.zeros(4))
    assert (found.rank, found.structural_rank, found.n_unknown, found.n_invariant) == (2, 4, 2, 2)
    np.testing.assert_allclose(found.values[:2], [math.sqrt(18), 2.0], rtol=1e-14)
    dead = spectrum(one_layer(W, np.array([1.0, 1.0, -1.0, -1.0])), np.zeros(4))
    assert (dead.rank, dead.structural_rank, dead.n_unknown, dead.n_invariant) == (2, 2, 0, 2)
