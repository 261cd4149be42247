"""Stochastic Lanczos quadrature: known spectra, honest errors, counts that cover the truth."""

from __future__ import annotations

import numpy as np
import pytest

from stability.reference_networks import REFERENCES, normal, one_layer
from unrelu.errors import InputError
from unrelu.stability.extremes.density import spectral_density
from unrelu.stability.linearization import linearize


def known(values: np.ndarray, seed: int):
    """An all-active layer with these singular values."""
    n = len(values)
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.normal(size=(n, n))).Q for _ in range(2))
    return one_layer((U * values) @ V.T, 100.0)


def test_few_different_values_are_counted_with_their_multiplicity():
    """Three different values: three steps give each probe's measure exactly, and only the probes are random."""
    values = np.repeat([3.0, 1.0, 0.25], [50, 30, 20])
    found = spectral_density(known(values, 0), np.zeros(100), probes=200, steps=10)
    for nodes, weights in zip(found.nodes, found.weights, strict=True):
        np.testing.assert_allclose(nodes, [0.25, 1.0, 3.0], rtol=1e-6)
        assert weights.sum() == pytest.approx(100)
    density = found.density([0.1, 0.5, 2.0, 4.0])
    assert np.all(np.abs(density.counts - [20, 30, 50]) < 4 * density.errors)
    assert np.all(density.errors < 1)


@pytest.mark.parametrize("kind", ["flat", "log", "gap"])
def test_intervals_cover_the_true_counts(kind):
    values = {
        "flat": np.linspace(0.01, 2, 120),
        "log": np.logspace(-6, 0, 120),
        "gap": np.concatenate([np.full(37, 1e-13), np.linspace(0.5, 2, 83)]),
    }[kind]
    covered = 0
    for seed in range(30):
        found = spectral_density(known(values, seed), np.zeros(120), probes=8, steps=20, seed=seed)
        count = found.count_above(0.1)
        assert count.low <= count.estimate <= count.high
        covered += count.low <= np.count_nonzero(values > 0.1) <= count.high
    assert covered >= 27


def test_numerical_rank_of_a_rank_deficient_layer_is_told():
    A = normal(0, 80, 25).numpy() @ normal(1, 25, 60).numpy()
    found = spectral_density(one_layer(A, 1000.0), np.zeros(60), probes=20, steps=60)
    assert found.structural_rank == 60
    count = found.numerical_rank()
    assert count.low <= 25 <= count.high
    assert count.high - count.low < 5


def test_all_steps_and_many_probes_find_every_value():
    net = REFERENCES["dense"]().network.upto("relu1")
    x = normal(99, 12)
    found = spectral_density(net, x, probes=3, steps=100)
    values = np.linalg.svd(linearize(net, x).matrix, compute_uv=False)[: found.structural_rank][::-1]
    for nodes in found.nodes:
        np.testing.assert_allclose(nodes, values, rtol=1e-8)
    assert found.largest == pytest.approx(values[-1])
    # a threshold between any two values splits the weights as it splits the values
    assert found.count_above(1e-3).estimate == pytest.approx(found.structural_rank)


def test_structural_zeros_are_not_counted():
    A = normal(0, 9, 8).numpy()
    bias = np.where(np.arange(9) % 3 == 0, 1.0, -1.0)
    found = spectral_density(one_layer(A, bias), np.zeros(8), probes=4)
    assert (found.order, found.structural_rank) == (3, 3)
    assert found.count_above(1e-6).estimate == pytest.approx(3)


def test_more_probes_make_errors_smaller_and_a_budget_ends_them():
    net = known(np.linspace(0.01, 2, 120), 0)
    few, many = (spectral_density(net, np.zeros(120), probes=count, steps=20) for count in (6, 96))
    edges = [0.5, 1.0, 1.5]
    assert np.all(many.density(edges).errors < 0.5 * few.density(edges).errors)
    assert len(spectral_density(net, np.zeros(120), probes=1000, budget=1e-9).nodes) == 2


def test_a_dead_layer_has_an_empty_density():
    found = spectral_density(one_layer(np.eye(3), -1.0), np.zeros(3))
    assert (found.order, found.structural_rank) == (0, 0)
    assert found.density([0.1, 1]).counts.tolist() == [0]
    assert found.count_above(1.0).high == 0


def test_arguments_out_of_range_are_refused():
    net = one_layer(np.eye(3))
    for probes, steps, budget in ((1, 4, None), (2, 0, None), (2, 4, 0.0)):
        with pytest.raises(InputError, match="probes must be at least 2"):
            spectral_density(net, np.ones(3), probes=probes, steps=steps, budget=budget)
    found = spectral_density(net, np.ones(3), probes=2)
    for edges in ([1.0], [0.0, 1.0], [2.0, 1.0]):
        with pytest.raises(InputError, match="edges must be at least two ascending positive numbers"):
            found.density(edges)
    for threshold, confidence in ((0.0, 0.9), (1.0, 1.0)):
        with pytest.raises(InputError, match="threshold must be positive"):
            found.count_above(threshold, confidence)
