"""Numbers of a node as affine functions of what the units before it give."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch

from inverse_cases import inverse_case
from unrelu.bounding.bounded_network import BoundedNetwork
from unrelu.bounding.row_bounds import rows_on_units
from unrelu.bounding.unit_bounds import bound_units
from unrelu.network.graph import Network
from unrelu.network.pairwise import pairwise
from whole_sets import values_at


def bounded_on(network: Network, lower: np.ndarray, upper: np.ndarray) -> BoundedNetwork:
    bounded = BoundedNetwork(pairwise(network))
    bound_units(bounded, torch.from_numpy(lower[None]), torch.from_numpy(upper[None]))
    return bounded


def test_rows_give_the_numbers_exactly_on_small_networks() -> None:
    for seed in range(20):
        case = inverse_case(seed)
        bounded = bounded_on(case.network, case.lower, case.upper)
        network = bounded.network
        x = case.lower + (case.upper - case.lower) / 4
        known = {
            node.name: values_at(network.upto(node.name), [Fraction(v) for v in x.tolist()])
            for node in network.nodes[1:]
        }
        known[network.nodes[0].name] = [Fraction(v) for v in x.tolist()]
        for name in (*bounded.feeds, *network.outputs):
            found = rows_on_units(bounded, name)
            assert all(
                source == network.nodes[0].name or not network.node(source).is_affine for source in found.matrices
            )
            for k, loss in enumerate(found.losses.tolist()):
                total = Fraction(float(found.offsets[k]))
                for source, matrix in found.matrices.items():
                    total += sum(Fraction(w) * v for w, v in zip(matrix[k].tolist(), known[source], strict=True))
                assert abs(total - known[name][k]) <= Fraction(loss)


def test_rounding_of_composed_maps_is_within_the_losses() -> None:
    """Two dense maps one after the other, of numbers that are not exact: the product is rounded, and told so."""
    rng = np.random.default_rng(0)
    from unrelu.network.node import Node
    from unrelu.operators import Dense, Input

    A, B = rng.normal(size=(4, 5)) / 3, rng.normal(size=(3, 4)) / 3
    a, b = rng.normal(size=4) / 3, rng.normal(size=3) / 3
    nodes = (
        Node("input", Input((5,)), (), (5,)),
        Node("first", Dense(torch.from_numpy(A), torch.from_numpy(a)), ("input",), (4,)),
        Node("second", Dense(torch.from_numpy(B), torch.from_numpy(b)), ("first",), (3,)),
    )
    bounded = bounded_on(Network(nodes, ("second",)), np.zeros(5), np.ones(5))
    found = rows_on_units(bounded, "second")
    worst = Fraction(0)
    for x in rng.random((20, 5)):
        z = [Fraction(v) for v in x.tolist()]
        for M, c in ((A, a), (B, b)):
            z = [
                sum(Fraction(w) * v for w, v in zip(row, z, strict=True)) + Fraction(k)
                for row, k in zip(M.tolist(), c.tolist(), strict=True)
            ]
        for k in range(3):
            said = Fraction(float(found.offsets[k]))
            said += sum(
                Fraction(w) * Fraction(v) for w, v in zip(found.matrices["input"][k].tolist(), x.tolist(), strict=True)
            )
            assert abs(said - z[k]) <= Fraction(float(found.losses[k]))
            worst = max(worst, abs(said - z[k]))
    assert worst > 0
    assert float(found.losses.max()) < 1e-13
