"""Names, numbers and side effects of reading a PyTorch module; what it computes is in test_intake_contract."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from network.contract_cases import Call
from unrelu.errors import (
    IntakeMismatch,
    TrainingMode,
    UnknownNode,
    UnsupportedOperator,
)
from unrelu.intake.draft import Draft, Signal
from unrelu.intake.torch.exporting import Exported
from unrelu.intake.torch.naming import module_names
from unrelu.intake.torch.place import Place
from unrelu.intake.torch.registry import OPERATORS
from unrelu.network.graph import Network
from unrelu.operators import ReLU


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, padding_mode="circular")
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn(self.conv(x)))
        return functional.relu(self.act(y + x) + 1)


class Picture(nn.Module):
    """Modules called "input" and "output", one ReLU called three times, functional calls, a residual block."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(0.1307))
        self.input = nn.Conv2d(1, 2, 3)
        self.features = nn.Sequential(nn.ReLU(), Block(2), nn.Dropout(0.2))
        self.fc = nn.Linear(2 * 16, 5)
        self.output = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.mean) / 0.3081
        x = self.features(self.input(x))
        return self.output(self.fc(x.view(x.size(0), -1)).relu())


@pytest.fixture
def picture() -> Picture:
    torch.manual_seed(3)
    return Picture().eval()


PICTURES = torch.linspace(0, 1, 2 * 36).reshape(2, 1, 6, 6)


def test_nodes_are_called_by_module_path_or_owner_and_function(picture):
    names = [node.name for node in Network.from_torch(picture, PICTURES).nodes]
    assert names == [
        "input",
        "sub",
        "div",
        "input_",
        "features.0",
        "features.1.conv.pad",
        "features.1.conv",
        "features.1.bn",
        "features.1.act",
        "features.1.add",
        "features.1.act#2",
        "features.1.add#2",
        "features.1.relu",
        "view",
        "fc",
        "relu",
        "output_",
    ]


def test_functional_call_named_like_a_module_comes_second():
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(self.relu(x) - 1)

    assert Network.from_torch(Named(), torch.ones(1, 2)).layers == ("relu", "relu#2")


@pytest.mark.parametrize(
    "function",
    [
        torch.relu,
        torch.relu_,
        functional.relu,
        lambda x: x.clamp(min=0),
        lambda x: x.clamp_min(0),
        lambda x: torch.clip(x, 0),
        lambda x: torch.maximum(x, torch.zeros(())),
        lambda x: torch.maximum(torch.zeros_like(x), x),
        lambda x: torch.max(x, torch.tensor(0.0)),
        lambda x: functional.threshold(x, 0, 0),
        lambda x: functional.hardtanh(x, 0.0, float("inf")),
        lambda x: torch.maximum(x, x.new_zeros(3)),
        lambda x: torch.maximum(x, torch.full((x.shape[0], 3), 0.0)),
    ],
)
def test_every_form_of_relu_is_one(function: Callable[[Tensor], Tensor]):
    network = Network.from_torch(Call(lambda x: function(x * 1)), torch.randn(2, 3))
    assert [type(node.operator) for node in network.nodes if node.is_layer] == [ReLU]
    assert len(network.nodes) == 3


def test_inplace_relu_on_the_input_itself_leaves_the_example_alone():
    example = -torch.ones(2, 3)
    network = Network.from_torch(nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 1)), example)
    assert network.layers == ("0",)
    assert torch.equal(example, -torch.ones(2, 3))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_come_over_exactly(picture, dtype):
    picture = picture.to(dtype)
    network = Network.from_torch(picture, PICTURES.numpy())
    for name, node in (("input_", "input"), ("fc", "fc"), ("output_", "output")):
        weight: Any = network.node(name).operator
        stored = picture.get_submodule(node).weight.detach()
        assert weight.weight.dtype == torch.float64
        assert torch.equal(weight.weight.to(dtype), stored)
        assert torch.equal(weight.weight, stored.double())


def test_scalars_are_the_numbers_that_the_module_computes_with(picture):
    network = Network.from_torch(picture, PICTURES)
    quotient: Any = network.node("div").operator
    assert float(quotient.divisor) == float(np.float32(0.3081))
    quotient = Network.from_torch(picture.double(), PICTURES).node("div").operator
    assert float(quotient.divisor) == 0.3081


