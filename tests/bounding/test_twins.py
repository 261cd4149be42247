"""Numbers that are exact multiples of one another, and only those."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from stability.reference_networks import Graph
from unrelu.bounding.bounded_network import BoundedNetwork
from unrelu.operators import Dense, ReLU

Pairs = set[tuple[int, int, float]]


def pairs(weight: np.ndarray, bias: np.ndarray) -> Pairs:
    graph = Graph(weight.shape[1]).add("in", Dense(torch.from_numpy(weight), torch.from_numpy(bias)))
    found = BoundedNetwork(graph.add("relu", ReLU()).network()).twins
    return {(unit, other, sign) for unit, others in found.items() for other, sign in others}


def test_multiples_of_either_sign_and_nothing_else() -> None:
    weight = np.array([[1.0, 2.0], [3.0, 6.0], [-0.5, -1.0], [1.0, 2.0], [1.0, -2.0], [0.0, 0.0], [0.0, 0.0]])
    bias = np.array([1.0, 3.0, -0.5, 2.0, 1.0, 0.0, 1.0])
    assert pairs(weight, bias) == {
        *((0, 1, 1.0), (1, 0, 1.0)),
        *((0, 2, -1.0), (2, 0, -1.0)),
        *((1, 2, -1.0), (2, 1, -1.0)),
    }


@pytest.mark.parametrize("factor", [1.0, -1.0, 3.0, -(2.0**-40)])
def test_a_neighbouring_float_is_no_multiple(factor: float) -> None:
    row, bias = np.array([0.1, 0.7, -0.3]) * 2.0**20, 0.5
    row, bias = np.round(row), 8.0
    weight = np.array([row, factor * row])
    assert len(pairs(weight, np.array([bias, factor * bias]))) == 2
    for place in range(3):
        moved = weight.copy()
        moved[1, place] = math.nextafter(moved[1, place], math.inf)
        assert pairs(moved, np.array([bias, factor * bias])) == set()
    assert pairs(weight, np.array([bias, math.nextafter(factor * bias, math.inf)])) == set()
