"""Each rounding term of linear bounds, where terms cancel and nothing else covers it: in rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from stability.reference_networks import Graph
from unrelu.bounding.linear_bounds import LinearBounds, linear_bounds
from unrelu.network.graph import Network
from unrelu.operators import Absolute, AtMost, Dense, LeakyReLU, ReLU
from unrelu.operators.kinked import Kinked
from unrelu.operators.piecewise_linear import PiecewiseLinear

N = 40


def cancelling(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two vectors whose inner product is rounding alone."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(1, 2, size=N), rng.standard_normal(N)
    b[-1] = -(a[:-1] @ b[:-1]) / a[-1]
    return a, b


def exact(a: np.ndarray, b: np.ndarray) -> Fraction:
    return sum((Fraction(x) * Fraction(y) for x, y in zip(a.tolist(), b.tolist(), strict=True)), Fraction(0))


def dense(weight: np.ndarray, bias: np.ndarray) -> Dense:
    return Dense(torch.from_numpy(np.ascontiguousarray(weight)), torch.from_numpy(bias))


def at(net: Network, x: float) -> LinearBounds:
    point = torch.tensor([[x]], dtype=torch.float64)
    return linear_bounds(net, point, point)


def holds(found: LinearBounds, x: float, value: Fraction) -> bool:
    below, above = (
        Fraction(float(slopes)) * Fraction(x) + Fraction(float(offsets))
        for slopes, offsets in (
            (found.lower_slopes, found.lower_offsets),
            (found.upper_slopes, found.upper_offsets),
        )
    )
    return below <= value <= above and Fraction(float(found.lower)) <= value <= Fraction(float(found.upper))


@pytest.mark.parametrize("seed", range(12))
def test_coefficients_that_cancel(seed: int) -> None:
    a, b = cancelling(seed)
    net = Graph(1).add("first", dense(a[:, None], np.zeros(N))).add("last", dense(b[None], np.zeros(1))).network()
    found = at(net, 3.0)
    assert holds(found, 3.0, 3 * exact(a, b))
    assert float(found.upper - found.lower) < 1e-11


@pytest.mark.parametrize("seed", range(12))
def test_constants_that_cancel(seed: int) -> None:
    a, b = cancelling(seed)
    net = Graph(1).add("first", dense(np.zeros((N, 1)), a)).add("last", dense(b[None], np.zeros(1))).network()
    found = at(net, 0.0)
    assert holds(found, 0.0, exact(a, b))
    assert float(found.upper - found.lower) < 1e-11


@pytest.mark.parametrize("seed", range(12))
def test_coefficients_of_a_unit_that_cancel(seed: int) -> None:
    """Behind a unit that is active on the whole box: its lines' own offsets count by a coefficient that is rounding."""
    a, b = cancelling(seed)
    graph = Graph(1).add("relu", ReLU()).add("first", dense(a[:, None], np.zeros(N)))
    net = graph.add("last", dense(b[None], np.zeros(1))).network()
    found = linear_bounds(net, torch.tensor([[2.0]]).double(), torch.tensor([[4.0]]).double())
    for x in (2.0, 3.0, 4.0):
        assert holds(found, x, Fraction(x) * exact(a, b))


@pytest.mark.parametrize("seed", range(12))
def test_coefficients_of_a_unit_on_a_flat_piece_that_cancel(seed: int) -> None:
    a, b = cancelling(seed)
    graph = Graph(1).add("bounded", AtMost(torch.tensor(2.0).double())).add("first", dense(a[:, None], np.zeros(N)))
    found = at(graph.add("last", dense(b[None], np.zeros(1))).network(), 5.0)
    assert holds(found, 5.0, 2 * exact(a, b))


@pytest.mark.parametrize("rule", [Kinked.relax, PiecewiseLinear.relax])
@pytest.mark.parametrize("operator", [ReLU(), Absolute(), LeakyReLU(torch.tensor(1 / 3).double())])
def test_lines_hold_at_the_ends_and_the_kink_in_rationals(rule, operator) -> None:
    rng = np.random.default_rng(1)
    ends = np.sort(rng.standard_normal((2, 300, 1)), axis=0)
    lines = rule(operator, tuple(torch.from_numpy(end) for end in ends))
    slope = Fraction(float(operator.pieces().slopes[0]))
    for k in range(300):
        low, high = (Fraction(float(end[k, 0])) for end in ends)
        for x in (low, high, min(max(Fraction(0), low), high)):
            value = x if x > 0 else slope * x
            below, above = (
                Fraction(float(slopes[k])) * x + Fraction(float(offsets[k]))
                for slopes, offsets in (
                    (lines.lower_slopes, lines.lower_offsets),
                    (lines.upper_slopes, lines.upper_offsets),
                )
            )
            assert below <= value <= above
