"""The forms that operators have had since opset 7, and what each of the older opsets has that is not read."""

from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto
from torch.nn import functional

from network.onnx_builder import OnnxBuilder, read
from unrelu.errors import ModelFileError, TrainingMode, UnsupportedOperator
from unrelu.intake.onnx import own_operators

RNG = np.random.default_rng(21)
FILTERS = RNG.normal(size=(2, 3, 3, 3)).astype(np.float32)
STATISTICS = [(np.abs(RNG.normal(size=2)) + 0.5).astype(np.float32) for _ in range(4)]
MATRIX = RNG.normal(size=(4, 8)).astype(np.float32)
OPSETS = [*range(7, 24)]


def _tensor(values: Any) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))


def _axes(b: OnnxBuilder, *axes: int, since: int = 13) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Axes as an operand, or as an attribute."""
    return ((b.integers(*axes),), {}) if b.opset >= since else ((), {"axes": list(axes)})


def ordinary(b: OnnxBuilder) -> str:
    """A network with every operator whose form has changed, in the form of the builder's opset."""
    new = b.opset >= 10
    cut: tuple[str, ...] = (b.integers(0, 0), b.integers(6, 6), b.integers(2, 3)) if new else ()
    where: dict[str, Any] = {"starts": [0, 0], "ends": [6, 6], "axes": [2, 3]}
    made = b.node("Slice", "x", *cut, **({} if new else where))
    made = b.node("Conv", made, b.weight(FILTERS), kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1])
    old: dict[str, Any] = {"momentum": 0.75} if b.opset < 14 else {"training_mode": 0}
    made = b.node("BatchNormalization", made, *map(b.weight, STATISTICS), epsilon=0.5, **old)
    least_and_most: dict[str, Any] = {"min": 0.0, "max": 4.0}
    bounds = (b.weight(0.0), b.weight(4.0)) if b.opset >= 11 else ()
    made = b.node("Clip", made, *bounds, **({} if b.opset >= 11 else least_and_most))
    pads = (b.integers(0, 0, 1, 1, 0, 0, 1, 1), b.weight(0.5)) if b.opset >= 11 else ()
    around: dict[str, Any] = {"pads": [0, 0, 1, 1, 0, 0, 1, 1], "value": 0.5}
    made = b.node("Pad", made, *pads, **({} if b.opset >= 11 else around))
    made = b.node("MaxPool", made, kernel_shape=[2, 2], strides=[4, 4])
    half: dict[str, Any] = {"ratio": 0.5}
    ratio = (b.weight(0.5),) if b.opset >= 12 else ()
    made = b.node("Dropout", made, *ratio, **({} if b.opset >= 12 else half))
    operands, named = _axes(b, 1)
    made = b.node("Unsqueeze", made, *operands, **named)
    made = b.node("Squeeze", made, *operands, **named)
    operands, named = _axes(b, 1, since=18)
    mean = b.node("ReduceMean", made, *operands, **named)
    made = b.node("Flatten", b.node("Sub", made, mean))
    made = b.node("Cast", b.node("Reshape", made, b.integers(0, -1)), to=TensorProto.FLOAT)
    return b.node("Gemm", made, b.weight(MATRIX), b.weight(np.ones(4)), transB=1)


def expected(x: torch.Tensor) -> torch.Tensor:
    made = functional.conv2d(x[:, :, :6, :6], _tensor(FILTERS), padding=1)
    scale, bias, mean, variance = map(_tensor, STATISTICS)
    made = functional.batch_norm(made, mean, variance, scale, bias, eps=0.5)
    made = functional.pad(made.clamp(0, 4), (1, 1, 1, 1), value=0.5)
    made = functional.max_pool2d(made, 2, 4)
    made = (made - made.mean(1, keepdim=True)).flatten(1)
    return made @ _tensor(MATRIX).T + 1


