"""Names, errors and side effects of reading a PyTorch module; what it computes is in test_intake_contract."""

import copy
import logging
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
    InputError,
    IntakeMismatch,
    ModelError,
    NonFiniteWeights,
    ShapeError,
    TooLarge,
    TrainingMode,
    UnknownNode,
    UnsupportedOperator,
)
from unrelu.network.draft import Draft, Signal
from unrelu.network.graph import Network
from unrelu.network.operators import ReLU
from unrelu.network.torch_intake.moving import HANDLERS
from unrelu.network.torch_intake.naming import node_name
from unrelu.network.torch_intake.place import Place


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
    assert [type(node.operator) for node in network.nodes if node.is_relu] == [ReLU]
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
    with pytest.raises(UnsupportedOperator, match="node 'part' is result 1 of an operator"):
        HANDLERS["getitem"](place, x=Signal("input", (2,)), index=1)


def test_calls_of_parts_that_the_module_does_not_have_are_called_by_path_and_function():
    node = torch.fx.Graph().call_function(torch.ops.aten.relu.default, (1,))
    node.meta["nn_module_stack"] = {"key": ("no.where", "torch.nn.modules.activation.ReLU")}
    assert node_name(nn.ReLU(), node) == "no.where.relu"


def test_no_grad_and_forward_hooks_inside_are_followed():
    class Inside(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                y = x + 1
            return y.relu()

    module = Inside()
    module.register_forward_hook(lambda *called: called[2] * 2)
    assert Network.from_torch(module, torch.ones(1, 1))(np.array([[3.0]])).tolist() == [[8.0]]


VECTORS, CHANNELS = torch.ones(2, 4), torch.ones(2, 3, 4, 4)


class TwoInputs(nn.Module):
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


class AskingTheInput(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: functional.leaky_relu(x), r"node 'leaky_relu' is leaky_relu.*only max\(x, 0\) is read"),
        (functional.relu6, "node 'relu6' is relu6|node 'hardtanh' is relu6"),
        (lambda x: x.clamp(0, 1), "node 'clamp' is clamp"),
        (lambda x: x.clamp(min=0.5), "node 'clamp' is clamp"),
        (lambda x: functional.threshold(x, 1, 0), "node 'threshold' is threshold"),
        (lambda x: torch.maximum(x, x * 2), "node 'maximum' is maximum"),
        (lambda x: torch.maximum(x, torch.ones(())), "node 'maximum' is maximum"),
        (lambda x: torch.maximum(x, torch.zeros(3, 1, 4)), "mixes the samples"),
        (lambda x: torch.maximum(x[:, :1], torch.zeros(4)), "broadcasts its input"),
        (lambda x: x.softmax(1), "node 'softmax' is softmax.*drop it and ask about the logits"),
        (lambda x: x.log_softmax(1), "drop it and ask about the logits"),
        (lambda x: x.sin(), "node 'sin' is sin, which is neither affine nor a ReLU"),
        (lambda x: functional.layer_norm(x, (4,)), "use batch norm"),
        (lambda x: x * x.relu(), "node 'mul' multiplies two values that both depend on the input"),
        (lambda x: 1 / x, "is reciprocal, which is neither"),
        (lambda x: x / x, "node 'div' divides by what depends on the input"),
        (lambda x: torch.div(x, 2, rounding_mode="floor"), "or rounds"),
        (lambda x: x / 0, "node 'div' divides by a constant that is zero"),
        (lambda x: torch.add(x, x, alpha=2), "node 'add' adds with a factor alpha"),
        (lambda x: torch.rsub(x, 1, alpha=2), "adds with a factor alpha"),
        (lambda x: x.T @ x, "mixes the samples of a batch: for n samples it gives the shape"),
        (lambda x: x.flatten(), r"keep dimension 0 for the batch \(write x.flatten\(1\)"),
        (lambda x: x.mean(), "mixes the samples"),
        (lambda x: x.mean(0, keepdim=True) + x, "mixes the samples"),
        (lambda x: x + torch.ones(2, 1, 4)[0:1].expand(1, 1, 4), "mixes the samples"),
        (lambda x: x[:, :1, None] + x[:, :1], "mixes the samples|would mix the samples"),
        (lambda x: x.unsqueeze(0).squeeze(0), "mixes the samples"),
        (lambda x: x.unsqueeze(0).expand(x.shape[0], -1, -1)[:, 0], "mixes the samples"),
        (lambda x: x + torch.rand(4), "node 'rand' draws random numbers"),
        (lambda x: functional.linear(x, x.new_ones(2, 4) * x.sum()), "node 'sum'"),
        (lambda x: torch.ones(4, 4) @ x.unsqueeze(2), "node 'matmul' takes a constant where"),
        (lambda x: x.unsqueeze(1) @ x.unsqueeze(2), "computes its matrix from the input, so it is not affine"),
        (lambda x: x.unsqueeze(1) @ torch.ones(1, 4, 4), "multiplies by a stack of matrices"),
        (lambda x: torch.addmm(torch.ones(4), x, torch.ones(4, 4), beta=2), "is addmm with factors"),
        (lambda x: x.to(torch.float16), "rounds its values from torch.float32 to torch.float16"),
        (lambda x: x.chunk(2, 1)[1], "is split, which|is chunk, which"),
        (lambda x: torch.cat([x, torch.ones(1, 4).expand(x.shape[0], 4)], 1), "takes a constant where|mixes"),
        (lambda x: torch.cat([x, x]), "mixes the samples"),
        (lambda x: torch.ones(2), "output does not depend on its input"),
        (lambda x: functional.pad(x, (0, 0, 1, 1)), "mixes the samples"),
        (lambda x: functional.pad(x, (0, 0, 1, -1)), "node 'pad' pads the batch axis"),
        (lambda x: x.t(), "node 't' is t, which"),
        (lambda x: torch.full_like(x, x.sum().item()), "node 'sum'"),
    ],
)
def test_functions_that_are_not_read_are_named(function, message):
    with pytest.raises(UnsupportedOperator, match=message):
        Network.from_torch(Call(function), VECTORS)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.MaxPool2d(2), "node 'max_pool2d' is max_pool2d.*average pooling"),
        (nn.Sequential(nn.Conv2d(3, 2, 1), nn.MaxPool2d(2)), "node '1' is max_pool2d"),
        (nn.Sequential(nn.ReLU6()), "node '0' is relu6"),
        (nn.AvgPool2d(2, divisor_override=3), "overrides the divisor"),
        (nn.BatchNorm2d(3, track_running_stats=False), "by the statistics of the batch at hand"),
        (Call(lambda x: x.transpose(0, 1).transpose(0, 1)), "mixes the samples"),
        (
            Call(lambda x: functional.batch_norm(x, torch.zeros(3), -torch.ones(3))),
            "running variance that is not positive",
        ),
        (Call(lambda x: x.view(1, -1).view(x.shape)), "mixes the samples"),
    ],
)
def test_modules_that_are_not_read_are_named(module, message):
    with pytest.raises(UnsupportedOperator, match=message):
        Network.from_torch(module.eval(), CHANNELS)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.BatchNorm2d(3)), r"its part '0' \(BatchNorm2d\).*call module.eval\(\)"),
        (nn.Dropout(), r"where it \(Dropout\) is not one fixed function"),
        (Call(lambda x: functional.dropout(x)).eval(), "node 'dropout' drops units at random"),
    ],
)
def test_training_mode_is_refused(module, message):
    with pytest.raises(TrainingMode, match=message):
        Network.from_torch(module, CHANNELS)


