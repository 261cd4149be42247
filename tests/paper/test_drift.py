import numpy as np
import pytest

import unrelu as ur
from paper.drift import drift, half_space, measured


def test_without_drift_the_number_is_wendels():
    assert half_space(0) == 0.5
    assert half_space(2) == pytest.approx(0.048, abs=5e-4)  # as docs/theory.md says
    deltas = np.linspace(0, 3, 13)
    assert (np.diff([half_space(delta) for delta in deltas]) < 0).all()  # drift opens half-spaces


@pytest.mark.parametrize("delta", [0.5, 1.5])
def test_expected_squares_are_those_of_many_draws(delta):
    random = np.random.default_rng(1)
    Z, G = random.standard_normal((2, 1_000_000))
    means = [np.square(np.maximum(0, Z - t * (delta + G))).mean() for t in np.linspace(0, 2, 101)]
    assert half_space(delta) == pytest.approx(min(means), abs=0.006)


def drifting(random, n, d, delta):
    """Rows with a covariance of condition 100 and a drift of that length."""
    scale = np.geomspace(1, 10, d)
    mean = random.standard_normal(d)
    return (random.standard_normal((n, d)) + delta * mean / np.linalg.norm(mean)) * scale


def test_drift_is_estimated_without_bias():
    random = np.random.default_rng(2)
    for delta in (0.5, 2.0):
        found = [(drift(drifting(random, 300, 60, delta)) or 0) ** 2 for _ in range(200)]
        assert np.mean(found) == pytest.approx(delta**2, abs=4 * np.std(found) / np.sqrt(len(found)))


@pytest.mark.parametrize("delta", [0.0, 1.0, 2.0])
def test_the_number_says_which_preimages_are_infinite(delta):
    random = np.random.default_rng(3)
    n = 2000
    for factor, expected in ((0.8, "bounded"), (1.25, "unbounded")):
        d = round(n * half_space(delta) * factor)
        for _ in range(3):
            layer = ur.ReLULayer(drifting(random, n, d, delta), -np.ones(n))  # no row is active at 0
            assert ur.preimage(layer, at=np.zeros(d)).kind == expected


def test_drift_is_that_of_inactive_rows_in_free_directions():
    random = np.random.default_rng(4)
    mean = np.zeros(50)
    mean[[0, 49]] = 3, 2  # the active rows are the first 30 coordinates
    A = np.concatenate([10 * np.eye(30, 50), random.standard_normal((2000, 50)) + mean])
    layer = ur.ReLULayer(A, np.concatenate([np.ones(30), -np.ones(2000)]))
    found = measured(layer, np.zeros(50))
    assert found is not None
    assert (found.n_active, found.n_free, found.n_rows) == (30, 20, 2000)
    many = random.standard_normal((100_000, 20)) + mean[30:]
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    expected = many.mean(axis=0) @ np.linalg.inv(np.cov(many.T)) @ many.mean(axis=0)
    assert found.drift == pytest.approx(np.sqrt(expected), rel=0.05)
    assert found.ratio == pytest.approx(2000 * half_space(found.drift) / 20)
    assert measured(ur.ReLULayer(A, np.ones(2030)), np.zeros(50)) is None
    assert measured(ur.ReLULayer(A[:50], layer.bias[:50]), np.zeros(50)) is None  # too few for a covariance
