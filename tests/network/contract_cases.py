"""One function in PyTorch and in ONNX: what both intakes must read alike."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from network.onnx_builder import OnnxBuilder


@dataclass(frozen=True)
class Case:
    """A module in float32 and the ONNX nodes of the same function; some of these would be rounded in float64."""

    name: str
    shape: tuple[int, ...]
    make: Callable[[], nn.Module]
    write: Callable[[OnnxBuilder, nn.Module], str]
    opset: int = 17
    exact_in_double: bool = True


class Call(nn.Module):
    """A function of the input, with some tensors as buffers."""

    def __init__(self, function: Callable[..., Any], **buffers: Tensor) -> None:
        super().__init__()
        self.function = function
        for name, values in buffers.items():
            self.register_buffer(name, values)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, **dict(self.named_buffers()))


def numbers(*shape: int) -> Tensor:
    """Numbers of either sign; seeded by the test."""
    return torch.randn(shape)


def normalized(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """A batch norm with statistics of its own."""

    def build() -> nn.Module:
        module = make()
        for values in module.state_dict().values():
            if values.is_floating_point():
                values.copy_(torch.rand(values.shape) + 0.5)
        return module

    return build


def stored(b: OnnxBuilder, values: Tensor) -> str:
    return b.weight(values.detach().numpy())


def conv(b: OnnxBuilder, m: nn.Module, x: str = "x", **attributes: Any) -> str:
    names = [stored(b, p) for p in m.parameters()]
    return b.node("Conv", x, *names, **attributes)


def _bn(b: OnnxBuilder, m: nn.Module) -> str:
    s = m.state_dict()
    held = (stored(b, s[key]) for key in ("weight", "bias", "running_mean", "running_var"))
    return b.node("BatchNormalization", "x", *held, epsilon=1e-5)


def buffers(b: OnnxBuilder, m: nn.Module) -> list[str]:
    return [stored(b, values) for values in m.buffers()]


def _residual() -> nn.Module:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(6, 6)
            self.out = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(torch.relu(x + self.fc(x).relu()))

    return Residual()


def _write_residual(b: OnnxBuilder, m: nn.Module) -> str:
    w1, b1, w2, b2 = (stored(b, p) for p in m.parameters())
    inner = b.node("Relu", b.node("Gemm", "x", w1, b1, transB=1))
    outer = b.node("Relu", b.node("Add", "x", inner))
    return b.node("Gemm", outer, w2, b2, transB=1)


def _pool_pads(b: OnnxBuilder, m: nn.Module) -> str:
    return b.node("AveragePool", "x", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 1, 1, 1])


CASES = [
    Case(
        "linear",
        (6,),
        lambda: nn.Linear(6, 4),
        lambda b, m: b.node("Gemm", "x", *(stored(b, p) for p in m.parameters()), transB=1),
    ),
    Case(
        "linear without bias, along the last axis",
        (3, 6),
        lambda: nn.Linear(6, 4, bias=False),
        lambda b, m: b.node("MatMul", "x", stored(b, next(m.parameters()).T)),
    ),
    Case(
        "gemm with factors",
        (6,),
        lambda: Call(lambda x, w, c: 0.75 * (x @ w) + 1.5 * c, w=numbers(6, 4), c=torch.tensor([0.5, -1.25, 2.0, 0.0])),
        lambda b, m: b.node("Gemm", "x", *buffers(b, m), alpha=0.75, beta=1.5),
        exact_in_double=False,
    ),
    Case(
        "matrix and vector",
        (6,),
        lambda: Call(lambda x, w, v: x @ w @ v, w=numbers(6, 4), v=numbers(4)),
        lambda b, m: b.node("MatMul", b.node("MatMul", "x", (n := buffers(b, m))[0]), n[1]),
    ),
    Case(
        "conv1d",
        (4, 9),
        lambda: nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2),
        lambda b, m: conv(b, m, strides=[2], pads=[1, 1], group=2),
    ),
    Case(
        "conv2d",
        (2, 7, 8),
        lambda: nn.Conv2d(2, 3, (3, 2), stride=(1, 2), padding=(2, 1), dilation=(2, 1), bias=False),
        lambda b, m: conv(b, m, strides=[1, 2], pads=[2, 1, 2, 1], dilations=[2, 1], kernel_shape=[3, 2]),
    ),
    Case(
        "conv2d same, even kernel",
        (2, 6, 5),
        lambda: nn.Conv2d(2, 3, (4, 3), padding="same"),
        lambda b, m: conv(b, m, auto_pad="SAME_UPPER"),
    ),
    Case(
        "conv2d uneven padding",
        (2, 5, 5),
        lambda: nn.Sequential(nn.ZeroPad2d((0, 1, 2, 0)), nn.Conv2d(2, 3, 3)),
        lambda b, m: conv(b, m, pads=[2, 0, 0, 1]),
    ),
    Case(
        "conv3d valid",
        (1, 4, 5, 4),
        lambda: nn.Conv3d(1, 2, 2, padding="valid"),
        lambda b, m: conv(b, m, auto_pad="VALID"),
    ),
    Case(
        "circular convolution",
        (2, 5, 5),
        lambda: nn.Conv2d(2, 2, 3, padding=1, padding_mode="circular"),
        lambda b, m: conv(b, m, b.node("Pad", "x", b.integers(0, 0, 1, 1, 0, 0, 1, 1), mode="wrap")),
        opset=19,
    ),
    Case("batch norm of vectors", (5,), normalized(lambda: nn.BatchNorm1d(5)), _bn),
    Case("batch norm of pictures", (3, 4, 4), normalized(lambda: nn.BatchNorm2d(3)), _bn, opset=9),
    Case("relu", (5,), nn.ReLU, lambda b, m: b.node("Relu", "x")),
    Case("relu as clamp", (5,), lambda: Call(lambda x: x.clamp(min=0)),
         lambda b, m: b.node("Clip", "x", b.weight(0.0))),
    Case("relu as maximum", (5,), lambda: Call(lambda x: torch.maximum(x, torch.zeros_like(x))),
         lambda b, m: b.node("Max", "x", b.weight(np.zeros(5)))),
    Case("flatten", (2, 3, 2), nn.Flatten, lambda b, m: b.node("Flatten", "x")),
    Case("view", (2, 3, 2), lambda: Call(lambda x: x.view(x.shape[0], -1, 2)),
         lambda b, m: b.node("Reshape", "x", b.integers(0, -1, 2))),
    Case("view of a free batch", (2, 3, 2), lambda: Call(lambda x: x.reshape(-1, 12)),
         lambda b, m: b.node("Reshape", "x", b.integers(-1, 12))),
    Case("squeeze, unsqueeze", (1, 4), lambda: Call(lambda x: x.squeeze(1).unsqueeze(-1).unsqueeze(1)),
         lambda b, m: b.node("Unsqueeze", b.node("Squeeze", "x", b.integers(1)), b.integers(-1, 1))),
    Case("squeeze by attribute", (1, 4, 1), lambda: Call(lambda x: x.squeeze()),
         lambda b, m: b.node("Unsqueeze", b.node("Squeeze", "x", axes=[1, -1]), axes=[1])
         and b.node("Squeeze", "x", axes=[1, 3]), opset=11),
    Case("unflatten, permute", (12,), lambda: Call(lambda x: x.unflatten(1, (2, 3, 2)).permute(0, 3, 1, 2)),
         lambda b, m: b.node("Transpose", b.node("Reshape", "x", b.integers(0, 2, 3, 2)), perm=[0, 3, 1, 2])),
    Case("transpose", (3, 4), lambda: Call(lambda x: x.transpose(1, 2)),
         lambda b, m: b.node("Transpose", "x", perm=[0, 2, 1])),
    Case("average pool", (2, 6, 5), lambda: nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 1)),
         lambda b, m: b.node("AveragePool", "x", kernel_shape=[3, 2], strides=[2, 1], pads=[1] * 4,
                             count_include_pad=1)),
    Case("average pool, padding not counted", (2, 6, 5),
         lambda: nn.AvgPool2d((3, 2), stride=(2, 1), padding=(1, 1), count_include_pad=False), _pool_pads),
    Case("average pool 1d, ceil", (2, 7), lambda: nn.AvgPool1d(2, ceil_mode=True, count_include_pad=False),
         lambda b, m: b.node("AveragePool", "x", kernel_shape=[2], strides=[2], ceil_mode=1)),
    Case("average pool 3d", (1, 4, 4, 4), lambda: nn.AvgPool3d(2),
         lambda b, m: b.node("AveragePool", "x", kernel_shape=[2] * 3, strides=[2] * 3)),
    Case("max pool", (2, 6, 5), lambda: nn.MaxPool2d((3, 2), stride=(2, 1), padding=(1, 1)),
         lambda b, m: b.node("MaxPool", "x", kernel_shape=[3, 2], strides=[2, 1], pads=[1] * 4)),
    Case("max pool, dilated", (2, 7, 8), lambda: nn.MaxPool2d(3, stride=1, padding=1, dilation=2),
         lambda b, m: b.node("MaxPool", "x", kernel_shape=[3, 3], pads=[1] * 4, dilations=[2, 2])),
    Case("max pool, ceil", (2, 7, 6), lambda: nn.MaxPool2d(3, stride=2, ceil_mode=True),
         lambda b, m: b.node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)),
    Case("max pool of a ReLU, and its indices", (2, 4, 4), lambda: Call(
        lambda x: functional.max_pool2d(x.relu(), 2, return_indices=True)[0]),
        lambda b, m: b.node("MaxPool", b.node("Relu", "x"), kernel_shape=[2, 2], strides=[2, 2], outputs=2)),
    Case("max pool 1d, ceil", (2, 6), lambda: nn.MaxPool1d(2, 3, ceil_mode=True),
         lambda b, m: b.node("MaxPool", "x", kernel_shape=[2], strides=[3], ceil_mode=1)),
    Case("max pool 3d", (1, 4, 4, 4), lambda: nn.MaxPool3d(2),
         lambda b, m: b.node("MaxPool", "x", kernel_shape=[2] * 3, strides=[2] * 3)),
    Case("global maximum", (3, 4, 5), lambda: nn.AdaptiveMaxPool2d(1), lambda b, m: b.node("GlobalMaxPool", "x")),
    Case("adaptive max pool", (3, 4, 6), lambda: nn.AdaptiveMaxPool2d((2, 3)),
         lambda b, m: b.node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2])),
    Case("global mean", (3, 4, 5), lambda: nn.AdaptiveAvgPool2d(1), lambda b, m: b.node("GlobalAveragePool", "x")),
    Case("mean over axes", (3, 4, 5), lambda: Call(lambda x: x.mean((2, 3))),
         lambda b, m: b.node("ReduceMean", "x", axes=[2, -1], keepdims=0)),
    Case("mean over axes, kept", (3, 4, 5), lambda: Call(lambda x: x.mean(-1, keepdim=True)),
         lambda b, m: b.node("ReduceMean", "x", b.integers(-1)), opset=18),
    Case("dropout and identity", (5,), lambda: nn.Sequential(nn.Dropout(), nn.Identity(), nn.ReLU()),
         lambda b, m: b.node("Relu", b.node("Identity", b.node("Dropout", "x")))),
    Case("sum of two", (4,), lambda: Call(lambda x: functional.relu(x) + x),
         lambda b, m: b.node("Add", b.node("Relu", "x"), "x")),
    Case("difference of two", (4,), lambda: Call(lambda x: functional.relu(x) - x),
         lambda b, m: b.node("Sub", b.node("Relu", "x"), "x")),
    Case("sum of broadcast values", (3, 4), lambda: Call(lambda x: x.mean(1, keepdim=True) - x),
         lambda b, m: b.node("Sub", b.node("ReduceMean", "x", axes=[1]), "x")),
    Case("constants", (3, 2, 2),
         lambda: Call(lambda x, a, c, d: (c - (x + a) * c) / d, a=numbers(3, 1, 1), c=numbers(1, 3, 1, 2), d=numbers()),
         lambda b, m: b.node("Div", b.node("Sub", (n := buffers(b, m))[1],
                                           b.node("Mul", b.node("Add", n[0], "x"), n[1])), n[2])),
    Case("a constant that enlarges the sample", (1, 2, 2), lambda: Call(lambda x, a: -(x - a), a=numbers(3, 1, 1)),
         lambda b, m: b.node("Neg", b.node("Sub", "x", buffers(b, m)[0]))),
    Case("padding with a number", (2, 3), lambda: Call(lambda x: functional.pad(x, (1, 2), value=0.5)),
         lambda b, m: b.node("Pad", "x", b.integers(0, 0, 1, 0, 0, 2), b.weight(0.5))),
    Case("reflecting padding", (2, 3, 4), lambda: nn.ReflectionPad2d((1, 2, 0, 1)),
         lambda b, m: b.node("Pad", "x", b.integers(0, 1, 1, 2), "", b.integers(-2, 3), mode="reflect"), opset=18),
    Case("replicating padding", (2, 3), lambda: nn.ReplicationPad1d(2),
         lambda b, m: b.node("Pad", "x", b.integers(0, 0, 2, 0, 0, 2), mode="edge")),
    Case("joined", (2, 3), lambda: Call(lambda x: torch.cat([x, x.relu()], dim=1)),
         lambda b, m: b.node("Concat", "x", b.node("Relu", "x"), axis=1)),
    Case("sliced", (5, 6), lambda: Call(lambda x: x[:, 1:4, ::2]),
         lambda b, m: b.node("Slice", "x", b.integers(1, 0), b.integers(4, 2**62), b.integers(1, 2), b.integers(1, 2))),
    Case("residual block", (6,), _residual, _write_residual),
]  # fmt: skip