def test_training_flag_of_what_has_no_training_mode_is_no_matter():
    module = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    assert module.training
    assert Network.from_torch(module, VECTORS).layers == ("1",)


@pytest.mark.parametrize(
    ("module", "example", "error", "message"),
    [
        (lambda x: x, VECTORS, ModelError, "takes a torch.nn.Module, not a function"),
        (TwoInputs(), VECTORS, ModelError, "does not take exactly one input"),
        (Call(lambda x: (x, x)), VECTORS, ModelError, "gives a tuple, not one tensor"),
        (nn.Linear(3, 1), VECTORS, ShapeError, r"does not take the example input of shape \(2, 4\)"),
        (nn.Linear(4, 1), VECTORS[0], ModelError, "dimension 0 of the example must be the batch"),
        (nn.Linear(4, 1), torch.ones(0, 4), InputError, "at least one sample"),
        (nn.Linear(4, 1), torch.tensor(1.0), InputError, "at least one sample"),
        (nn.Linear(4, 1), VECTORS * float("nan"), InputError, "the example input holds NaN"),
        (nn.Linear(4, 1), "picture.png", InputError, "the example input must be a NumPy array"),
        (Call(lambda x: x.view(2, -1)), VECTORS, ModelError, "takes batches of one size only"),
        (AskingTheInput(), VECTORS, ModelError, "chooses its path by the values of its input"),
        (Call(lambda x: x + float("inf")), VECTORS, ModelError, "NaN or infinite"),
        (
            Call(lambda x: x.double() * 1e300 * 1e300),
            VECTORS,
            ModelError,
            "itself gives NaN or infinite values at node",
        ),
        (Call(lambda x: x.expand(-1, 4)[:, :1].expand(-1, 2**27)), VECTORS, TooLarge, "node 'expand' would give"),
    ],
)
def test_misuse_is_said_in_one_sentence(module, example, error, message):
    with pytest.raises(error, match=message) as caught:
        Network.from_torch(module, example)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_weights_are_named(value):
    module = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 1))
    module.state_dict()["2.weight"][0, 1] = value
    with pytest.raises(NonFiniteWeights, match="node '2' has NaN or infinite weights"):
        Network.from_torch(module, VECTORS)


def test_module_that_answers_otherwise_the_second_time_is_a_mismatch():
    class Moody(nn.Module):
        calls = 0

        def forward(self, x: Tensor) -> Tensor:
            self.calls += 1
            return x * self.calls

    with pytest.raises(IntakeMismatch, match="node 'mul'"):
        Network.from_torch(Moody(), VECTORS)


def test_data_dependent_paths_print_and_log_nothing(capfd, caplog):
    with pytest.raises(ModelError):
        Network.from_torch(AskingTheInput(), VECTORS)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert logging.getLogger("torch.fx.experimental.symbolic_shapes").level != logging.CRITICAL
