"""How nodes of an ONNX graph are read that pick numbers of a tensor by constants: indices, repetitions, blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.builder import affine, contracting, moving
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value
from unrelu.operators import Shape


def picked(at: Place, x: Signal, shape: Shape, pick: Callable[[np.ndarray], np.ndarray]) -> Signal:
    """What a function gives that only moves numbers: it is called with their places, counted from 1; 0 is a zero.

    Args:
        at: the node.
        x: the sample.
        shape: sample shape of the result, of which it is known whether it is too large before it is made.
        pick: from the sample's shape to that.
    """
    at.check_size(shape)
    counted = np.arange(1, 1 + math.prod(x.shape), dtype=np.int64).reshape(x.shape)
    found = pick(counted)
    if found.shape != tuple(shape):
        raise ModelFileError(f"node {at.wish!r} gives {found.shape} and not {tuple(shape)}; export the model again.")
    return moving.pick(at, x, found - 1)


def gather(at: Place, x: Value, indices: Value) -> Signal:
    """Places of an axis by constant indices of any shape."""
    signal, axis, wanted = _indexed(at, x, indices)
    shape = (*signal.shape[:axis], *wanted.shape, *signal.shape[axis + 1 :])
    at.check_size(shape)
    if wanted.ndim == 1:
        return moving.take(at, signal, axis, wanted)
    flat = moving.take(at.part("take"), signal, axis, wanted.reshape(-1))
    return moving.reshape(at, flat, shape)


def gather_elements(at: Place, x: Value, indices: Value) -> Signal:
    """One number for each index, of the same place along all other axes."""
    signal, axis, wanted = _indexed(at, x, indices)
    if not at.batchless:
        raise at.mixing("picks from the samples by one index for each")
    return picked(
        at, signal, wanted.shape, lambda counted: np.take_along_axis(_cut(counted, wanted, axis), wanted, axis)
    )


def gather_nd(at: Place, x: Value, indices: Value) -> Signal:
    """Parts of the sample by constant positions."""
    signal = at.signal(x)
    wanted = np.asarray(at.integers(indices, "indices"), dtype=np.int64).reshape(np.shape(indices))
    if not at.batchless or at.attribute("batch_dims", 0):
        raise at.mixing("picks samples by position")
    depth = wanted.shape[-1] if wanted.ndim else 0
    sizes = np.array(signal.shape[:depth], dtype=np.int64)
    if not 0 < depth <= len(signal.shape) or bool(((wanted < -sizes) | (wanted >= sizes)).any()):
        raise ModelFileError(f"node {at.wish!r} picks what the tensor {signal.shape} has not; export the model again.")
    shape = (*wanted.shape[:-1], *signal.shape[depth:])
    return picked(at, signal, shape, lambda counted: counted[tuple(np.moveaxis(wanted, -1, 0))])


def split(at: Place, x: Value, sizes: Value | None = None) -> list[Signal]:
    """Parts one after the other along an axis."""
    signal, axis = at.signal(x), at.axis(at.attribute("axis", 0), at.signal(x))
    if axis < 0:
        raise at.mixing("splits the batch")
    size, count = signal.shape[axis], int(at.attribute("num_outputs", len(at.node.outputs)))
    given = at.attribute("split", sizes)
    each = -(-size // max(count, 1))
    parts = (
        [min(each, size - each * k) for k in range(count)]
        if given is None and count <= size
        else at.integers(given if given is not None else [], "sizes")
    )
    if len(parts) != len(at.node.outputs) or sum(parts) != size or min(parts, default=0) < 1:
        raise ModelFileError(f"node {at.wish!r} splits {size} places into {parts}; export the model again.")
    return moving.split(at, signal, axis, parts)


def expand(at: Place, x: Value, sizes: Value) -> Signal:
    """Copies along axes of size 1, and new ones in front."""
    signal = at.signal(x)
    dims = at.dims(signal)
    wanted = tuple(at.integers(sizes, "shape"))
    shape = np.broadcast_shapes(dims, wanted) if min(wanted, default=1) > 0 else None
    if shape is None:
        raise ModelFileError(f"node {at.wish!r} expands to {list(wanted)}, which is no shape; export the model again.")
    if at.batchless:
        at.check_size(shape)
        raised = moving.reshape(at.part("axes"), signal, (1,) * (len(shape) - len(dims)) + signal.shape)
        return moving.broadcast(at, raised, shape)
    if len(shape) != len(dims) or shape[0] != at.batch:
        raise at.mixing(f"expands samples of shape {signal.shape} to {list(wanted)}")
    return moving.broadcast(at, signal, shape[1:])


def tile(at: Place, x: Value, repeats: Value) -> Signal:
    """The sample again and again."""
    signal = at.signal(x)
    times = at.integers(repeats, "repeats")
    if len(times) != len(at.dims(signal)) or min(times, default=1) < 1:
        raise ModelFileError(f"node {at.wish!r} repeats {len(at.dims(signal))} axes {times} times; export it again.")
    if not at.batchless and times[0] != 1:
        raise at.mixing("repeats the batch")
    inner = times if at.batchless else times[1:]
    at.check_size(tuple(size * count for size, count in zip(signal.shape, inner, strict=True)))
    return moving.tile(at, signal, inner)


def triangle(at: Place, x: Value, diagonal: Value | None = None) -> Signal:
    """The numbers on one side of a diagonal, else zeros."""
    signal = at.signal(x)
    (k,) = [0] if diagonal is None else at.integers(diagonal, "diagonal")
    if len(signal.shape) < 2:
        raise at.mixing("takes a triangle of the batch")
    k = min(max(k, -math.prod(signal.shape)), math.prod(signal.shape))
    keep = np.triu if at.attribute("upper", 1) else np.tril
    return picked(at, signal, signal.shape, lambda counted: keep(counted, k))


def where(at: Place, mask: Value, x: Value, other: Value) -> Signal:
    """One or the other of two, by a constant mask."""
    if isinstance(mask, Signal):
        raise UnsupportedOperator(
            f"node {at.wish!r} chooses by what it computes from the input, so it may jump; replace it by an activation "
            f"that is read (relu, leaky_relu, clamp, abs) and train again, or {at.advice}."
        )
    return affine.masked(at, at.weight(mask, "mask") != 0, at.operand(x), at.operand(other))


def depth_to_space(at: Place, x: Value) -> Signal:
    """Blocks of channels as blocks of a picture."""
    signal, block = _picture(at, x)
    mode = at.attribute("mode", "DCR")
    if mode not in ("DCR", "CRD"):
        raise ModelFileError(f"node {at.wish!r} has the mode {mode!r}; export the model again.")
    return moving.depth_to_space(at, signal, block, mode)


def space_to_depth(at: Place, x: Value) -> Signal:
    """The way back."""
    signal, block = _picture(at, x)
    return moving.space_to_depth(at, signal, block, "DCR")


def cumulative_sum(at: Place, x: Value, axis: Value) -> Signal:
    """Sums of all numbers up to each place of an axis."""
    signal = at.signal(x)
    (named,) = at.integers(axis, "axis")
    along = at.axis(named, signal)
    if along < 0:
        raise at.mixing("sums up the batch")
    at.check_size((signal.shape[along], signal.shape[along]))
    ends = {name: bool(at.attribute(name, 0)) for name in ("exclusive", "reverse")}
    return contracting.cumulative_sum(at, signal, along, **ends)


def _indexed(at: Place, x: Value, indices: Value) -> tuple[Signal, int, np.ndarray]:
    """What is picked from, along which axis, and which places, counted from the front."""
    signal = at.signal(x)
    axis = at.axis(at.attribute("axis", 0), signal)
    wanted = np.asarray(at.integers(indices, "indices"), dtype=np.int64).reshape(np.shape(indices))
    if axis < 0:
        raise at.mixing("picks samples")
    size = signal.shape[axis]
    if not wanted.size or wanted.min() < -size or wanted.max() >= size:
        raise ModelFileError(f"node {at.wish!r} picks places that an axis of size {size} has not; export it again.")
    return signal, axis, np.where(wanted < 0, wanted + size, wanted)


def _cut(counted: np.ndarray, wanted: np.ndarray, axis: int) -> np.ndarray:
    """The part that is as large as the indices along all axes but one."""
    if counted.ndim != wanted.ndim:
        raise ValueError(f"{wanted.ndim} axes of indices for {counted.ndim}")
    return counted[tuple(slice(None if k == axis else size) for k, size in enumerate(wanted.shape))]


def _picture(at: Place, x: Value) -> tuple[Signal, int]:
    signal, block = at.signal(x), int(at.attribute("blocksize", 1))
    if len(signal.shape) != 3 or block < 1:
        raise ModelFileError(f"node {at.wish!r} moves blocks of {block} in {signal.shape}; export the model again.")
    return signal, block
