"""How each ONNX operator is written: the arithmetic ones."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ModelFileError, TrainingMode, UnsupportedOperator
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.refusals import refusal
from unrelu.operators import (
    Add,
    AveragePool,
    Convolution,
    Dense,
    MaxPool,
    Mean,
    Normalization,
    ReLU,
    Reshape,
    Subtract,
)

Handler = Callable[..., Signal]


def gemm(at: Place, a: Value, b: Value, c: Value | None = None) -> Signal:
    """`alpha a B + beta c`."""
    signal = at.signal(a)
    if at.attribute("transA", 0):
        raise at.mixing("transposes its input")
    W = _scaled(at, b, at.attribute("alpha", 1.0), "matrix")
    if W.ndim != 2:
        raise ModelFileError(f"node {at.node.name!r} multiplies by an array of {W.ndim} axes; export the model again.")
    W = W if at.attribute("transB", 0) else W.T.contiguous()
    if c is None:
        bias = torch.zeros(len(W), dtype=torch.float64)
    else:
        stored = _scaled(at, c, at.attribute("beta", 1.0), "bias")
        if stored.numel() not in (1, len(W)) or stored.shape[-1:].numel() != stored.numel():
            raise at.mixing(f"adds an array of shape {tuple(stored.shape)}")
        bias = stored.reshape(-1).expand(len(W)).contiguous()
    return at.write(Dense(W, bias), signal)


def matmul(at: Place, a: Value, b: Value) -> Signal:
    """`a B`, B a matrix or a vector."""
    signal = at.signal(a)
    B = at.weight(b, "matrix")
    if B.ndim == 2:
        return at.write(Dense(B.T.contiguous(), torch.zeros(B.shape[1], dtype=torch.float64)), signal)
    if B.ndim != 1:
        raise UnsupportedOperator(f"node {at.node.name!r} multiplies by a stack of matrices; write them as layers.")
    dense = Dense(B[None], torch.zeros(1, dtype=torch.float64))
    product = at.draft.write(at.draft.claim(f"{at.name}.dense"), dense, signal)
    return at.write(Reshape(product.shape[:-1]), product)


def convolution(at: Place, x: Value, w: Value, b: Value | None = None) -> Signal:
    """Convolutions of one to three dimensions."""
    signal = at.signal(x)
    W = at.weight(w, "filters")
    dims = W.ndim - 2
    if (
        dims not in (1, 2, 3)
        or len(signal.shape) != dims + 1
        or list(W.shape[2:]) != list(at.attribute("kernel_shape", W.shape[2:]))
    ):
        raise ModelFileError(
            f"node {at.node.name!r} convolves samples {signal.shape} with filters {tuple(W.shape)}, "
            "which do not fit; export the model again."
        )
    stride, dilation = _positive(at, "strides", dims), _positive(at, "dilations", dims)
    reach = tuple(step * (width - 1) + 1 for step, width in zip(dilation, W.shape[2:], strict=True))
    padding = _padding(at, signal, reach, stride)
    grown = tuple(size + sum(pad) for size, pad in zip(signal.shape[1:], padding, strict=True))
    at.check_size((signal.shape[0], *grown))
    at.check_size((*W.shape[:2], *reach))
    bias = torch.zeros(len(W), dtype=torch.float64) if b is None else at.weight(b, "bias")
    return at.write(Convolution(W, bias, stride, padding, dilation, at.attribute("group", 1)), signal)


def batch_norm(at: Place, x: Value, scale: Value, b: Value, mean: Value, variance: Value) -> Signal:
    """Batch norm with stored statistics."""
    if at.attribute("training_mode", 0):
        raise TrainingMode(f"node {at.node.name!r} is in training mode; export the model in evaluation mode.")
    epsilon = float(at.attribute("epsilon", np.float32(1e-5)))
    variances = at.weight(variance, "variance")
    if not bool((variances + epsilon > 0).all()):
        raise UnsupportedOperator(f"node {at.node.name!r} has a variance that is not positive; train it again.")
    operator = Normalization(
        at.weight(mean, "mean"), variances, at.weight(scale, "scale"), at.weight(b, "bias"), epsilon
    )
    return at.write(operator, at.signal(x))


def average_pool(at: Place, x: Value) -> Signal:
    """Average pooling."""
    signal = at.signal(x)
    dims = len(signal.shape) - 1
    if dims not in (1, 2, 3):
        raise ModelFileError(f"node {at.node.name!r} pools samples of shape {signal.shape}; export the model again.")
    kernel, stride = _positive(at, "kernel_shape", dims), _positive(at, "strides", dims)
    if any(step != 1 for step in _positive(at, "dilations", dims)):
        raise UnsupportedOperator(f"node {at.node.name!r} pools with dilation; use plain windows.")
    padding = _padding(at, signal, kernel, stride)
    counts = bool(at.attribute("count_include_pad", 0))
    if not counts and any(max(pair) >= width for pair, width in zip(padding, kernel, strict=True)):
        raise ModelFileError(f"node {at.node.name!r} averages over no numbers at all; export the model again.")
    grown = math.prod(size + sum(pad) for size, pad in zip(signal.shape[1:], padding, strict=True))
    at.check_size((signal.shape[0], grown, math.prod(kernel)))
    ceil_mode = bool(at.attribute("ceil_mode", 0))
    if ceil_mode and any(before != after for before, after in padding):
        raise UnsupportedOperator(f"node {at.node.name!r} pools with uneven padding and ceil_mode; pad evenly.")
    return at.write(AveragePool(kernel, stride, padding, ceil_mode, counts), signal)


def max_pool(at: Place, x: Value) -> Signal:
    """Max pooling; its second result, the indices, is not read."""
    signal = at.signal(x)
    dims = len(signal.shape) - 1
    if dims not in (1, 2, 3):
        raise ModelFileError(f"node {at.node.name!r} pools samples of shape {signal.shape}; export the model again.")
    kernel, stride = _positive(at, "kernel_shape", dims), _positive(at, "strides", dims)
    dilation = _positive(at, "dilations", dims)
    reach = tuple(step * (width - 1) + 1 for step, width in zip(dilation, kernel, strict=True))
    padding = _padding(at, signal, reach, stride)
    grown = math.prod(size + sum(pad) for size, pad in zip(signal.shape[1:], padding, strict=True))
    at.check_size((signal.shape[0], grown, math.prod(kernel)))
    return at.write(MaxPool(kernel, stride, padding, dilation, bool(at.attribute("ceil_mode", 0))), signal)


def global_max_pool(at: Place, x: Value) -> Signal:
    """Maxima over all spatial axes."""
    signal = at.signal(x)
    kernel = signal.shape[1:]
    return at.write(MaxPool(kernel, kernel, ((0, 0),) * len(kernel), (1,) * len(kernel)), signal)


def global_average_pool(at: Place, x: Value) -> Signal:
    """Means over all spatial axes."""
    signal = at.signal(x)
    axes = tuple(range(1, len(signal.shape)))
    return at.write(Mean(axes, math.prod(signal.shape[1:]), keep=True), signal)


def reduce_mean(at: Place, x: Value, axes: Value | None = None) -> Signal:
    """Means over axes."""
    signal = at.signal(x)
    given = at.attribute("axes", axes)
    rank = len(signal.shape) + 1
    chosen = [] if given is None else [at.axis(axis, rank) for axis in at.integers(given, "axes")]
    if not chosen and at.attribute("noop_with_empty_axes", 0):
        return signal
    if not chosen or 0 in chosen:
        raise at.mixing("takes the mean over the batch")
    inner = tuple(axis - 1 for axis in chosen)
    count = math.prod(signal.shape[axis] for axis in inner)
    return at.write(Mean(inner, count, bool(at.attribute("keepdims", 1))), signal)


def add(at: Place, a: Value, b: Value) -> Signal:
    """`a + b`."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        return at.draft.pair(at.name, Add(), a, b)
    signal, constant = (a, b) if isinstance(a, Signal) else (at.signal(b), a)
    return at.draft.plus(at.name, signal, at.weight(constant, "constant"))