def test_module_is_not_changed_and_its_changes_are_not_seen(picture):
    calls = []
    picture.fc.register_forward_hook(lambda *_: calls.append(1))
    picture.fc.weight.requires_grad_(False)
    before_hooks = list(picture.fc._forward_hooks.values())
    before = copy.deepcopy(picture.state_dict())
    flags = [part.training for part in picture.modules()]
    wanted = [p.requires_grad for p in picture.parameters()]
    pointers = [p.data_ptr() for p in picture.parameters()]

    network = Network.from_torch(picture, PICTURES)

    assert all(torch.equal(before[key], value) for key, value in picture.state_dict().items())
    assert [part.training for part in picture.modules()] == flags
    assert [p.requires_grad for p in picture.parameters()] == wanted
    assert [p.data_ptr() for p in picture.parameters()] == pointers
    assert all(p.grad is None and p.grad_fn is None for p in picture.parameters())
    assert not any(values.requires_grad for node in network.nodes for values in node.operator.tensors())
    assert list(picture.fc._forward_hooks.values()) == [before_hooks[0]]

    x = PICTURES.double()
    y, source = network(x), network.source
    assert source is not None
    own = source.values(x, ("output_",))["output_"]
    with torch.no_grad():
        for p in picture.parameters():
            p.mul_(3)
    assert torch.equal(network(x), y)
    assert torch.equal(source.values(x, ("output_",))["output_"], own)


def test_float64_weights_are_copies_too():
    module = nn.Linear(2, 2).double()
    network = Network.from_torch(module, torch.ones(1, 2))
    before = network(torch.ones(1, 2).double())
    with torch.no_grad():
        module.weight.zero_()
    assert torch.equal(network(torch.ones(1, 2).double()), before)


def test_buffers_that_the_forward_pass_counts_in_stay():
    class Counting(nn.Module):
        calls: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x.relu()

    module = Counting().eval()
    network = Network.from_torch(module, torch.ones(1, 2))
    assert network.source is not None
    network.source.values(torch.ones(1, 2), ("relu",))
    assert float(module.calls) == 0


def test_source_gives_every_node_as_the_module_does(picture):
    x = torch.rand(5, 1, 6, 6)
    network = Network.from_torch(picture, PICTURES)
    seen: dict[str, Tensor] = {}
    for name in ("input", "features.0", "features.1.conv", "features.1.bn", "fc", "output"):
        picture.get_submodule(name).register_forward_hook(
            lambda _m, _i, result, name=name: seen.__setitem__(name, result.detach().clone())
        )
    with torch.no_grad():
        picture(x)
    assert network.source is not None
    values = network.source.values(x.double(), network.source.nodes)
    assert set(values) == {node.name for node in network.nodes}
    for name, expected in seen.items():
        given = values[f"{name}_" if name in ("input", "output") else name]
        assert given.dtype == torch.float32
        torch.testing.assert_close(given, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(UnknownNode, match="no node 'nowhere'"):
        network.source.values(x, ("nowhere",))


def test_network_with_its_source_can_be_pickled(picture):
    network = Network.from_torch(picture, PICTURES)
    again: Network = pickle.loads(pickle.dumps(network))
    assert torch.equal(again(PICTURES), network(PICTURES))
    assert again.source is not None
    values = again.source.values(PICTURES, ("fc",))["fc"]
    assert network.source is not None
    assert torch.equal(values, network.source.values(PICTURES, ("fc",))["fc"])


def test_weights_computed_from_parameters_are_read():
    module: Any = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)).eval()
    network = Network.from_torch(module, torch.ones(1, 3))
    np.testing.assert_array_equal(network(np.eye(3)) - network(np.zeros((1, 3))), module.weight.detach().double().T)


