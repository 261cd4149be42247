"""Modules that are not read: each error names the node or the thing, and says what to do."""

import logging

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from network.contract_cases import Call
from unrelu.errors import (
    InputError,
    ModelError,
    NonFiniteWeights,
    ShapeError,
    TooLarge,
    TrainingMode,
    UnsupportedOperator,
)
from unrelu.network.graph import Network

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
        (lambda x: functional.threshold(x, 1, 0), r"node 'threshold' jumps from 0(\.0)? to 1(\.0)? at its threshold"),
        (
            lambda x: x.clamp(torch.tensor([0.0, 1.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 3.0, float("inf")])),
            "infinite",
        ),
        (
            lambda x: x.max(1)[1] + x.max(1)[0],
            "node 'getitem.*' takes result 1 of an operator.*the places of what it took.*only result 0 is read",
        ),
        (lambda x: x.max(0)[0] + x, "mixes the samples"),
        (lambda x: x.amax(0, keepdim=True) + x, "mixes the samples"),
        (lambda x: torch.maximum(x, torch.zeros(3, 1, 4)), "mixes the samples"),
        (lambda x: torch.maximum(x, x.unsqueeze(1))[:, 0], "mix the samples|mixes the samples"),
        (lambda x: x.sin(), "node 'sin' is sin, which is not read; hand over the part of the model behind it"),
        (lambda x: x.relu().sin(), r"node 'sin' is sin, which is not read; read .* node before it \(upto='relu'\)"),
        (functional.logsigmoid, "is log_sigmoid.*replace it by an activation that is read"),
        (lambda x: functional.rms_norm(x, (4,)), "use batch norm"),
        (lambda x: x**3, "node 'pow' raises to another power than 2"),
        (lambda x: x.softmax(0), "node 'softmax' mixes the samples"),
        (lambda x: 1 / x, "is reciprocal, which is not read"),
        (lambda x: x / x, "node 'div' divides by what depends on the input"),
        (lambda x: torch.div(x, 2, rounding_mode="floor"), "or rounds"),
        (lambda x: x / 0, "node 'div' divides by a constant that is zero"),
        (lambda x: x.T @ x, "mixes the samples of a batch: for n samples it gives the shape"),
        (lambda x: x.flatten(), r"keep dimension 0 for the batch \(write x.flatten\(1\)"),
        (lambda x: x.mean(), "mixes the samples"),
        (lambda x: x.mean(0, keepdim=True) + x, "mixes the samples"),
        (lambda x: x + torch.ones(2, 1, 4)[0:1].expand(1, 1, 4), "mixes the samples"),
        (lambda x: x[:, :1, None] + x[:, :1], "mixes the samples|would mix the samples"),
        (lambda x: x.unsqueeze(0).relu().squeeze(0), "mixes the samples"),
        (lambda x: x.unsqueeze(0).expand(x.shape[0], -1, -1)[:, 0], "mixes the samples"),
        (lambda x: x + torch.rand(4), "node 'rand' draws random numbers"),
        (lambda x: functional.linear(x, x.new_ones(2, 4) * x.sum()), "node 'sum'"),
        (lambda x: x.to(torch.float16), "rounds its values from torch.float32 to torch.float16"),
        (lambda x: x / x.shape[0], "node 'div' computes with the number of samples of a batch"),
        (lambda x: x * x.shape[0], "computes with the number of samples"),
        (lambda x: x.clamp(0, x.shape[0]), "computes with the number of samples"),
        (lambda x: x + torch.full((1,), 0.5) * x.shape[0], "computes with the number of samples"),
        (lambda x: x + torch.arange(x.shape[0])[:, None], "computes with the number of samples"),
        (lambda x: x.flip(0), "node 'flip' mixes the samples of a batch"),
        (lambda x: x.roll(1), "node 'roll' mixes the samples"),
        (lambda x: x.roll((1, 1), (0, 1)), "mixes the samples"),
        (lambda x: x[torch.tensor([1, 0])], "mixes the samples"),
        (lambda x: x.cumsum(0), "node 'cumsum' mixes the samples"),
        (lambda x: torch.stack([x, x]), "mixes the samples"),
        (lambda x: torch.hstack([x.sum(1), x.sum(1)]), "mixes the samples"),
        (lambda x: torch.einsum("bi,bj->bij", x, x), "node 'einsum' multiplies signals with each other"),
        (lambda x: torch.einsum("bi,ij->jb", x, torch.ones(4, 4)), "mixes the samples"),
        (lambda x: torch.einsum("bi,ij->j", x, torch.ones(4, 4)), "mixes the samples"),
        (lambda x: torch.inner(torch.ones(3, 4), x), "mixes the samples"),
        (lambda x: x[:, torch.tensor([True, False, True, False])], "pick by constant indices instead"),
        (lambda x: x.masked_fill(torch.tensor([True, False, True, False]), -float("inf")), "is not finite"),
        (lambda x: torch.where(x > 0, x, 0 * x), "node 'gt' is gt, which is not read"),
        (lambda x: torch.lerp(x, 2 * x, x), "computes its weight from the input"),
        (lambda x: x.sort(1)[0], "node 'sort' is sort, which is piecewise linear, but not read yet"),
        (lambda x: x.topk(2, 1)[0], "piecewise linear, but not read yet"),
        (
            lambda x: x.index_fill(1, torch.tensor([0]), 2.0),
            "is index_fill, which is affine, but not read yet; write it by",
        ),
        (lambda x: torch.fft.fft(x).real, "is fft_fft, which is affine, but not read yet"),
        (lambda x: x.diff(n=2), "differences of a higher order"),
        (lambda x: torch.cat([x, x]), "mixes the samples"),
        (lambda x: torch.ones(2), "output does not depend on its input"),
        (lambda x: functional.pad(x, (0, 0, 1, 1)), "mixes the samples"),
        (lambda x: functional.pad(x, (0, 0, 1, -1)), "node 'pad' pads the batch axis"),
        (lambda x: x.t(), "node 't' mixes the samples"),
        (lambda x: torch.full_like(x, x.sum().item()), "node 'sum'"),
    ],
)
def test_functions_that_are_not_read_are_named(function, message):
    with pytest.raises(UnsupportedOperator, match=message):
        Network.from_torch(Call(function), VECTORS)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.AdaptiveMaxPool2d(3), r"pools \(4, 4\) into \(3, 3\) windows, which are not all of one size"),
        (nn.Sequential(nn.Conv2d(3, 2, 1), nn.LPPool2d(2, 2)), "node '1"),
        (Call(lambda x: torch.max_pool2d(x, 2) + functional.max_pool2d(x, 2, return_indices=True)[1]), "result 1"),
        (nn.AvgPool2d(2, divisor_override=3), "overrides the divisor"),
        (nn.BatchNorm2d(3, track_running_stats=False), "by the statistics of the batch at hand"),
        (Call(lambda x: x.transpose(0, 1).relu().transpose(0, 1)), "mixes the samples"),
        (
            Call(lambda x: functional.batch_norm(x, torch.zeros(3), -torch.ones(3))),
            "running variance that is not positive",
        ),
        (Call(lambda x: (2 * x.view(1, -1)).view(x.shape)), "mixes the samples"),
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
        (Call(lambda x: functional.rrelu(x, training=True)).eval(), "node 'rrelu' draws its slopes at random"),
    ],
)
def test_training_mode_is_refused(module, message):
    with pytest.raises(TrainingMode, match=message):
        Network.from_torch(module, CHANNELS)


