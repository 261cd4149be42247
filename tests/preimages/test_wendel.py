"""Gaussian layers are bounded as often as Wendel's theorem says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from unrelu.network.layer import ReLULayer
from unrelu.preimages.questions import preimage


def wendel(n_inactive: int, n: int) -> float:
    """`1 - 2^(1-N) sum_{k<n} C(N-1, k)`: N symmetric rows in general position leave no half-space of R^n empty."""
    return 1 - 2.0 ** (1 - n_inactive) * sum(math.comb(n_inactive - 1, k) for k in range(n))


@pytest.mark.parametrize(("d", "n_active", "n_inactive"), [(6, 0, 12), (6, 0, 9), (10, 4, 14), (12, 9, 5), (15, 3, 27)])
def test_the_bounded_fraction_is_wendels(d: int, n_active: int, n_inactive: int) -> None:
    # At 0 the biases alone say which rows are active, and they do not depend on the rows.
    rng = np.random.default_rng([d, n_active, n_inactive])
    layers = 300
    bias = np.concatenate([np.ones(n_active), -np.ones(n_inactive)])
    found = [
        preimage(ReLULayer(rng.standard_normal((bias.size, d)), rng.permutation(bias)), at=np.zeros(d)).bounded
        for _ in range(layers)
    ]
    assert None not in found
    expected = wendel(n_inactive, d - n_active)
    assert 0.05 < expected < 0.99
    interval = binomtest(sum(bool(each) for each in found), layers).proportion_ci(0.999)
    assert interval.low <= expected <= interval.high


def test_the_formula_at_its_ends() -> None:
    assert wendel(4, 4) == 0  # no more rows than dimensions never bound
    assert wendel(2, 1) == 0.5  # two signs on a line differ
    assert wendel(200, 3) == pytest.approx(1)