MATRIX = torch.tensor([[1.0, -2.0, 0.5], [0.25, 4.0, -1.0], [3.0, 0.0, 2.0], [-0.5, 1.0, 1.0]])


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, c: torch.addmm(c[0, :3], x, c), lambda x, c: x @ c + c[0, :3]),
        (lambda x, c: 2 - x, lambda x, c: 2 - x),
        (lambda x, c: c[:, 0] - x / 4, lambda x, c: c[:, 0] - x / 4),
        (lambda x, c: x.double() / 3, lambda x, c: x / 3),
        (lambda x, c: x[:, 2] * x.new_ones(()), lambda x, c: x[:, 2]),
        (lambda x, c: x[:, -1:].expand(-1, 1) + x[:, :], lambda x, c: x[:, -1:] + x),
        (lambda x, c: x + torch.full_like(x, c[1, 1].item()), lambda x, c: x + 4),
        (lambda x, c: x + torch.full((x.shape[0], 1), 0.5), lambda x, c: x + 0.5),
        (lambda x, c: x.permute(0, 1).contiguous().detach().clone() + 0.5, lambda x, c: x + 0.5),
        (lambda x, c: functional.pad(x, (-1, -2)), lambda x, c: x[:, 1:2]),
    ],
)
def test_forms_of_operators(function, expected):
    module = Call(function, c=MATRIX)
    x = torch.randn(5, 4).double()
    torch.testing.assert_close(
        Network.from_torch(module, x[:1].float())(x), expected(x, MATRIX.double()), rtol=1e-13, atol=1e-13
    )


def test_later_results_of_an_operator_are_refused(picture):
    place = Place(Draft(), "part", (2,), torch.float32, torch.float32)
    with pytest.raises(UnsupportedOperator, match="node 'part' takes result 1 of an operator"):
        OPERATORS["getitem"](place, x=Signal("input", (2,)), index=1)


def test_calls_of_parts_that_the_module_does_not_have_are_called_by_path_and_function():
    node = torch.fx.Graph().call_function(torch.ops.aten.relu.default, (1,))
    node.meta["nn_module_stack"] = {"key": ("no.where", "torch.nn.modules.activation.ReLU")}
    assert module_names(nn.ReLU(), Exported((node,), {}, node, (node,)))(node) == "no.where.relu"


def test_no_grad_and_forward_hooks_inside_are_followed():
    class Inside(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                y = x + 1
            return y.relu()

    module = Inside()
    module.register_forward_hook(lambda *called: called[2] * 2)
    assert Network.from_torch(module, torch.ones(1, 1))(np.array([[3.0]])).tolist() == [[8.0]]


def test_a_module_of_several_steps_gives_its_name_to_its_value():
    """`upto` of it is what the module gives, not its first step."""
    module = nn.Sequential(nn.Linear(4, 4), nn.Tanhshrink(), nn.Linear(4, 2)).double().eval()
    x = torch.randn(3, 4).double()
    network = Network.from_torch(module, x)
    assert [node.name for node in network.nodes] == ["input", "0", "1.tanh", "1", "2"]
    np.testing.assert_allclose(network.upto("1")(x), module[:2](x).detach(), rtol=1e-12, atol=1e-15)
    with pytest.raises(UnsupportedOperator, match="divides by what depends on the input"):
        Network.from_torch(nn.Sequential(nn.Linear(4, 4), nn.Softsign()).double().eval(), x, upto="1")


class OfSeveral(nn.Module):
    """Another function for one sample than for several."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.norm = nn.Linear(4, 3), nn.BatchNorm1d(3)
        nn.init.constant_(self.norm.running_mean, 1.0)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        h = self.linear(x)
        return self.norm(h) if x.shape[0] > 1 else h


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_module_that_treats_one_sample_apart_is_refused(n):
    with pytest.raises(IntakeMismatch, match="something else for a sample alone than in a batch"):
        Network.from_torch(OfSeveral().eval(), torch.randn(n, 4))


@pytest.mark.parametrize("n", [1, 3])
def test_a_module_that_gives_another_number_of_results_for_one_sample_is_refused(n):
    class Doubling(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.relu() if x.shape[0] > 1 else torch.cat([x, x], 1)

    with pytest.raises(IntakeMismatch, match="something else for a sample alone"):
        Network.from_torch(Doubling(), torch.randn(n, 4))


def test_a_module_that_takes_several_samples_only_or_drops_an_axis_of_one_is_read():
    class Squeezed(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum(1, keepdim=True).squeeze(1).relu()[:, None]

    x = torch.randn(3, 4)
    assert Network.from_torch(Squeezed(), x)(x.numpy()).shape == (3, 1)


@pytest.mark.parametrize("n", [1, 2])
def test_a_module_that_counts_its_calls_in_python_is_refused(n):
    class Counting(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * self.calls

    with pytest.raises(TrainingMode, match="gives something else the next time"):
        Network.from_torch(Counting().eval(), torch.ones(n, 4))
