"""Functions with two kinks as two functions, one after the other."""

from __future__ import annotations

from fractions import Fraction

import torch

from inverse_cases import inverse_case
from stability.reference_networks import Graph
from unrelu.network.in_turn import in_turn
from unrelu.operators import Clamp, Dense
from whole_sets import values_at


def test_numbers_stay_exactly_the_same() -> None:
    written = 0
    for seed in range(60):
        case = inverse_case(seed)
        network = in_turn(case.network)
        written += network is not case.network
        assert network.outputs == case.network.outputs
        for share in (0, 0.25, 0.625, 1):
            x = [Fraction(float(v)) for v in case.lower + (case.upper - case.lower) * share]
            assert values_at(network, x) == values_at(case.network, x)
    assert written > 5


def test_names_that_are_taken_are_not_taken_again() -> None:
    bounds = torch.zeros(()).double(), torch.ones(()).double()
    one = Dense(torch.eye(1).double(), torch.zeros(1).double())
    network = Graph(1).add("bent.first", one).add("bent", Clamp(*bounds)).network()
    found = in_turn(network)
    assert [node.name for node in found.nodes] == ["input", "bent.first", "bent.first_", "bent"]
    assert in_turn(found) is found
