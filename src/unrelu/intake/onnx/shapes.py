"""How nodes of an ONNX graph are read that only move numbers: axis 0 must stay the batch."""

from __future__ import annotations

import math

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.builder import moving
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value

_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def flatten(at: Place, x: Value) -> Signal:
    """Two axes: those before one, and those from it on."""
    signal = at.signal(x)
    dims, axis = at.dims(signal), at.attribute("axis", 1)
    if not -len(dims) <= axis <= len(dims):
        raise ModelFileError(f"node {at.wish!r} flattens from axis {axis} of {len(dims)}; export the model again.")
    axis += len(dims) if axis < 0 else 0
    return at.view(signal, (math.prod(dims[:axis]), math.prod(dims[axis:])), f"flattens from axis {axis}")


def reshape(at: Place, x: Value, shape: Value) -> Signal:
    """The same numbers in another shape."""
    signal = at.signal(x)
    sizes, dims = at.integers(shape, "shape"), at.dims(signal)
    asked = list(sizes)
    if not at.attribute("allowzero", 0):
        sizes = [dims[k] if size == 0 and k < len(dims) else size for k, size in enumerate(sizes)]
    count, given = math.prod(dims), math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) > 1 or any(size < 1 for size in sizes if size != -1):
        raise ModelFileError(f"node {at.wish!r} reshapes to {asked}, which is no shape; export the model again.")
    doing = f"reshapes samples of shape {signal.shape} to {asked}"
    if count % given or (-1 not in sizes and count != given):
        if at.batch == 1:
            raise ModelFileError(f"node {at.wish!r} {doing}, which do not hold as many; export the model again.")
        raise at.mixing(doing)
    return at.view(signal, tuple(count // given if size == -1 else size for size in sizes), doing)


def transpose(at: Place, x: Value) -> Signal:
    """Axes in another order."""
    signal = at.signal(x)
    rank = len(at.dims(signal))
    axes = [at.axis(axis, signal) for axis in at.integers(at.attribute("perm", list(range(rank))[::-1]), "perm")]
    if not at.batchless and axes[:1] != [-1]:
        raise at.mixing("moves the batch axis")
    return moving.permute(at, signal, axes if at.batchless else axes[1:])


def squeeze(at: Place, x: Value, axes: Value | None = None) -> Signal:
    """Axes of size 1 taken out."""
    signal = at.signal(x)
    chosen, sizes = at.axes(signal, axes), list(enumerate(at.dims(signal), 0 if at.batchless else -1))
    if chosen is None:
        if at.batch != 1:
            raise at.mixing("squeezes without naming axes")
        chosen = [axis for axis, size in sizes if size == 1]
    if any(size != 1 for axis, size in sizes if axis in chosen and (axis >= 0 or at.batch == 1)):
        raise ModelFileError(f"node {at.wish!r} squeezes an axis that is not 1; export the model again.")
    return at.view(signal, tuple(size for axis, size in sizes if axis not in chosen), "squeezes the batch axis")


def unsqueeze(at: Place, x: Value, axes: Value | None = None) -> Signal:
    """Axes of size 1 put in."""
    signal = at.signal(x)
    given = at.integers(at.attribute("axes", axes), "axes")
    before, rank = at.dims(signal), len(at.dims(signal)) + len(given)
    chosen = {at.axis(axis, signal, len(given)) + rank - len(signal.shape) - len(given) for axis in given}
    if len(chosen) != len(given):
        raise ModelFileError(f"node {at.wish!r} adds the axes {given}, one of them twice; export the model again.")
    sizes = iter(before)
    dims = tuple(1 if axis in chosen else next(sizes) for axis in range(rank))
    return at.view(signal, dims, "adds an axis before the batch")


def concatenate(at: Place, *values: Value) -> Signal:
    """Several values one after the other."""
    operands = [at.operand(value) for value in values]
    first = next((each for each in operands if isinstance(each, Signal)), None) or at.signal(values[0])
    axis = at.axis(at.attribute("axis", 0), first)
    if axis < 0:
        raise at.mixing("joins along axis 0")
    ranks = {each.ndim for each in operands if not isinstance(each, Signal)}
    if ranks - {len(at.dims(first))}:
        raise ModelFileError(f"node {at.wish!r} joins tensors of several numbers of axes; export the model again.")
    return moving.concatenate(at, [at.for_each(each, first) for each in operands], axis)


def part(
    at: Place,
    x: Value,
    starts: Value | None = None,
    ends: Value | None = None,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Signal:
    """Slices along axes of a sample."""
    signal = at.signal(x)
    first = at.integers(at.attribute("starts", starts), "starts")
    last = at.integers(at.attribute("ends", ends), "ends")
    along = at.attribute("axes", axes)
    places = list(range(len(first))) if along is None else at.integers(along, "axes")
    every = [1] * len(first) if steps is None else at.integers(steps, "steps")
    cuts = list(zip(places, first, last, every, strict=False))
    if not len(cuts) == len(first) == len(last) == len(places) == len(every) or 0 in every:
        raise ModelFileError(f"node {at.wish!r} slices unevenly; export the model again.")
    for place, start, stop, step in cuts:
        axis = at.axis(place, signal)
        if axis < 0:
            raise at.mixing("slices the batch")
        here = at if place == places[-1] else at.part("slice")
        taken = range(signal.shape[axis])[slice(start, stop, step)]
        if not taken:
            raise ModelFileError(f"node {at.wish!r} keeps nothing of an axis; export the model again.")
        signal = moving.take(here, signal, axis, taken)
    return signal


def pad(
    at: Place, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Signal:
    """Numbers around the axes of a sample."""
    signal = at.signal(x)
    mode = _MODES.get(at.attribute("mode", "constant"))
    sides = at.integers(at.attribute("pads", pads), "pads")
    every = list(range(len(at.dims(signal)))) if axes is None else at.integers(axes, "axes")
    chosen = [at.axis(axis, signal) for axis in every]
    if mode is None or len(sides) != 2 * len(chosen):
        raise ModelFileError(f"node {at.wish!r} pads {len(every)} axes by {sides}; export the model again.")
    pairs = [(0, 0)] * len(signal.shape)
    for k, axis in enumerate(chosen):
        pair = (sides[k], sides[k + len(chosen)])
        if axis >= 0:
            pairs[axis] = pair
        elif pair != (0, 0):
            raise at.mixing("pads the batch")
    inner = tuple(pairs)
    if min((min(pair) for pair in inner), default=0) < 0:
        raise UnsupportedOperator(f"node {at.wish!r} cuts by negative padding; export the model with slices for it.")
    if mode != "constant":
        at.check_size(tuple(size + sum(pair) for size, pair in zip(signal.shape, inner, strict=True)))
        while len(inner) > 3 and inner[0] == (0, 0):
            inner = inner[1:]
    fill = at.number(at.attribute("value", 0.0)) if value is None else at.weight(value, "padding").reshape(())
    return moving.pad(at, signal, inner, mode, fill)