def subtract(at: Place, a: Value, b: Value) -> Signal:
    """`a - b`."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        return at.draft.pair(at.name, Subtract(), a, b)
    if isinstance(a, Signal):
        return at.draft.plus(at.name, a, -at.weight(b, "constant"))
    return at.draft.times(at.name, at.signal(b), torch.tensor(-1.0), offset=at.weight(a, "constant"))


def multiply(at: Place, a: Value, b: Value) -> Signal:
    """`a c`."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        raise UnsupportedOperator(
            f"node {at.node.name!r} multiplies two values that both depend on the input, so it is not affine; "
            "hand over the part of the model before it."
        )
    signal, constant = (a, b) if isinstance(a, Signal) else (at.signal(b), a)
    return at.draft.times(at.name, signal, at.weight(constant, "constant"))


def divide(at: Place, a: Value, b: Value) -> Signal:
    """`a / c`."""
    return at.draft.over(at.name, at.signal(a), at.weight(b, "divisor"))


def negate(at: Place, x: Value) -> Signal:
    """`-x`."""
    return at.draft.times(at.name, at.signal(x), torch.tensor(-1.0))


def relu(at: Place, x: Value) -> Signal:
    """`max(x, 0)`."""
    return at.write(ReLU(), at.signal(x))


def clip(at: Place, x: Value, least: Value | None = None, most: Value | None = None) -> Signal:
    """`max(x, 0)`, written with bounds; an upper bound that no finite number exceeds is none."""
    lower, upper = at.attribute("min", least), at.attribute("max", most)
    largest = float(np.finfo(at.model.dtype).max)
    if (
        lower is None
        or not _all(at, lower, 0.0)
        or not (upper is None or bool((np.asarray(at.constant(np.asarray(upper), "bound")) >= largest).all()))
    ):
        raise refusal(at.node.name, "Clip")
    return relu(at, x)


