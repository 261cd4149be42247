"""How the nodes of an ONNX graph are read: each handler parses arguments and leaves the writing to a verb."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from torch import Tensor

from unrelu.errors import ModelFileError, TrainingMode, UnsupportedOperator
from unrelu.intake.builder import affine, moving, piecewise, smooth
from unrelu.intake.builder.site import Handler, full, pairwise, plain, unary
from unrelu.intake.draft import Signal
from unrelu.intake.onnx import picking, products, resizing, shapes
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.onnx.sliding import Sliding, made_explicit, of_transposed, positive
from unrelu.operators import (
    ELU,
    GELU,
    Absolute,
    AveragePool,
    Erf,
    Hardswish,
    LogSoftmax,
    MaxPool,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)


def _convolution(at: Place, x: Value, w: Value, b: Value | None = None) -> Signal:
    signal, W = at.signal(x), at.weight(w, "filters")
    dims = W.ndim - 2
    if (
        dims not in (1, 2, 3)
        or len(signal.shape) != dims + 1
        or list(W.shape[2:]) != list(at.attribute("kernel_shape", W.shape[2:]))
    ):
        raise ModelFileError(
            f"node {at.wish!r} convolves samples {signal.shape} with filters {tuple(W.shape)}, "
            "which do not fit; export the model again."
        )
    by = Sliding.of_node(at, signal, tuple(W.shape[2:]))
    at.check_size((signal.shape[0], *by.grown))
    at.check_size((*W.shape[:2], *by.reach))
    made_explicit(at, by)
    bias, groups = at.optional(b, "bias"), at.attribute("group", 1)
    if bias is not None and bias.shape != W.shape[:1]:
        raise ModelFileError(f"node {at.wish!r} has a bias of shape {tuple(bias.shape)}; export the model again.")
    return affine.convolution(at, signal, W, bias, by.stride, by.padding, by.dilation, groups)


def _transposed_convolution(at: Place, x: Value, w: Value, b: Value | None = None) -> Signal:
    signal, W, groups = at.signal(x), at.weight(w, "filters"), int(at.attribute("group", 1))
    dims = W.ndim - 2
    fits = dims in (1, 2, 3) and len(signal.shape) == dims + 1 and list(W.shape) and signal.shape[0] == len(W)
    if (
        not fits
        or groups < 1
        or len(W) % groups
        or list(W.shape[2:]) != list(at.attribute("kernel_shape", W.shape[2:]))
    ):
        raise ModelFileError(
            f"node {at.wish!r} convolves samples {signal.shape} with filters {tuple(W.shape)}, "
            "which do not fit; export the model again."
        )
    by = of_transposed(at, signal, tuple(W.shape[2:]))
    at.check_size((W.shape[1] * groups, *by.grown))
    bias = at.optional(b, "bias")
    if bias is not None and bias.shape != (W.shape[1] * groups,):
        raise ModelFileError(f"node {at.wish!r} has a bias of shape {tuple(bias.shape)}; export the model again.")
    if groups > 1 and at.explicit is not None:
        at.check_size((W.shape[0], W.shape[1] * groups, *W.shape[2:]))
        at.explicit = replace(at.explicit, weight=_one_group(W, groups).astype(at.model.dtype))
    return affine.transposed_convolution(at, signal, W, bias, by.stride, by.padding, by.dilation, groups)


def _one_group(W: Tensor, groups: int) -> np.ndarray:
    """The same filters with zeros between the groups."""
    width, height = W.shape[1], len(W) // groups
    found = np.zeros((len(W), width * groups, *W.shape[2:]))
    for k in range(groups):
        rows = slice(k * height, (k + 1) * height)
        found[rows, k * width : (k + 1) * width] = W[rows].numpy()
    return found


def _batch_norm(at: Place, x: Value, scale: Value, b: Value, mean: Value, variance: Value) -> Signal:
    if not at.attribute("spatial", 1):
        raise UnsupportedOperator(
            f"node {at.wish!r} has statistics for each place (spatial=0, as before opset 9), which are not read; "
            "export the model again with a newer opset."
        )
    if at.attribute("training_mode", 0) or (at.model.opset < 14 and len(at.node.outputs) > 1):
        raise TrainingMode(f"node {at.wish!r} is in training mode; export the model in evaluation mode.")
    statistics = at.weight(mean, "mean"), at.weight(variance, "variance")
    numbers = at.weight(scale, "scale"), at.weight(b, "bias")
    return affine.normalization(at, at.signal(x), *statistics, *numbers, float(_float(at, "epsilon", 1e-5)))


def _average_pool(at: Place, x: Value) -> Signal:
    signal, kernel, by = _pooled(at, x)
    if any(step != 1 for step in by.dilation):
        raise UnsupportedOperator(f"node {at.wish!r} pools with dilation; use plain windows.")
    counts = bool(at.attribute("count_include_pad", 0))
    if not counts and any(max(pair) >= width for pair, width in zip(by.padding, kernel, strict=True)):
        raise ModelFileError(f"node {at.wish!r} averages over no numbers at all; export the model again.")
    ceil_mode = bool(at.attribute("ceil_mode", 0))
    if ceil_mode and any(before != after for before, after in by.padding):
        raise UnsupportedOperator(f"node {at.wish!r} pools with uneven padding and ceil_mode; pad evenly.")
    operator = AveragePool(kernel, by.stride, by.padding, ceil_mode, counts)
    made_explicit(at, by, operator.output_shape(signal.shape), counts)
    return at.write(operator, signal)


def _max_pool(at: Place, x: Value) -> Signal:
    signal, kernel, by = _pooled(at, x)
    ceil_mode = bool(at.attribute("ceil_mode", 0))
    operator = MaxPool(kernel, by.stride, by.padding, by.dilation, ceil_mode)
    made_explicit(at, by, operator.output_shape(signal.shape))
    return at.write(operator, signal)


def _reduced(verb: Handler, doing: str) -> Handler:
    """Over axes."""

    def handle(at: Place, x: Value, axes: Value | None = None) -> Signal:
        signal = at.signal(x)
        chosen = at.axes(signal, axes)
        if not chosen and at.attribute("noop_with_empty_axes", 0):
            return signal
        if not chosen or -1 in chosen:
            raise at.mixing(f"takes the {doing} over the batch")
        return verb(at, signal, chosen, bool(at.attribute("keepdims", 1)))

    return handle


def _sum(at: Place, *values: Value) -> Signal:
    """Of any number of operands."""
    operands = [at.operand(value) for value in values]
    if not operands:
        raise at.unread("adds up nothing")
    found, *others = sorted(operands, key=lambda each: not isinstance(each, Signal))
    for k, each in enumerate(others, 1):
        found = affine.add(at if k == len(others) else at.part(f"sum{k}"), found, each)
    return at.signal(found)


def _mean(at: Place, *values: Value) -> Signal:
    total = _sum(at.part("sum"), *values)
    return total if len(values) == 1 else affine.divide(at, total, full(float(len(values))))


def _several(verb: Handler) -> Handler:
    """Of any number of operands."""
    return lambda at, x, *others: verb(at, *(at.operand(value) for value in (x, *others)))


def _clip(at: Place, x: Value, least: Value | None = None, most: Value | None = None) -> Signal:
    return piecewise.clamp(at, at.signal(x), *map(at.bound, (at.attribute("min", least), at.attribute("max", most))))


def _cast(at: Place, x: Value) -> Signal:
    types = {1: np.float32, 10: np.float16, 11: np.float64}
    if types.get(at.attribute("to", 0)) != at.model.dtype:
        raise UnsupportedOperator(
            f"node {at.wish!r} casts to another type than the input's ({at.model.dtype}); export it in one dtype."
        )
    return at.signal(x)


def _dropout(at: Place, x: Value, ratio: Value | None = None, training: Value | None = None) -> Signal:
    if training is not None and bool(at.weight(training, "mode").any()):
        raise TrainingMode(f"node {at.wish!r} drops units at random; export the model in evaluation mode.")
    return at.signal(x)


def _pooled(at: Place, x: Value) -> tuple[Signal, tuple[int, ...], Sliding]:
    """What is pooled, by windows of which size, and how they slide."""
    signal = at.signal(x)
    dims = len(signal.shape) - 1
    if dims not in (1, 2, 3):
        raise ModelFileError(f"node {at.wish!r} pools samples of shape {signal.shape}; export the model again.")
    kernel = positive(at, "kernel_shape", dims)
    by = Sliding.of_node(at, signal, kernel)
    at.check_size((signal.shape[0], math.prod(by.grown), math.prod(kernel)))
    return signal, kernel, by


def _hard_sigmoid(at: Place, x: Value) -> Signal:
    """`min(max(alpha x + beta, 0), 1)`."""
    alpha, beta = _float(at, "alpha", 0.2), _float(at, "beta", 0.5)
    line = affine.add(at.part("shift"), affine.multiply(at.part("scale"), at.signal(x), alpha), beta)
    return piecewise.clamp(at, line, full(0.0), full(1.0))


def _elu(at: Place, x: Value, alpha: float, gamma: float = 1.0) -> Signal:
    return at.write(ELU(float(_float(at, "alpha", alpha)), float(_float(at, "gamma", gamma))), at.signal(x))


def _celu(at: Place, x: Value) -> Signal:
    alpha = float(_float(at, "alpha", 1.0))
    return at.write(ELU(alpha, 1.0, 1 / alpha), at.signal(x))


def _softmax(kind: type[Softmax]) -> Handler:
    def handle(at: Place, x: Value) -> Signal:
        signal = at.signal(x)
        axis = at.axis(at.attribute("axis", -1 if at.model.opset >= _ONE_AXIS else 1), signal)
        if axis < 0:
            raise at.mixing("takes the softmax over the batch")
        if at.model.opset < _ONE_AXIS and axis != len(signal.shape) - 1:
            raise UnsupportedOperator(
                f"node {at.wish!r} takes the softmax over several axes, as before opset {_ONE_AXIS}; export the model "
                "again with a newer one."
            )
        return at.write(kind(axis), signal)

    return handle


_ONE_AXIS = 13
"""The opset from which on a softmax is over one axis; before, over that and all behind it."""


def _layer_norm(at: Place, x: Value, scale: Value, b: Value | None = None) -> Signal:
    signal = at.signal(x)
    first = at.axis(at.attribute("axis", -1), signal)
    if first < 0:
        raise at.mixing("normalises over the batch")
    numbers = at.weight(scale, "scale"), at.optional(b, "bias")
    return smooth.layer_norm(at, signal, first, *numbers, float(_float(at, "epsilon", 1e-5)))


def _group_norm(at: Place, x: Value, scale: Value, b: Value) -> Signal:
    """Scales and biases are one a channel; before opset 21 one a group."""
    signal, groups = at.signal(x), at.attribute("num_groups", 1)
    each = signal.shape[0] // groups if at.model.opset < 21 else 1
    weight, bias = (at.weight(value, "numbers").repeat_interleave(each) for value in (scale, b))
    return smooth.group_norm(at, signal, groups, weight, bias, float(_float(at, "epsilon", 1e-5)))


def _instance_norm(at: Place, x: Value, scale: Value, b: Value) -> Signal:
    signal = at.signal(x)
    numbers = at.weight(scale, "scale"), at.weight(b, "bias")
    return smooth.group_norm(at, signal, signal.shape[0], *numbers, float(_float(at, "epsilon", 1e-5)))


def _float(at: Place, name: str, default: float) -> Tensor:
    """An attribute that is one number, a float32 like all of them."""
    return at.number(at.attribute(name, np.float32(default)))


OPERATORS: dict[str, Handler] = {
    "Gemm": products.gemm,
    "MatMul": products.matmul,
    "Einsum": products.einsum,
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "BatchNormalization": _batch_norm,
    "AveragePool": _average_pool,
    "MaxPool": _max_pool,
    "GlobalMaxPool": lambda at, x: piecewise.max_pool_into(at, at.signal(x), [1] * (len(at.signal(x).shape) - 1)),
    "GlobalAveragePool": lambda at, x: affine.mean(at, at.signal(x), range(1, len(at.signal(x).shape)), True),
    "ReduceMean": _reduced(affine.mean, "mean"),
    "ReduceSum": _reduced(affine.total, "sum"),
    "Sum": _sum,
    "Mean": _mean,
    "CumSum": picking.cumulative_sum,
    "ReduceMax": _reduced(piecewise.largest_along, "maximum"),
    "ReduceMin": _reduced(piecewise.smallest_along, "minimum"),
    "Add": pairwise(affine.add),
    "Sub": pairwise(affine.subtract),
    "Mul": pairwise(affine.multiply),
    "Div": lambda at, a, b: affine.divide(at, at.signal(a), at.weight(b, "divisor")),
    "Neg": unary(affine.negate),
    "Relu": plain(ReLU()),
    "Abs": plain(Absolute()),
    "LeakyRelu": lambda at, x: piecewise.leaky_relu(at, at.signal(x), _float(at, "alpha", 0.01)),
    "PRelu": lambda at, x, slope: piecewise.leaky_relu(at, at.signal(x), at.weight(slope, "slopes")),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Sigmoid": plain(Sigmoid()),
    "Tanh": plain(Tanh()),
    "Erf": plain(Erf()),
    "Softplus": plain(Softplus()),
    "Gelu": lambda at, x: at.write(GELU(at.attribute("approximate", "none")), at.signal(x)),
    "Elu": lambda at, x: _elu(at, x, 1.0),
    "Selu": lambda at, x: _elu(at, x, 1.67326319217681884765625, 1.05070102214813232421875),
    "Celu": _celu,
    "Mish": unary(smooth.mish),
    "HardSwish": plain(Hardswish()),
    "Softmax": _softmax(Softmax),
    "LogSoftmax": _softmax(LogSoftmax),
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "Pow": lambda at, x, exponent: smooth.square(at, at.signal(x), at.weight(exponent, "exponent")),
    "Max": _several(piecewise.largest),
    "Min": _several(piecewise.smallest),
    "Identity": unary(moving.keep),
    "Cast": _cast,
    "Dropout": _dropout,
    "Flatten": shapes.flatten,
    "Reshape": shapes.reshape,
    "Transpose": shapes.transpose,
    "Squeeze": shapes.squeeze,
    "Unsqueeze": shapes.unsqueeze,
    "Concat": shapes.concatenate,
    "Slice": shapes.part,
    "Pad": shapes.pad,
    "Split": picking.split,
    "Gather": picking.gather,
    "GatherElements": picking.gather_elements,
    "GatherND": picking.gather_nd,
    "Expand": picking.expand,
    "Tile": picking.tile,
    "Trilu": picking.triangle,
    "Where": picking.where,
    "DepthToSpace": picking.depth_to_space,
    "SpaceToDepth": picking.space_to_depth,
    "Resize": resizing.resize,
    "Upsample": resizing.upsample,
}
"""By the operator's type."""
