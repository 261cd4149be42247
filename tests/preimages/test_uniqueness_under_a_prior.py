"""Is this the only valid picture with these features? Against HiGHS, and against the exact Gaussian probability."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage

D, N_FREE = 150, 30
"""Large enough for the method of signs; so many coordinates lie strictly inside the box."""


def picture(rng: np.random.Generator) -> np.ndarray:
    """Coordinates at 0, at 1, and N_FREE inside."""
    x = rng.integers(0, 2, D).astype(float)
    x[:N_FREE] = rng.uniform(0.2, 0.8, N_FREE)
    return x


def layer_with(k: int, x: np.ndarray, rng: np.random.Generator) -> ReLULayer:
    """k Gaussian rows active at x."""
    A = rng.standard_normal((k, D))
    return ReLULayer(A, 1.0 - A @ x)


@pytest.mark.parametrize("k", [60, 85, 90, 95, 120])
def test_uniqueness_agrees_with_highs(k: int) -> None:
    rng = np.random.default_rng(k)
    for _ in range(6):
        x = picture(rng)
        layer = layer_with(k, x, rng)
        found = preimage(layer, at=x, domain=Box(0, 1))
        moving_in = np.where(x == 0, 1.0, np.where(x == 1, -1.0, 0.0))
        bounds = [(-1 if v < 1 else 0, 1 if v > -1 else 0) for v in moving_in]
        program = linprog(-moving_in, A_eq=layer.weight, b_eq=np.zeros(k), bounds=bounds, method="highs")
        assert program.status == 0
        # Free coordinates alone cannot move: k > N_FREE Gaussian rows.
        assert found.singleton is bool(program.fun > -1e-7)
        assert found.bounded is True
        assert found.certificate.verify()


def test_the_fraction_of_unique_pictures_is_that_of_gaussian_rows() -> None:
    # P(unique) = 2^(1-|T|) sum_{j < k-|F|} C(|T|-1, j): the cone of T signs is cut by a Gaussian subspace (Wendel).
    k, n = 90, 400
    rng = np.random.default_rng(0)
    T = D - N_FREE
    probability = 2.0 ** (1 - T) * sum(math.comb(T - 1, j) for j in range(k - N_FREE))
    assert 0.4 < probability < 0.6
    x = picture(rng)
    unique = sum(preimage(layer_with(k, x, rng), at=x, domain=Box(0, 1)).kind is Kind.SINGLETON for _ in range(n))
    # 99.99 % of binomial samples lie within 3.9 standard deviations.
    assert abs(unique - n * probability) < 3.9 * math.sqrt(n * probability * (1 - probability))


def test_many_at_once_are_all_proved() -> None:
    rng = np.random.default_rng(1)
    x = picture(rng)
    layer = layer_with(90, x, rng)
    inputs = np.stack([x, *(np.clip(x + (np.arange(D) == i) * 1e-3, 0, 1) for i in range(5))])
    found = classify(layer, inputs, domain=Box(0, 1), progress=False)
    assert found.verify(progress=False).all()
