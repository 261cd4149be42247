"""How each operator of PyTorch is written: the arithmetic ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.draft import Signal
from unrelu.intake.refusals import refusal
from unrelu.intake.torch.place import Place
from unrelu.operators import (
    AdaptiveAveragePool,
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


def linear(at: Place, x: Any, weight: Any, bias: Any = None) -> Signal:
    """`x W' + b`."""
    W = at.weight(weight, "weight")
    b = torch.zeros(W.shape[0], dtype=torch.float64) if bias is None else at.weight(bias, "bias")
    return at.write(Dense(W, b), at.signal(x))


def matmul(at: Place, x: Any, **others: Any) -> Signal:
    """`x W`, W a matrix or a vector."""
    signal = at.signal(x)
    (other,) = others.values()
    W = at.weight(other, "matrix")
    if W.ndim > 2:
        raise UnsupportedOperator(f"node {at.wish!r} multiplies by a stack of matrices; write it as nn.Linear.")
    if W.ndim == 2:
        return at.write(Dense(W.T.contiguous(), torch.zeros(W.shape[1], dtype=torch.float64)), signal)
    dense = Dense(W[None], torch.zeros(1, dtype=torch.float64))
    product = at.draft.write(at.draft.claim(f"{at.name}.dense"), dense, signal)
    return at.write(Reshape(at.shape), product)


def addmm(at: Place, x: Any, mat1: Any, mat2: Any, beta: float, alpha: float) -> Signal:
    """`b + y W`."""
    W, b = at.weight(mat2, "matrix"), at.weight(x, "bias")
    if (beta, alpha) != (1, 1):
        raise UnsupportedOperator(f"node {at.wish!r} is addmm with factors; write it as nn.Linear.")
    return at.write(Dense(W.T.contiguous(), b.expand(W.shape[1]).contiguous()), at.signal(mat1))


def convolution(
    at: Place, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Signal:
    """Convolutions of one to three dimensions, with padding in numbers, "same" or "valid"."""
    W = at.weight(weight, "filters")
    b = torch.zeros(W.shape[0], dtype=torch.float64) if bias is None else at.weight(bias, "bias")
    kernel = tuple(W.shape[2:])
    steps = _spread(dilation, len(kernel))
    if padding == "same":  # torch pads the odd zero at the end
        sums = [step * (width - 1) for step, width in zip(steps, kernel, strict=True)]
        pads = tuple((total // 2, total - total // 2) for total in sums)
    else:
        pads = tuple((pad, pad) for pad in _spread(0 if padding == "valid" else padding, len(kernel)))
    return at.write(Convolution(W, b, _spread(stride, len(kernel)), pads, steps, groups), at.signal(x))


def batch_norm(
    at: Place, x: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, momentum: float, eps: float
) -> Signal:
    """Batch norm with its running statistics."""
    mean, variance = at.weight(running_mean, "running mean"), at.weight(running_var, "running variance")
    if not bool((variance + eps > 0).all()):
        raise UnsupportedOperator(f"node {at.wish!r} has a running variance that is not positive; train it again.")
    ones, zeros = torch.ones_like(mean), torch.zeros_like(mean)
    factor = ones if weight is None else at.weight(weight, "weight")
    shift = zeros if bias is None else at.weight(bias, "bias")
    return at.write(Normalization(mean, variance, factor, shift, eps), at.signal(x))


def own_statistics(at: Place, **_: Any) -> Signal:
    """Batch norm in training mode, or without running statistics."""
    raise UnsupportedOperator(
        f"node {at.wish!r} normalises by the statistics of the batch at hand, so it is not one fixed function of a "
        "sample; call module.eval(), and use batch norm with track_running_stats=True."
    )


def average_pool(
    at: Place,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Signal:
    """Average pooling."""
    if divisor_override is not None:
        raise UnsupportedOperator(f"node {at.wish!r} overrides the divisor of average pooling; multiply instead.")
    dims = len(at.shape) - 1
    kernel = _spread(kernel_size, dims)
    pads = tuple((pad, pad) for pad in _spread(padding, dims))
    return at.write(
        AveragePool(kernel, _spread(stride or kernel, dims), pads, ceil_mode, count_include_pad), at.signal(x)
    )


def adaptive_average_pool(at: Place, x: Any, output_size: Any) -> Signal:
    """Adaptive average pooling."""
    signal = at.signal(x)
    return at.write(AdaptiveAveragePool(at.shape[1:], signal.shape[1:]), signal)


def max_pool(at: Place, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Signal:
    """Max pooling, with or without the indices that it also gives."""
    dims = len(at.shape) - 1
    kernel = _spread(kernel_size, dims)
    pads = tuple((pad, pad) for pad in _spread(padding, dims))
    operator = MaxPool(kernel, _spread(stride or kernel, dims), pads, _spread(dilation, dims), ceil_mode)
    return at.write(operator, at.signal(x))


def adaptive_max_pool(at: Place, x: Any, output_size: Any) -> Signal:
    """Adaptive max pooling into parts of equal size."""
    signal = at.signal(x)
    if any(old % new for old, new in zip(signal.shape[1:], at.shape[1:], strict=True)):
        raise refusal(at.wish, "adaptive_max_pool into unequal windows")
    kernel = tuple(old // new for old, new in zip(signal.shape[1:], at.shape[1:], strict=True))
    dims = len(kernel)
    return at.write(MaxPool(kernel, kernel, ((0, 0),) * dims, (1,) * dims), signal)


def mean(at: Place, x: Any, dim: Any, keepdim: bool, dtype: Any = None) -> Signal:
    """Means over axes."""
    signal = at.signal(x)
    axes = tuple(axis - 1 for axis in _axes(dim, signal))
    return at.write(Mean(axes, math.prod(signal.shape[axis] for axis in axes), keepdim), signal)


def add(at: Place, x: Any, other: Any, alpha: float = 1) -> Signal:
    """`x + alpha y`."""
    return _sum(at, x, other, alpha)


def subtract(at: Place, x: Any, other: Any, alpha: float = 1) -> Signal:
    """`x - alpha y`."""
    return _sum(at, x, other, -alpha)


def subtract_from(at: Place, x: Any, other: Any, alpha: float = 1) -> Signal:
    """`y - alpha x`."""
    if alpha != 1:
        raise _with_factor(at)
    return _sum(at, other, x, -1)


def _sum(at: Place, first: Any, second: Any, factor: float) -> Signal:
    if abs(factor) != 1:
        raise _with_factor(at)
    if isinstance(first, Signal) and isinstance(second, Signal):
        return at.draft.pair(at.name, Add() if factor == 1 else Subtract(), first, second)
    if isinstance(first, Signal):
        return at.draft.plus(at.name, first, factor * at.number(second))
    return at.draft.times(at.name, second, torch.tensor(float(factor)), offset=at.number(first))


def _with_factor(at: Place) -> UnsupportedOperator:
    return UnsupportedOperator(f"node {at.wish!r} adds with a factor alpha; write the multiplication out.")


def multiply(at: Place, x: Any, other: Any) -> Signal:
    """`x c`."""
    if isinstance(x, Signal) and isinstance(other, Signal):
        raise UnsupportedOperator(
            f"node {at.wish!r} multiplies two values that both depend on the input, so it is not affine; "
            "hand over the part of the model before it."
        )
    signal, constant = (x, other) if isinstance(x, Signal) else (other, x)
    return at.draft.times(at.name, signal, at.number(constant))


def divide(at: Place, x: Any, other: Any, rounding_mode: str | None = None) -> Signal:
    """`x / c`."""
    if rounding_mode is not None or isinstance(other, Signal):
        raise UnsupportedOperator(
            f"node {at.wish!r} divides by what depends on the input, or rounds, so it is not affine; "
            "hand over the part of the model before it."
        )
    return at.draft.over(at.name, at.signal(x), at.number(other))


def negate(at: Place, x: Any) -> Signal:
    """`-x`."""
    return at.draft.times(at.name, at.signal(x), torch.tensor(-1.0))


def relu(at: Place, x: Any) -> Signal:
    """`max(x, 0)`."""
    return at.write(ReLU(), at.signal(x))


def clamp(at: Place, x: Any, min: Any = None, max: Any = None) -> Signal:
    """`max(x, 0)`, written with bounds."""
    if not _is(min, 0.0) or not (max is None or _is(max, math.inf)):
        raise refusal(at.wish, "clamp")
    return relu(at, x)


def hardtanh(at: Place, x: Any, min_val: float, max_val: float) -> Signal:
    """`max(x, 0)`, written with bounds."""
    if min_val != 0 or max_val != math.inf:
        raise refusal(at.wish, "relu6" if (min_val, max_val) == (0, 6) else "hardtanh")
    return relu(at, x)


def threshold(at: Place, x: Any, threshold: float, value: float) -> Signal:
    """`x if x > 0 else 0`."""
    if (threshold, value) != (0, 0):
        raise refusal(at.wish, "threshold")
    return relu(at, x)


def maximum(at: Place, x: Any, other: Any) -> Signal:
    """`max(x, 0)`, the zero a tensor."""
    signal, bound = (x, other) if isinstance(x, Signal) else (other, x)
    if not _is(bound, 0.0):
        raise refusal(at.wish, "maximum")
    if signal.shape != at.shape:
        raise UnsupportedOperator(f"node {at.wish!r} broadcasts its input to {at.shape}; compare with a single zero.")
    return relu(at, signal)


def _is(value: Any, number: float) -> bool:
    if isinstance(value, Tensor):
        return bool((value == number).all())
    return isinstance(value, (int, float)) and value == number


def _spread(values: Any, dims: int) -> tuple[int, ...]:
    """One number a dimension, where one may stand for all."""
    listed = [values] if isinstance(values, int) else list(values)
    return tuple(listed * dims if len(listed) == 1 else listed)


def _axes(dim: Any, signal: Signal) -> list[int]:
    """Axes of the batch, counted from the front."""
    dims = [dim] if isinstance(dim, int) else list(dim)
    return [axis % (len(signal.shape) + 1) for axis in dims]


ARITHMETIC: dict[str, Handler] = {
    "linear": linear,
    "matmul": matmul,
    "mm": matmul,
    "mv": matmul,
    "addmm": addmm,
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
    "_native_batch_norm_legit_no_training": batch_norm,
    "_native_batch_norm_legit": own_statistics,
    "_native_batch_norm_legit_functional": own_statistics,
    "avg_pool1d": average_pool,
    "avg_pool2d": average_pool,
    "avg_pool3d": average_pool,
    "adaptive_avg_pool1d": adaptive_average_pool,
    "adaptive_avg_pool2d": adaptive_average_pool,
    "adaptive_avg_pool3d": adaptive_average_pool,
    "max_pool1d": max_pool,
    "max_pool2d": max_pool,
    "max_pool3d": max_pool,
    "max_pool1d_with_indices": max_pool,
    "max_pool2d_with_indices": max_pool,
    "max_pool3d_with_indices": max_pool,
    "adaptive_max_pool1d": adaptive_max_pool,
    "adaptive_max_pool2d": adaptive_max_pool,
    "adaptive_max_pool3d": adaptive_max_pool,
    "mean": mean,
    "add": add,
    "sub": subtract,
    "rsub": subtract_from,
    "mul": multiply,
    "div": divide,
    "neg": negate,
    "relu": relu,
    "clamp": clamp,
    "clamp_min": clamp,
    "clip": clamp,
    "hardtanh": hardtanh,
    "threshold": threshold,
    "maximum": maximum,
    "max": maximum,
}
"""By the name of the function."""
