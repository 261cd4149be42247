"""How nodes of an ONNX graph are read that only move numbers: axis 0 must stay the batch."""

from __future__ import annotations

import math

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.builder import moving
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value
from unrelu.operators import Concatenate

_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def flatten(at: Place, x: Value) -> Signal:
    """All axes of a sample in one."""
    signal = at.signal(x)
    rank, axis = len(signal.shape) + 1, at.attribute("axis", 1)
    if (axis == rank and rank > 1) or (axis != rank and at.axis(axis, rank) != 1):
        raise at.mixing(f"flattens from axis {axis}")
    return moving.reshape(at, signal, (math.prod(signal.shape),))


def reshape(at: Place, x: Value, shape: Value) -> Signal:
    """The same numbers in another shape; axis 0 must stay the batch."""
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


def transpose(at: Place, x: Value) -> Signal:
    """Axes in another order."""
    signal = at.signal(x)
    rank = len(signal.shape) + 1
    axes = [at.axis(axis, rank) for axis in at.integers(at.attribute("perm", list(range(rank))[::-1]), "perm")]
    if axes[:1] != [0]:
        raise at.mixing("moves the batch axis")
    return moving.permute(at, signal, [axis - 1 for axis in axes[1:]])


def squeeze(at: Place, x: Value, axes: Value | None = None) -> Signal:
    """Axes of size 1 taken out."""
    signal = at.signal(x)
    chosen = at.axes(signal, axes)
    if chosen is None:
        raise at.mixing("squeezes without naming axes")
    if -1 in chosen:
        raise at.mixing("squeezes the batch axis")
    if any(signal.shape[axis] != 1 for axis in chosen):
        raise ModelFileError(f"node {at.wish!r} squeezes an axis that is not 1; export the model again.")
    return moving.reshape(at, signal, tuple(size for axis, size in enumerate(signal.shape) if axis not in chosen))


def unsqueeze(at: Place, x: Value, axes: Value | None = None) -> Signal:
    """Axes of size 1 put in."""
    signal = at.signal(x)
    given = at.integers(at.attribute("axes", axes), "axes")
    rank = len(signal.shape) + 1 + len(given)
    chosen = {at.axis(axis, rank) for axis in given}
    if 0 in chosen:
        raise at.mixing("adds an axis before the batch")
    sizes = iter(signal.shape)
    return moving.reshape(at, signal, tuple(1 if axis in chosen else next(sizes) for axis in range(1, rank)))


def concatenate(at: Place, *values: Value) -> Signal:
    """Several values one after the other."""
    signals = [at.signal(value) for value in values]
    axis = at.axis(at.attribute("axis", 0), len(signals[0].shape) + 1)
    if axis == 0:
        raise at.mixing("joins along axis 0")
    return at.write(Concatenate(axis - 1), *signals)


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


def pad(
    at: Place, x: Value, pads: Value | None = None, value: Value | None = None, axes: Value | None = None
) -> Signal:
    """Numbers around the axes of a sample."""
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
