"""Exact numbers of nodes do not depend on which are asked for first."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from stability.reference_networks import Graph
from unrelu.network.graph import Network
from unrelu.operators import Clamp, Dense
from unrelu.preimages.lifted.exact_outputs import exact_outputs
from unrelu.preimages.lifted.located import locate
from whole_sets import values_at


def tensor(*values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def with_constant_units() -> Network:
    """Units on flat pieces, and rows of zeros with a constant, which need nothing of what comes before."""
    graph = Graph(2).add("first", Dense(tensor([-1.0, -2.0], [2.0, -2.0], [0.0, 0.0]), tensor(2.0, 3.0, 0.3)))
    graph = graph.add("bounded", Clamp(tensor(-0.5, 2.0, -1.0), tensor(0.5, 2.0, 1.0)))
    graph = graph.add("second", Dense(tensor([0.1, 0.5, 1.0], [0.0, 0.0, 0.0]), tensor(0.1, 0.7)))
    return graph.add("last", Clamp(tensor(-9.0, 0.7), tensor(9.0, 0.7))).network()


@pytest.mark.parametrize("x", [(0.1, -1.0), (1e-300, 1 / 3), (-0.75, 0.25)])
def test_outputs_are_those_of_rationals(x: tuple[float, float]) -> None:
    network = with_constant_units()
    assert exact_outputs(network, np.array(x)) == values_at(network, [Fraction(v) for v in x])


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
def test_numbers_asked_for_one_by_one_are_those_asked_for_together(order: tuple[int, ...]) -> None:
    network, point = with_constant_units(), np.array([0.1, -1.0])
    found = {}
    exact = locate(network, point).exact
    for place in order:
        numbers, common = exact.of("bounded", np.array([place]))
        found[place] = Fraction(numbers[0], common)
    again, common = exact.of("bounded", np.arange(3))
    assert [Fraction(number, common) for number in again] == [found[place] for place in range(3)]
    assert found[1] == 2
