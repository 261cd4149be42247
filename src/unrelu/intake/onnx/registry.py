"""How the nodes of an ONNX graph are read: each handler parses arguments and leaves the writing to a verb."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from unrelu.errors import ModelFileError, TrainingMode, UnsupportedOperator
from unrelu.intake.builder import affine, moving, piecewise
from unrelu.intake.builder.site import Handler, full, pairwise, unary
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value
from unrelu.intake.onnx.sliding import Sliding, positive
from unrelu.operators import AveragePool, Concatenate, MaxPool

_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def _gemm(at: Place, a: Value, b: Value, c: Value | None = None) -> Signal:
    signal = at.signal(a)
    if at.attribute("transA", 0):
        raise at.mixing("transposes its input")
    W = _scaled(at, b, at.attribute("alpha", 1.0), "matrix")
    if W.ndim != 2:
        raise ModelFileError(f"node {at.wish!r} multiplies by an array of {W.ndim} axes; export the model again.")
    W = W if at.attribute("transB", 0) else W.T.contiguous()
    if c is None:
        return affine.dense(at, signal, W)
    stored = _scaled(at, c, at.attribute("beta", 1.0), "bias")
    if stored.numel() not in (1, len(W)) or stored.shape[-1:].numel() != stored.numel():
        raise at.mixing(f"adds an array of shape {tuple(stored.shape)}")
    return affine.dense(at, signal, W, stored.reshape(-1).expand(len(W)).contiguous())


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
    bias, groups = at.optional(b, "bias"), at.attribute("group", 1)
    return affine.convolution(at, signal, W, bias, by.stride, by.padding, by.dilation, groups)


def _batch_norm(at: Place, x: Value, scale: Value, b: Value, mean: Value, variance: Value) -> Signal:
    if at.attribute("training_mode", 0):
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
    return at.write(AveragePool(kernel, by.stride, by.padding, ceil_mode, counts), signal)


def _max_pool(at: Place, x: Value) -> Signal:
    signal, kernel, by = _pooled(at, x)
    ceil_mode = bool(at.attribute("ceil_mode", 0))
    return at.write(MaxPool(kernel, by.stride, by.padding, by.dilation, ceil_mode), signal)


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


def _flatten(at: Place, x: Value) -> Signal:
    signal = at.signal(x)
    rank, axis = len(signal.shape) + 1, at.attribute("axis", 1)
    if (axis == rank and rank > 1) or (axis != rank and at.axis(axis, rank) != 1):
        raise at.mixing(f"flattens from axis {axis}")
    return moving.reshape(at, signal, (math.prod(signal.shape),))


def _reshape(at: Place, x: Value, shape: Value) -> Signal:
    """Axis 0 must stay the batch."""
    signal = at.signal(x)
    sizes = at.integers(shape, "shape")
    if not at.attribute("allowzero", 0):
        before = (at.batch, *signal.shape)
        sizes = [before[k] if size == 0 and k < len(before) else size for k, size in enumerate(sizes)]
    count = math.prod(signal.shape)
    inner = [size for size in sizes[1:] if size != -1]
    if not sizes or sizes.count(-1) > 1 or any(size < 1 for size in inner):
        raise ModelFileError(f"node {at.wish!r} reshapes to {sizes}, which is no shape; export the model again.")
    if sizes[0] == -1:
        kept = math.prod(inner) == count
    elif -1 in sizes:
        kept = sizes[0] == at.batch and count % math.prod(inner) == 0
    else:
        kept = sizes[0] == at.batch and math.prod(inner) == count
    if not kept:
        raise at.mixing(f"reshapes samples of shape {signal.shape} to {sizes}")
    return moving.reshape(at, signal, tuple(count // math.prod(inner) if size == -1 else size for size in sizes[1:]))


def _transpose(at: Place, x: Value) -> Signal:
    signal = at.signal(x)
    rank = len(signal.shape) + 1
    axes = [at.axis(axis, rank) for axis in at.integers(at.attribute("perm", list(range(rank))[::-1]), "perm")]
    if axes[:1] != [0]:
        raise at.mixing("moves the batch axis")
    return moving.permute(at, signal, [axis - 1 for axis in axes[1:]])


def _squeeze(at: Place, x: Value, axes: Value | None = None) -> Signal:
    signal = at.signal(x)
    chosen = at.axes(signal, axes)
    if chosen is None:
        raise at.mixing("squeezes without naming axes")
    if -1 in chosen:
        raise at.mixing("squeezes the batch axis")
    if any(signal.shape[axis] != 1 for axis in chosen):
        raise ModelFileError(f"node {at.wish!r} squeezes an axis that is not 1; export the model again.")
    return moving.reshape(at, signal, tuple(size for axis, size in enumerate(signal.shape) if axis not in chosen))


def _unsqueeze(at: Place, x: Value, axes: Value | None = None) -> Signal:
    signal = at.signal(x)
    given = at.integers(at.attribute("axes", axes), "axes")
    rank = len(signal.shape) + 1 + len(given)
    chosen = {at.axis(axis, rank) for axis in given}
    if 0 in chosen:
        raise at.mixing("adds an axis before the batch")
    sizes = iter(signal.shape)
    return moving.reshape(at, signal, tuple(1 if axis in chosen else next(sizes) for axis in range(1, rank)))


def _concatenate(at: Place, *values: Value) -> Signal:
    signals = [at.signal(value) for value in values]
    axis = at.axis(at.attribute("axis", 0), len(signals[0].shape) + 1)
    if axis == 0:
        raise at.mixing("joins along axis 0")
    return at.write(Concatenate(axis - 1), *signals)


def _slice(
    at: Place,
    x: Value,
    starts: Value | None = None,
    ends: Value | None = None,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Signal:
    signal = at.signal(x)
    rank = len(signal.shape) + 1
    first = at.integers(at.attribute("starts", starts), "starts")
    last = at.integers(at.attribute("ends", ends), "ends")
    along = at.attribute("axes", axes)
    places = list(range(len(first))) if along is None else at.integers(along, "axes")
    every = [1] * len(first) if steps is None else at.integers(steps, "steps")
    cuts = list(zip(places, first, last, every, strict=False))
    if not len(cuts) == len(first) == len(last) == len(places) == len(every) or min(every, default=1) < 1:
        raise UnsupportedOperator(f"node {at.wish!r} slices backwards or unevenly; export the model again.")
    for place, start, stop, step in cuts:
        axis = at.axis(place, rank)
        if axis == 0:
            raise at.mixing("slices the batch")
        here = at if place == places[-1] else at.part("slice")
        signal = moving.cut(here, signal, axis - 1, slice(start, stop, step))
    return signal


def _pad(
    at: Place, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Signal:
    signal = at.signal(x)
    rank = len(signal.shape) + 1
    mode = _MODES.get(at.attribute("mode", "constant"))
    sides = at.integers(at.attribute("pads", pads), "pads")
    chosen = list(range(rank)) if axes is None else [at.axis(axis, rank) for axis in at.integers(axes, "axes")]
    if mode is None or len(sides) != 2 * len(chosen):
        raise ModelFileError(f"node {at.wish!r} pads {rank} axes by {sides}; export the model again.")
    pairs = [(0, 0)] * rank
    for k, axis in enumerate(chosen):
        pairs[axis] = (sides[k], sides[k + len(chosen)])
    if pairs[0] != (0, 0):
        raise at.mixing("pads the batch")
    inner = tuple(pairs[1:])
    if mode != "constant":
        while len(inner) > 3 and inner[0] == (0, 0):
            inner = inner[1:]
        if len(inner) > 3 or min(min(pair) for pair in inner) < 0:
            raise UnsupportedOperator(f"node {at.wish!r} pads {len(inner)} axes in mode {mode}; pad fewer axes.")
    fill = at.number(at.attribute("value", 0.0)) if value is None else at.weight(value, "padding").reshape(())
    return moving.pad(at, signal, inner, mode, fill)


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


def _scaled(at: Place, value: Value | None, factor: float, what: str) -> Tensor:
    """A stored array times a factor, exactly.

    Raises:
        UnsupportedOperator: if the product would be rounded.
    """
    weight = at.weight(value, what)
    single = isinstance(value, np.ndarray) and value.dtype.itemsize <= 4  # two float32 make one float64
    if not single and math.frexp(abs(factor))[0] != 0.5 and factor != 0:
        raise UnsupportedOperator(f"node {at.wish!r} scales float64 weights by {factor}; store them scaled.")
    return factor * weight


def _hard_sigmoid(at: Place, x: Value) -> Signal:
    """`min(max(alpha x + beta, 0), 1)`."""
    alpha, beta = _float(at, "alpha", 0.2), _float(at, "beta", 0.5)
    line = affine.add(at.part("shift"), affine.multiply(at.part("scale"), at.signal(x), alpha), beta)
    return piecewise.clamp(at, line, full(0.0), full(1.0))


def _float(at: Place, name: str, default: float) -> Tensor:
    """An attribute that is one number, a float32 like all of them."""
    return at.number(at.attribute(name, np.float32(default)))


OPERATORS: dict[str, Handler] = {
    "Gemm": _gemm,
    "MatMul": lambda at, a, b: affine.product(at, at.signal(a), at.weight(b, "matrix")),
    "Conv": _convolution,
    "BatchNormalization": _batch_norm,
    "AveragePool": _average_pool,
    "MaxPool": _max_pool,
    "GlobalMaxPool": lambda at, x: piecewise.max_pool_into(at, at.signal(x), [1] * (len(at.signal(x).shape) - 1)),
    "GlobalAveragePool": lambda at, x: affine.mean(at, at.signal(x), range(1, len(at.signal(x).shape)), True),
    "ReduceMean": _reduced(affine.mean, "mean"),
    "ReduceMax": _reduced(piecewise.largest_along, "maximum"),
    "ReduceMin": _reduced(piecewise.smallest_along, "minimum"),
    "Add": pairwise(affine.add),
    "Sub": pairwise(affine.subtract),
    "Mul": pairwise(affine.multiply),
    "Div": lambda at, a, b: affine.divide(at, at.signal(a), at.weight(b, "divisor")),
    "Neg": unary(affine.negate),
    "Relu": unary(piecewise.relu),
    "Abs": unary(piecewise.absolute),
    "LeakyRelu": lambda at, x: piecewise.leaky_relu(at, at.signal(x), _float(at, "alpha", 0.01)),
    "PRelu": lambda at, x, slope: piecewise.leaky_relu(at, at.signal(x), at.weight(slope, "slopes")),
    "Clip": _clip,
    "HardSigmoid": _hard_sigmoid,
    "Max": _several(piecewise.largest),
    "Min": _several(piecewise.smallest),
    "Identity": unary(moving.keep),
    "Cast": _cast,
    "Dropout": _dropout,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concatenate,
    "Slice": _slice,
    "Pad": _pad,
}
"""By the operator's type."""
