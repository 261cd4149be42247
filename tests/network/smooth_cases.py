"""Smooth functions in PyTorch and in ONNX, each with something behind it, as a last softmax or sigmoid is cut off."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from network.contract_cases import Call, Case, buffers, numbers, stored
from network.onnx_builder import OnnxBuilder


def function(
    name: str,
    torchs: Callable[[Tensor], Tensor],
    onnxs: str,
    opset: int = 17,
    shape: tuple[int, ...] = (5,),
    exact_in_double: bool = True,
    **rest: Any,
) -> Case:
    """A function without weights, its values turned around."""
    return Case(
        name,
        shape,
        lambda: Call(lambda x: -torchs(x)),
        lambda b, m: b.node("Neg", b.node(onnxs, "x", **rest)),
        opset,
        exact_in_double,
    )


def _norm(function: str, **rest: Any) -> Callable[[OnnxBuilder, nn.Module], str]:
    return lambda b, m: b.node(function, "x", *(stored(b, p) for p in m.parameters()), **rest)


def _varied(module: nn.Module) -> nn.Module:
    """With weights of its own."""
    for p in module.parameters():
        p.data = torch.randn(p.shape)
    return module


SMOOTH = [
    function("sigmoid", torch.sigmoid, "Sigmoid"),
    function("hyperbolic tangent", torch.tanh, "Tanh"),
    Case(
        "product of matrices",
        (3, 4),
        lambda: Call(lambda x: x @ x.transpose(1, 2)),
        lambda b, m: b.node("MatMul", "x", b.node("Transpose", "x", perm=[0, 2, 1])),
    ),
    function("error function", torch.erf, "Erf", exact_in_double=False),
    function("softplus", functional.softplus, "Softplus"),
    # ONNX's reference evaluator computes GELU, hard swish and group norm with constants, or sums, in float32
    function("GELU", functional.gelu, "Gelu", 20, exact_in_double=False),
    function("GELU by tanh", nn.GELU("tanh"), "Gelu", 20, exact_in_double=False, approximate="tanh"),
    function("ELU", lambda x: functional.elu(x, 0.5), "Elu", alpha=0.5),
    function("CELU", lambda x: functional.celu(x, 0.5), "Celu", alpha=0.5),
    function("mish", functional.mish, "Mish", opset=18),
    function("hard swish", functional.hardswish, "HardSwish", exact_in_double=False),
    function("softmax", lambda x: x.softmax(1), "Softmax", shape=(3, 2), axis=1),
    function("softmax along the last axis, before opset 13", lambda x: x.softmax(-1), "Softmax", opset=11),
    function("log softmax", lambda x: x.log_softmax(-1), "LogSoftmax", shape=(3, 2)),
    Case("SiLU", (5,), nn.SiLU, lambda b, m: b.node("Mul", b.node("Sigmoid", "x"), "x")),
    Case("product of signals", (3, 2), lambda: Call(lambda x: x.relu() * x.mean(1, keepdim=True)),
         lambda b, m: b.node("Mul", b.node("Relu", "x"), b.node("ReduceMean", "x", axes=[1]))),
    Case("square", (4,), lambda: Call(lambda x: x**2 + x.square()),
         lambda b, m: b.node("Mul", b.node("Pow", "x", b.weight(2.0)), b.weight(2.0))),
    Case("layer norm", (3, 4), lambda: _varied(nn.LayerNorm(4, eps=0.0625)),
         _norm("LayerNormalization", epsilon=0.0625)),
    Case("layer norm over two axes", (3, 4), lambda: _varied(nn.LayerNorm([3, 4], eps=0.0625, bias=False)),
         _norm("LayerNormalization", axis=1, epsilon=0.0625)),
    Case("layer norm without weights", (3, 4), lambda: Call(
        lambda x, w: functional.layer_norm(x, (4,), eps=0.0625), w=torch.tensor(1.0)),
        lambda b, m: b.node("LayerNormalization", "x", *buffers(b, m), axis=-1, epsilon=0.0625)),
    Case("group norm", (4, 3), lambda: _varied(nn.GroupNorm(2, 4, eps=0.0625)),
         _norm("GroupNormalization", num_groups=2, epsilon=0.0625), opset=21, exact_in_double=False),
    Case("group norm, numbers a group", (4, 3),
         lambda: Call(lambda x, w: functional.group_norm(x, 2, w[:2].repeat_interleave(2), w[2:].repeat_interleave(2),
                                                         eps=0.0625), w=numbers(4)),
         lambda b, m: b.node("GroupNormalization", "x", *(stored(b, p) for p in next(m.buffers()).split(2)),
                             num_groups=2, epsilon=0.0625), opset=18, exact_in_double=False),
    Case("instance norm", (3, 4, 2), lambda: _varied(nn.InstanceNorm2d(3, affine=True, eps=0.0625)),
         _norm("InstanceNormalization", epsilon=0.0625)),
]  # fmt: skip
