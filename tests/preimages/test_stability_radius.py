"""The proved radius holds for the worst input, found by linear programs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from unrelu.errors import InputError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.preimages.questions import preimage


def farthest_coordinate(layer: ReLULayer, x: np.ndarray, eps: float, low: np.ndarray, high: np.ndarray) -> float:
    """`max ||x' - x||_inf` over the box and features within eps: a lower bound of the radius."""
    y = np.maximum(layer.weight @ x + layer.bias, 0)
    above = y > eps
    rows = np.vstack([layer.weight, -layer.weight[above]])
    limits = np.concatenate([y + eps - layer.bias, -(y - eps - layer.bias)[above]])
    worst = 0.0
    for i in range(x.size):
        for sign in (1.0, -1.0):
            program = linprog(
                -sign * np.eye(x.size)[i],
                A_ub=rows,
                b_ub=limits,
                bounds=list(zip(low, high, strict=True)),
                method="highs",
            )
            assert program.status in (0, 3)
            worst = max(worst, math.inf if program.status == 3 else abs(program.x[i] - x[i]))
    return worst


@pytest.mark.parametrize("seed", range(4))
def test_radius_holds_under_a_prior(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, k = 12, 9
    x = rng.integers(0, 2, d).astype(float)
    x[:2] = 0.5
    A = rng.standard_normal((k, d))
    layer = ReLULayer(A, 1.0 - A @ x)
    found = preimage(layer, at=x, domain=Box(0, 1))
    for eps in (1e-3, 1e-2):
        radius = found.stability_radius(eps).radius
        assert math.isfinite(radius) == (found.singleton is True)
        assert radius >= farthest_coordinate(layer, x, eps, np.zeros(d), np.ones(d)) * (1 - 1e-9)


def test_radius_of_an_invertible_layer_is_that_of_its_inverse() -> None:
    layer = ReLULayer(np.diag([1.0, 0.5, 0.25]), np.ones(3))
    radius = preimage(layer, at=np.zeros(3)).stability_radius(0.1)
    # |delta_i| <= 0.1 (1, 2, 4): rows with a single number bound each coordinate by itself.
    assert 0.1 * math.sqrt(21) <= radius.radius <= 0.1 * math.sqrt(21) * (1 + 1e-9)
    assert radius.n_features == 3
    assert radius.constant == pytest.approx(radius.radius / 0.1)


def test_radius_by_rank_pays_the_smallest_singular_value() -> None:
    rotation = np.array([[0.8, -0.6], [0.6, 0.8]])
    layer = ReLULayer(rotation @ np.diag([1.0, 0.25]) @ rotation.T, np.ones(2))
    radius = preimage(layer, at=np.zeros(2)).stability_radius(0.1).radius
    # |B delta| <= 0.1 sqrt(2) and sigma = 1/4; the proved singular value is at least 0.3 of the true one.
    assert farthest_coordinate(layer, np.zeros(2), 0.1, np.full(2, -9.0), np.full(2, 9.0)) <= radius
    assert 0.1 * math.sqrt(2) * 4 <= radius < 0.1 * math.sqrt(2) * 4 / 0.3


def test_rows_at_the_kink_cost_twice_their_multipliers() -> None:
    # [W; -W] with all pre-activations 0: features within eps leave |W delta| <= eps.
    layer = ReLULayer(np.array([[1.0], [-1.0]]), np.zeros(2))
    radius = preimage(layer, at=np.zeros(1)).stability_radius(0.25).radius
    assert 0.25 <= radius < 4.0


def test_noise_that_drowns_the_features_leaves_nothing() -> None:
    layer = ReLULayer(np.eye(2), np.ones(2))
    assert preimage(layer, at=np.zeros(2)).stability_radius(1.0).radius == math.inf
    assert math.isfinite(preimage(layer, at=np.zeros(2)).stability_radius(0.99).radius)


@pytest.mark.parametrize("eps", [-1.0, math.nan, math.inf])
def test_noise_must_be_a_finite_size(eps: float) -> None:
    with pytest.raises(InputError, match="at least 0"):
        preimage(ReLULayer(np.eye(2), np.ones(2)), at=np.zeros(2)).stability_radius(eps)