def test_training_flag_of_what_has_no_training_mode_is_no_matter():
    module = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    assert module.training
    assert Network.from_torch(module, VECTORS).layers == ("1",)


def failing_as_keras_says_it(x):
    raise ValueError("Exception encountered when calling Dense.call().\n\n\x1b[1mthe rows do not fit\x1b[0m\n\nGot: x")


class WithNaN(nn.Module):
    """A buffer of which compares with nothing, itself included."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4).eval()
        nn.init.constant_(self.norm.get_buffer("running_mean"), float("nan"))

    def forward(self, x):
        return self.norm(x)


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
        (Call(lambda x: x.reshape(len(x), 2, 2)), VECTORS, ModelError, r"x.shape\[0\], not len\(x\)"),
        (nn.Linear(4, 1), VECTORS.tolist(), InputError, "one NumPy array or torch tensor .* not a list"),
        (nn.Linear(4, 1), (VECTORS,), InputError, "one NumPy array or torch tensor .* not a tuple"),
        (nn.Linear(4, 1), {"x": VECTORS}, InputError, "one NumPy array or torch tensor .* not a dict"),
        (nn.Linear(4, 1), VECTORS.to("meta"), InputError, "is on the meta device"),
        (nn.Embedding(5, 2), torch.ones(2, 4, dtype=torch.int64), ModelError, "takes whole numbers, as nn.Embedding"),
        (Call(lambda x: torch.eye(9)[x]), torch.ones(2, dtype=torch.int64), ModelError, "takes whole numbers"),
        (Call(lambda x: no_such_name), VECTORS, ShapeError, "no_such_name"),  # noqa: F821  # pyright: ignore
        (Call(failing_as_keras_says_it), VECTORS, ShapeError, r"\(the rows do not fit\)"),
        (WithNaN(), VECTORS, NonFiniteWeights, "node 'norm' has NaN"),
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


def test_data_dependent_paths_print_and_log_nothing(capfd, caplog):
    with pytest.raises(ModelError):
        Network.from_torch(AskingTheInput(), VECTORS)
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert logging.getLogger("torch.fx.experimental.symbolic_shapes").level != logging.CRITICAL
