"""Modules in wrappers, with hooks and parametrizations: read as what they compute, or refused in one sentence."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune
from torch.optim.swa_utils import AveragedModel

from unrelu.errors import ModelError, TrainingMode
from unrelu.network.graph import Network

X = torch.linspace(-2, 2, 20).reshape(5, 4)


def made() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


class Passing(nn.Module):
    """A wrapper of the user's own, which does not say what it takes."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.inner = module

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        return self.inner(*args, **kwargs)


def distributed(module: nn.Module) -> nn.Module:
    """As in a process of several, without these."""
    wrapper = nn.parallel.DistributedDataParallel.__new__(nn.parallel.DistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = module
    return wrapper


@pytest.mark.parametrize(
    ("wrap", "layers"),
    [
        (AveragedModel, ("1",)),
        (nn.DataParallel, ("1",)),
        (distributed, ("1",)),
        (lambda module: distributed(AveragedModel(module)), ("1",)),
        (Passing, ("inner.1",)),
        (lambda module: AveragedModel(Passing(module)), ("inner.1",)),
    ],
)
def test_a_wrapper_is_read_as_what_it_is_around(wrap, layers):
    module = made()
    network = Network.from_torch(wrap(module), X[:1])
    assert network.layers == layers
    assert torch.equal(network(X.double()), Network.from_torch(module, X)(X.double()))


def test_averaged_weights_are_the_ones_that_count():
    module = made()
    average = AveragedModel(module)
    for _ in range(3):
        for p in module.parameters():
            p.data += 1
        average.update_parameters(module)
    torch.testing.assert_close(
        Network.from_torch(average, X)(X.double()), copy.deepcopy(average.module).double()(X.double()).detach()
    )


def test_a_compiled_module_is_read_without_being_compiled():
    compiled: Any = torch.compile(made(), backend=lambda *_: pytest.fail("compiled"))
    network = Network.from_torch(compiled, X)
    assert network.layers == ("1",)
    assert torch.equal(network(X.double()), Network.from_torch(made(), X)(X.double()))


def _doubled(_module: nn.Module, _inputs: Any, output: Any) -> Tensor:
    return 2 * output


@pytest.mark.parametrize("where", ["forward", "before"])
def test_hooks_of_a_wrapper_are_not_lost_in_silence(where):
    wrapper = AveragedModel(made())
    if where == "forward":
        wrapper.register_forward_hook(_doubled)
    else:
        wrapper.register_forward_pre_hook(lambda _m, inputs: (inputs[0] + 1,))
    with pytest.raises(ModelError, match=r"AveragedModel .* hooks of its own.*on its \.module"):
        Network.from_torch(wrapper, X)


def _with_hooks(module: nn.Sequential) -> nn.Sequential:
    module[1].register_forward_hook(lambda _m, _i, output: 2 * output + 1)
    module.register_forward_pre_hook(lambda _m, inputs: (inputs[0] - 0.5,))
    return module


def _parametrized(function: Callable[[nn.Module], Any]) -> Callable[[nn.Sequential], nn.Sequential]:
    def change(module: nn.Sequential) -> nn.Sequential:
        function(module[0])
        return module.eval()

    return change


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated")
@pytest.mark.parametrize(
    "change",
    [
        _with_hooks,
        _parametrized(parametrizations.weight_norm),
        _parametrized(parametrizations.spectral_norm),
        _parametrized(parametrizations.orthogonal),
        _parametrized(nn.utils.weight_norm),
        _parametrized(nn.utils.spectral_norm),
        _parametrized(lambda part: prune.l1_unstructured(part, "weight", 9)),
        lambda module: torch.fx.symbolic_trace(module),
    ],
)
def test_hooks_and_weights_that_are_computed_are_read(change):
    module = change(made())
    state = copy.deepcopy(module.state_dict())
    network = Network.from_torch(module, X)
    exact = copy.deepcopy(module).double()(X.double()).detach() if change is _with_hooks else None
    torch.testing.assert_close(network(X.double()).float(), module(X).detach(), rtol=1e-5, atol=1e-6)
    if exact is not None:
        torch.testing.assert_close(network(X.double()), exact, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(state[name], values) for name, values in module.state_dict().items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_module_in_half_precision_is_the_network_of_its_weights(dtype):
    module = made().to(dtype)
    network = Network.from_torch(module, X)
    torch.testing.assert_close(network(X.double()), copy.deepcopy(module).double()(X.double()).detach())


def _quantized() -> nn.Module:
    return nn.Sequential(torch.ao.nn.quantized.Quantize(0.1, 0, torch.quint8), torch.ao.nn.quantized.ReLU6())


def _quantized_for_training() -> nn.Module:
    return torch.ao.nn.qat.Linear(4, 2, qconfig=torch.ao.quantization.get_default_qat_qconfig())


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


class Giving(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: Tensor) -> Any:
        return self.kind(x)


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning", "ignore:.*torch.ao.quantization.*")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear, "not the class Linear; make one"),
        (lambda: made().state_dict(), r"not a state dict \(OrderedDict\), which holds weights only"),
        (lambda: "model.onnx", "the name of a file .*; ur.load reads files"),
        (lambda: nn.Linear(4, 2, device="meta"), "'weight' is on the meta device, so it holds no numbers"),
        (lambda: nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4, device="meta")).eval(), "'1.weight' is on the meta device"),
        (Lazy, "'fc.weight' has no shape yet, as its module is lazy; call the module once"),
        (lambda: nn.Linear(4, 2, dtype=torch.complex64), "'weight' is complex"),
        (_quantized, r"its part '0' \(Quantize\) is quantized: it rounds"),
        (
            lambda: torch.ao.nn.qat.Linear(4, 2, qconfig=torch.ao.quantization.get_default_qat_qconfig()),
            "it .* is quantized",
        ),
        (lambda: torch.jit.trace(made(), X), "is TorchScript, which is not read; hand over the nn.Module"),
        (lambda: nn.Sequential(torch.jit.script(nn.ReLU())), "its part '0' .* is TorchScript"),
        (lambda: torch.jit.script(nn.functional.relu), "not a TorchScript function"),
        (lambda: nn.Sequential(made(), nn.Linear(3, 2).half()), "weights are torch.float16 on cpu and torch.float32"),
        (lambda: Giving(lambda x: {"logits": x}), "gives a dict, not one tensor; .* or name the node"),
        (lambda: Giving(lambda x: (x, x)), "gives a tuple, not one tensor"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(make, message):
    module = make()
    with pytest.raises(ModelError, match=message) as caught:
        Network.from_torch(module, X)
    assert "\n" not in str(caught.value)
    if isinstance(module, Lazy):  # it stays as it is
        assert nn.parameter.is_lazy(module.fc.weight)


def test_a_part_of_what_gives_a_dict_is_read_by_its_name():
    module = nn.Sequential(made(), Giving(lambda x: {"logits": x.sin()}))
    assert Network.from_torch(module, X, upto="0.2").outputs == ("0.2",)


@pytest.mark.parametrize("norm", [parametrizations.spectral_norm, nn.utils.spectral_norm])
def test_what_is_another_function_at_every_call_is_refused(norm):
    torch.manual_seed(0)
    module = nn.Sequential(norm(nn.Linear(9, 8)))
    for p in module.parameters():
        p.data *= torch.rand_like(p)  # so that there is something to iterate for
    state = copy.deepcopy(module.state_dict())
    with pytest.raises(TrainingMode, match=r"changes its buffer .* call module\.eval\(\) first"):
        Network.from_torch(module, torch.ones(1, 9))
    assert all(torch.equal(state[name], values) for name, values in module.state_dict().items())
    Network.from_torch(module.eval(), torch.ones(1, 9))


def test_a_program_is_read_like_the_module_it_was_exported_from():
    module = nn.Sequential(
        nn.Conv1d(1, 2, 3, padding=1, padding_mode="circular"), nn.BatchNorm1d(2), nn.ReLU(), nn.Flatten(), made()
    )
    module[4] = nn.Linear(8, 3)
    module.eval()
    x = X[:, None]
    program = torch.export.export(module, (x[:2],), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    network, expected = Network.from_torch(program, x[:1]), Network.from_torch(module, x)
    assert [node.name for node in network.nodes] == [node.name for node in expected.nodes]
    assert torch.equal(network(x.double()), expected(x.double()))
    with pytest.raises(ModelError, match="exported for batches of one size"):
        Network.from_torch(torch.export.export(module, (x[:2],)), x[:2])


def test_a_program_of_two_inputs_is_refused():
    class Two(nn.Module):
        def forward(self, x: Tensor, y: Tensor) -> Tensor:
            return x + y

    with pytest.raises(ModelError, match="takes 2 inputs"):
        Network.from_torch(torch.export.export(Two(), (X, X)), X)