def maximum(at: Place, x: Value, *others: Value) -> Signal:
    """`max(x, 0)`, the zero a tensor."""
    values = (x, *others)
    signals = [value for value in values if isinstance(value, Signal)]
    bounds = [value for value in values if not isinstance(value, Signal)]
    if len(signals) != 1 or not all(_all(at, bound, 0.0) for bound in bounds):
        raise refusal(at.node.name, "Max")
    if any(np.broadcast_shapes((1, *signals[0].shape), bound.shape) != (1, *signals[0].shape) for bound in bounds):
        raise UnsupportedOperator(f"node {at.node.name!r} broadcasts its input; compare with a single zero.")
    return relu(at, signals[0]) if bounds else signals[0]


def _all(at: Place, bound: object, number: float) -> bool:
    return not isinstance(bound, Signal) and bool((np.asarray(bound) == number).all())


def _positive(at: Place, name: str, dims: int) -> tuple[int, ...]:
    numbers = at.listed(name, dims, 1)
    if min(numbers) < 1:
        raise ModelFileError(f"node {at.node.name!r} has the {name} {list(numbers)}; export the model again.")
    return numbers


def _padding(at: Place, signal: Signal, reach: tuple[int, ...], stride: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(before, after) for each spatial axis: explicit, or what `auto_pad` asks for."""
    dims = len(reach)
    mode = at.attribute("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = at.listed("pads", 2 * dims, 0)
        return tuple((pads[axis], pads[axis + dims]) for axis in range(dims))
    if mode == "VALID":
        return ((0, 0),) * dims
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise ModelFileError(f"node {at.node.name!r} has the auto_pad {mode!r}; export the model again.")
    pairs = []
    for size, width, step in zip(signal.shape[1:], reach, stride, strict=True):
        total = max((-(-size // step) - 1) * step + width - size, 0)
        small, large = total // 2, total - total // 2
        pairs.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return tuple(pairs)


def _scaled(at: Place, value: Value | None, factor: float, what: str) -> Tensor:
    """A stored array times a factor, exactly.

    Raises:
        UnsupportedOperator: if the product would be rounded.
    """
    stored = at.constant(value, what)
    exact = math.frexp(abs(factor))[0] == 0.5 or stored.dtype.itemsize <= 4  # two float32 make one float64
    if not exact and factor != 0:
        raise UnsupportedOperator(f"node {at.node.name!r} scales float64 weights by {factor}; store them scaled.")
    return factor * at.weight(value, what)


ARITHMETIC: dict[str, Handler] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": convolution,
    "BatchNormalization": batch_norm,
    "AveragePool": average_pool,
    "MaxPool": max_pool,
    "GlobalMaxPool": global_max_pool,
    "GlobalAveragePool": global_average_pool,
    "ReduceMean": reduce_mean,
    "Add": add,
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "Neg": negate,
    "Relu": relu,
    "Clip": clip,
    "Max": maximum,
}
"""By the operator's type."""
