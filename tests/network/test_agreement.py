"""The check of a network against its source: it accepts rounding and nothing else."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unrelu.errors import IntakeMismatch, ModelError
from unrelu.network.agreement import check_agreement
from unrelu.network.graph import Network
from unrelu.operators import Dense, Normalization


@dataclass(frozen=True)
class Bent:
    """A source that is another in all but one number of one node."""

    original: Any
    node: str
    factor: float

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.original.nodes

    def values(self, batch: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
        values = self.original.values(batch, names)
        values[self.node].reshape(len(batch), -1)[0, 0] *= self.factor
        return values


def deep(dtype: torch.dtype) -> nn.Sequential:
    """Ten layers of 100: a bound carried through all of them would say nothing."""
    torch.manual_seed(0)
    layers = [part for _ in range(10) for part in (nn.Linear(100, 100), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(100, 10)).to(dtype).eval()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_rounding_is_no_mismatch(dtype):
    assert len(Network.from_torch(deep(dtype), torch.rand(3, 100)).layers) == 10


@pytest.mark.parametrize("node", ["0", "8", "18", "20"])
def test_one_number_off_by_a_thousandth_is_found_however_deep(node):
    network = Network.from_torch(deep(torch.float32), torch.rand(2, 100) + 1)
    example = torch.rand(2, 100) + 1
    check_agreement(network, example)
    bent = replace(network, source=Bent(network.source, node, 1.001))
    with pytest.raises(IntakeMismatch, match=f"node '{node}' computes .* where the model computes"):
        check_agreement(bent, example)


def test_wrong_operator_is_named_and_not_what_comes_after_it():
    network = Network.from_torch(deep(torch.float32), torch.rand(2, 100))

    def changed(node: Any) -> Any:
        if node.name != "6":
            return node
        weight = node.operator.weight.clone()
        weight[5, 5] += 0.01
        return replace(node, operator=Dense(weight, node.operator.bias))

    wrong = replace(network, nodes=tuple(changed(node) for node in network.nodes))
    with pytest.raises(IntakeMismatch, match="node '6'"):
        check_agreement(wrong, torch.rand(2, 100))


def test_forgotten_epsilon_is_found():
    module = nn.Sequential(nn.BatchNorm1d(3, eps=1e-3)).eval()
    network = Network.from_torch(module, torch.rand(2, 3))
    operator: Any = network.node("0").operator
    assert isinstance(operator, Normalization)
    node = replace(network.nodes[1], operator=replace(operator, epsilon=1e-5))
    with pytest.raises(IntakeMismatch, match="node '0'"):
        check_agreement(replace(network, nodes=(network.nodes[0], node)), torch.rand(2, 3))


def test_shapes_that_differ_are_a_mismatch():
    module = nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 3)))
    network = Network.from_torch(module, torch.rand(2, 6))
    other = Network.from_torch(nn.Sequential(nn.Flatten(), nn.Unflatten(1, (3, 2))), torch.rand(2, 6))
    with pytest.raises(IntakeMismatch, match=r"node '1' gives samples of shape \(3, 2\), but the model's are \(2, 3\)"):
        check_agreement(replace(other, source=network.source), torch.rand(2, 6))


def test_own_output_that_differs_is_a_mismatch():
    module = nn.Linear(3, 2)
    network = Network.from_torch(module, torch.rand(2, 3))
    example = torch.rand(2, 3)
    expected = module(example).detach()
    check_agreement(network, example, expected)
    with pytest.raises(IntakeMismatch, match="node 'linear' computes"):
        check_agreement(network, example, expected + 1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_models_that_overflow_are_told_to_widen(dtype):
    module = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    with torch.no_grad():
        for p in module.parameters():
            p.fill_(torch.finfo(dtype).max / 4)
    with pytest.raises(ModelError, match=r"NaN or infinite values at node '0' in torch.float.*module.double\(\)"):
        Network.from_torch(module.to(dtype), torch.full((1, 2), 100.0))


def test_networks_without_a_source_have_nothing_to_compare():
    network = replace(Network.from_torch(nn.ReLU(), torch.rand(1, 2)), source=None)
    with pytest.raises(ModelError, match="nothing to compare it with"):
        check_agreement(network, torch.rand(1, 2))


@pytest.mark.parametrize(("precision", "error"), [("high", 2.0**-11), ("medium", 2.0**-9)])
def test_lower_precision_that_the_user_allows_is_allowed_for(precision, error):
    """An error as TensorFloat-32 or bfloat16 makes it, whether or not this processor multiplies in them."""
    network = Network.from_torch(nn.Linear(2, 2), torch.rand(2, 2))
    bent = replace(network, source=Bent(network.source, "linear", 1 + error))
    before = torch.get_float32_matmul_precision()
    with pytest.raises(IntakeMismatch):
        check_agreement(bent, torch.rand(2, 2))
    try:
        torch.set_float32_matmul_precision(precision)
        check_agreement(bent, torch.rand(2, 2))
    finally:
        torch.set_float32_matmul_precision(before)


def test_prefix_of_a_network_agrees_with_the_whole_source():
    network = Network.from_torch(deep(torch.float64), torch.rand(1, 100))
    check_agreement(network.upto("3"), torch.rand(2, 100).double())