@pytest.mark.parametrize("opset", OPSETS)
def test_an_ordinary_network_is_the_same_in_every_opset(tmp_path, opset):
    network = read(tmp_path, ordinary, (3, 7, 7), opset=opset)
    x = torch.from_numpy(RNG.normal(size=(4, 3, 7, 7)))
    torch.testing.assert_close(network(x), expected(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("opset", [1, 5, 6])
def test_before_opset_seven_nothing_is_read(tmp_path, opset):
    with pytest.raises(ModelFileError, match=rf"uses opset {opset} of ONNX, older than 7.*version_converter"):
        read(tmp_path, lambda b: b.node("Relu", "x"), opset=opset)


def stored(b: OnnxBuilder) -> list[str]:
    return [b.weight(np.ones(4)) for _ in range(4)]


@pytest.mark.parametrize(
    ("opset", "write", "error", "message"),
    [
        (7, lambda b: b.node("Add", "x", b.weight(np.ones(4)), broadcast=1), ModelFileError, "broadcasts by an attrib"),
        (7, lambda b: b.node("BatchNormalization", "x", *stored(b), spatial=0), UnsupportedOperator,
         "statistics for each place"),
        (8, lambda b: b.node("BatchNormalization", "x", *stored(b), outputs=5), TrainingMode, "in training"),
        (13, lambda b: b.node("BatchNormalization", "x", *stored(b), outputs=5), TrainingMode,
         "in training"),
        (12, lambda b: b.node("Neg", b.node("Softmax", b.node("Unsqueeze", "x", axes=[2]), axis=1)),
         UnsupportedOperator, "over several axes, as before opset 13"),
    ],
)  # fmt: skip
def test_what_an_older_opset_has_that_is_not_read(tmp_path, opset, write, error, message):
    with pytest.raises(error, match=message):
        read(tmp_path, write, opset=opset)


def _windows(b: OnnxBuilder, function: str, **attributes: Any) -> str:
    """Where sizes are wrong, the join with what has the right ones fails."""
    made = b.node(function, "x", **attributes)
    return b.node("Concat", made, b.node("Neg", made), axis=1)


@pytest.mark.parametrize("kernel", [2, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER", "VALID", "ceil", "ceil and padding", "ceil, not counted"])
@pytest.mark.parametrize("function", ["MaxPool", "AveragePool"])
def test_pools_whose_padding_is_implied(tmp_path, function, mode, stride, kernel):
    """The sizes and the padding as the specification of ONNX says, written out here by masks of places."""
    sizes, padded = (7, 8), mode not in ("ceil", "VALID") and mode.startswith("ceil")
    attributes: dict[str, Any] = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2}
    if mode.startswith("ceil"):
        attributes |= {"ceil_mode": 1, "pads": [1 if padded else 0] * 4}
    else:
        attributes["auto_pad"] = mode
    counted = function == "AveragePool" and mode == "ceil and padding"
    if function == "AveragePool":
        attributes["count_include_pad"] = int(counted)
    network = read(tmp_path, lambda b: _windows(b, function, **attributes), (1, *sizes), opset=19)
    x = RNG.normal(size=(2, 1, *sizes))
    before, counts = [], []
    for size in sizes:
        if mode.startswith("SAME"):
            count = -(-size // stride)
            total = max((count - 1) * stride + kernel - size, 0)
            first = total // 2 if mode == "SAME_UPPER" else total - total // 2
        elif mode == "VALID":
            count, first = (size - kernel) // stride + 1, 0
        else:
            first = int(padded)
            count = -(-(size + 2 * first - kernel) // stride) + 1
            count -= (count - 1) * stride >= size + first  # windows that start behind the padding are none
        before.append(first)
        counts.append(count)
    made = np.zeros((2, 1, *counts))
    for i in range(counts[0]):
        for k in range(counts[1]):
            starts = [i * stride - before[0], k * stride - before[1]]
            inside = [slice(max(start, 0), start + kernel) for start in starts]
            window = x[:, :, inside[0], inside[1]]
            if function == "MaxPool":
                made[:, :, i, k] = window.max((2, 3))
            else:
                held = [
                    min(start + kernel, size + int(padded)) - start for start, size in zip(starts, sizes, strict=True)
                ]
                made[:, :, i, k] = window.sum((2, 3)) / (np.prod(held) if counted else window[0, 0].size)
    np.testing.assert_allclose(network(x), np.concatenate([made, -made], axis=1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("function", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("counted", [0, 1])
def test_large_pools_of_the_reference_are_those_of_the_evaluator(tmp_path, monkeypatch, function, counted):
    more: dict[str, Any] = {"count_include_pad": counted} if function == "AveragePool" else {"dilations": [2, 1]}

    def write(b: OnnxBuilder) -> str:
        return b.node(function, "x", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 1], **more)

    x = torch.from_numpy(RNG.normal(size=(2, 2, 9, 8)))
    found = []
    for few in (2**14, 0):
        monkeypatch.setattr(own_operators, "FEW", few)
        source = read(tmp_path, write, (2, 9, 8), opset=19).source
        assert source is not None
        found.append(source.values(x, ("t0",))["t0"])
    torch.testing.assert_close(found[0], found[1], rtol=1e-6, atol=1e-6)
