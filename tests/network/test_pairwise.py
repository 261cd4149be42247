"""Maxima written with ReLUs are the same functions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from stability.reference_networks import Graph
from unrelu.network.graph import Network
from unrelu.network.pairwise import pairwise
from unrelu.operators import Dense, LargestAlong, Maximum, MaxPool, Minimum, ReLU, Reshape, SmallestAlong
from unrelu.preimages.lifted.exact_outputs import exact_outputs
from whole_sets import values_at


def dense(seed: int, m: int, d: int) -> Dense:
    rng = np.random.default_rng(seed)
    return Dense(torch.from_numpy(rng.integers(-4, 5, (m, d)) / 4), torch.from_numpy(rng.integers(-4, 5, m) / 4))


def two(operator: Maximum | Minimum) -> Network:
    graph = Graph(3).add("a", dense(0, 5, 3)).add("b", dense(1, 5, 3), "input")
    return graph.add("both", operator, "a", "b").add("end", dense(2, 2, 5)).network()


NETWORKS = {
    "maximum": two(Maximum()),
    "minimum": two(Minimum()),
    "largest": Graph(3).add("a", dense(3, 6, 3)).add("best", LargestAlong((0,))).network(),
    "smallest": Graph(3).add("a", dense(4, 6, 3)).add("best", SmallestAlong((0,))).network(),
    "pooled": Graph(3)
    .add("a", dense(5, 9, 3))
    .add("relu", ReLU())
    .add("picture", Reshape((1, 3, 3)))
    .add("pooled", MaxPool((2, 2), (1, 1), ((1, 0), (0, 1)), (1, 1)))
    .network(),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_values_are_the_same_in_rationals(name: str) -> None:
    network = NETWORKS[name]
    written = pairwise(network)
    assert not written.choices
    assert written.output_shape == network.output_shape
    rng = np.random.default_rng(0)
    for x in [*rng.integers(-8, 9, (40, 3)) / 8, np.zeros(3)]:
        exact = values_at(network, [Fraction(v) for v in x.tolist()])
        assert exact_outputs(written, x) == exact
    assert pairwise(written) is written
