"""Nodes that only move numbers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder.affine import add
from unrelu.intake.builder.site import Operand, Site
from unrelu.intake.draft import Signal
from unrelu.operators import Broadcast, Concatenate, Pad, Permute, Reshape, Shape, Slice, Take

_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def keep(at: Site, x: Signal) -> Signal:
    """The value as it is."""
    return x


def reshape(at: Site, x: Signal, shape: Shape) -> Signal:
    """The same numbers in another sample shape; no node where that is the shape already."""
    return x if shape == x.shape else at.write(Reshape(shape), x)


def broadcast(at: Site, x: Signal, shape: Shape) -> Signal:
    """Copies along axes of size 1; no node where that is the shape already."""
    return x if shape == x.shape else at.write(Broadcast(shape), x)


def permute(at: Site, x: Signal, axes: Sequence[int]) -> Signal:
    """The axes of a sample in another order; no node where they stay."""
    return x if list(axes) == list(range(len(x.shape))) else at.write(Permute(tuple(axes)), x)


def cut(at: Site, x: Signal, axis: int, along: slice) -> Signal:
    """A slice along an axis of a sample; no node where it is all of it."""
    first, last, step = along.indices(x.shape[axis])
    return x if (first, last, step) == (0, x.shape[axis], 1) else at.write(Slice(axis, first, last, step), x)


def take(at: Site, x: Signal, axis: int, indices: Sequence[int] | np.ndarray | Tensor) -> Signal:
    """Places of an axis by constant indices, -1 for zeros; a slice where they are evenly spaced."""
    listed = np.asarray(indices, dtype=np.int64).reshape(-1)
    steps = np.diff(listed)
    if len(listed) and listed.min() >= 0 and (steps == max(1, steps[:1].sum())).all():
        return cut(at, x, axis, slice(int(listed[0]), int(listed[-1]) + 1, int(max(1, steps[:1].sum()))))
    if x.shape[axis] == 1 and not listed.any():
        return broadcast(at, x, (*x.shape[:axis], len(listed), *x.shape[axis + 1 :]))
    return at.write(Take(torch.from_numpy(listed.astype(np.float64)), axis), x)


def pick(at: Site, x: Signal, indices: np.ndarray | Tensor) -> Signal:
    """Any numbers of a sample, in any shape.

    Written axis by axis where that is possible, so that the places of pictures are not mixed.

    Args:
        at: where.
        x: the sample.
        indices: int64, of the result's sample shape: which number of the sample, counted in C order; -1 for a zero.
    """
    wanted = np.asarray(indices, dtype=np.int64)
    size = math.prod(x.shape)
    if wanted.size == size and np.array_equal(wanted.reshape(-1), np.arange(size)):
        return reshape(at, x, wanted.shape)
    tables = _axis_by_axis(wanted, x.shape)
    if tables is not None:
        moving = [axis for axis, table in enumerate(tables) if not np.array_equal(table, np.arange(x.shape[axis]))]
        for axis in moving:
            x = take(at if axis == moving[-1] else at.part(f"axis{axis}"), x, axis, tables[axis])
        return x
    flat = reshape(at.part("flat"), x, (size,))
    return reshape(at, take(at.part("take") if wanted.ndim != 1 else at, flat, 0, wanted.reshape(-1)), wanted.shape)


def split(at: Site, x: Signal, axis: int, sizes: Sequence[int]) -> list[Signal]:
    """Parts one after the other along an axis; each is a node of its own."""
    ends = np.cumsum([0, *sizes])
    if ends[-1] != x.shape[axis]:
        raise at.unread(f"splits an axis of size {x.shape[axis]} into parts of sizes {tuple(sizes)}")
    spans = itertools.pairwise(ends)
    return [cut(at.part(str(k)), x, axis, slice(int(low), int(high))) for k, (low, high) in enumerate(spans)]


def concatenate(at: Site, operands: Sequence[Operand], axis: int) -> Signal:
    """Signals and constants one after the other.

    Args:
        at: where.
        operands: at least one of them a signal; constants in the shape of a sample, or with a batch axis of size 1.
        axis: of the sample.
    """
    signals = [each for each in operands if isinstance(each, Signal)]
    if not signals:
        at.signal(operands[0])
    rank = len(signals[0].shape)
    parts = [each if isinstance(each, Signal) else _one_sample(at, each, rank) for each in operands]
    constants = [each for each in parts if isinstance(each, Tensor)]
    if not constants:
        return signals[0] if len(signals) == 1 else at.write(Concatenate(axis), *signals)
    joined = signals[0] if len(signals) == 1 else at.part("signals").write(Concatenate(axis), *signals)
    sizes = [each.shape[axis] for each in parts]
    places = iter(range(joined.shape[axis]))
    indices = [
        next(places) if isinstance(each, Signal) else -1
        for each, size in zip(parts, sizes, strict=True)
        for _ in range(size)
    ]
    offset = torch.cat([each if isinstance(each, Tensor) else torch.zeros(each.shape).double() for each in parts], axis)
    if not bool(offset.any()):
        return take(at, joined, axis, indices)
    return add(at, take(at.part("room"), joined, axis, indices), offset)


def stack(at: Site, operands: Sequence[Operand], axis: int) -> Signal:
    """The same along a new axis."""
    ranks = [len(each.shape) for each in operands if isinstance(each, Signal)]
    parts: list[Operand] = []
    for k, each in enumerate(operands):
        if isinstance(each, Signal):
            shape = (*each.shape[:axis], 1, *each.shape[axis:])
            parts.append(reshape(at.part(f"unsqueeze{k}"), each, shape))
        else:
            parts.append(_one_sample(at, each, ranks[0] if ranks else each.ndim).unsqueeze(axis))
    return concatenate(at, parts, axis)


def tile(at: Site, x: Signal, repeats: Sequence[int]) -> Signal:
    """The sample again and again along its axes, with new ones in front where there are more numbers than axes."""
    shape = (1,) * (len(repeats) - len(x.shape)) + x.shape
    counted = np.arange(math.prod(shape)).reshape(shape)
    wide = tuple(size * (times if size == 1 else 1) for size, times in zip(shape, repeats, strict=True))
    if all(size == 1 or times == 1 for size, times in zip(shape, repeats, strict=True)):
        return broadcast(at, x, wide)
    return pick(at, reshape(at.part("axes"), x, shape), np.tile(counted, tuple(repeats)))


def shuffle_channels(at: Site, x: Signal, groups: int) -> Signal:
    """The channels of groups, one of each group after the other."""
    order = np.arange(x.shape[0]).reshape(groups, -1).T
    return take(at, x, 0, order.reshape(-1))


def depth_to_space(at: Site, x: Signal, block: int, mode: str = "CRD") -> Signal:
    """Blocks of channels as blocks of a picture; "CRD" (pixel shuffle) or "DCR" as ONNX calls their order."""
    c, h, w = x.shape
    if block < 1 or c % block**2:
        raise at.unread(f"makes blocks of {block} x {block} places of {c} channels")
    counted = np.arange(c * h * w)
    if mode == "CRD":
        blocks = counted.reshape(-1, block, block, h, w).transpose(0, 3, 1, 4, 2)
    else:
        blocks = counted.reshape(block, block, -1, h, w).transpose(2, 3, 0, 4, 1)
    return pick(at, x, blocks.reshape(c // block**2, h * block, w * block))


def space_to_depth(at: Site, x: Signal, block: int, mode: str = "CRD") -> Signal:
    """The way back."""
    c, h, w = x.shape
    if block < 1 or h % block or w % block:
        raise at.unread(f"cuts a picture of {h} x {w} into blocks of {block} x {block}")
    counted = np.arange(c * h * w).reshape(c, h // block, block, w // block, block)
    blocks = counted.transpose((0, 2, 4, 1, 3) if mode == "CRD" else (2, 4, 0, 1, 3))
    return pick(at, x, blocks.reshape(-1, h // block, w // block))


def pad(at: Site, x: Signal, pairs: tuple[tuple[int, int], ...], mode: str, fill: Tensor | None) -> Signal:
    """Rows around the last axes, in a mode of PyTorch; a number where that is "constant"."""
    if mode != "constant" and (len(pairs) > 3 or len(x.shape) - len(pairs) not in (0, 1)):
        return _copied_around(at, x, pairs, mode)
    operator = Pad(pairs, mode)
    if mode != "constant" or fill is None or not bool(fill):
        return at.write(operator, x)
    zeros = at.part("zeros").write(operator, x)
    inside = operator.linear(torch.ones(1, *x.shape, dtype=torch.float64))[0]
    return add(at, zeros, torch.where(inside == 1, 0.0, fill))


def _copied_around(at: Site, x: Signal, pairs: tuple[tuple[int, int], ...], mode: str) -> Signal:
    """Padding by copies of numbers of axes or shapes that PyTorch does not pad."""
    free = len(x.shape) - len(pairs)
    for axis, (before, after) in enumerate(pairs, start=free):
        size = x.shape[axis]
        most = {"reflect": size - 1, "circular": size}.get(mode, max(before, after))
        if free < 0 or max(before, after) > most or size + min(before, 0) + min(after, 0) < 1:
            raise at.unread(f"pads an axis of size {size} by {(before, after)} in mode {mode}")
        around = np.pad(np.arange(size), (max(before, 0), max(after, 0)), _MODES[mode])  # pyright: ignore[reportCallIssue, reportArgumentType]
        kept = around[max(-before, 0) : len(around) - max(-after, 0)]
        x = take(at if axis == len(x.shape) - 1 else at.part(f"axis{axis}"), x, axis, kept)
    return x


def _one_sample(at: Site, constant: Tensor, rank: int) -> Tensor:
    """A constant without its batch axis.

    Raises:
        UnsupportedOperator: if it has another one for each sample, or none at all of its axes fit.
    """
    if constant.ndim == rank:
        return constant
    if constant.ndim == rank + 1 and constant.shape[0] == 1:
        return constant[0]
    raise UnsupportedOperator(
        f"node {at.wish!r} joins samples of {rank} axes with a constant of shape {tuple(constant.shape)}, which would "
        "mix the samples of a batch; give the constant the shape of one sample."
    )


def _axis_by_axis(wanted: np.ndarray, shape: Shape) -> list[np.ndarray] | None:
    """For each axis which of its places each place of the result is, -1 for zeros; None where axes are mixed."""
    if wanted.ndim != len(shape) or not wanted.size:
        return None
    inside = wanted >= 0
    places = np.unravel_index(np.where(inside, wanted, 0), shape)
    tables = []
    for axis, place in enumerate(places):
        others = tuple(k for k in range(wanted.ndim) if k != axis)
        tables.append(np.where(inside, place, -1).max(axis=others))
    grid = np.ix_(*tables)
    found = sum(
        (np.maximum(part, 0) * math.prod(shape[axis + 1 :]) for axis, part in enumerate(grid)), np.zeros(1, int)
    )
    some = np.logical_and.reduce(np.broadcast_arrays(*(part >= 0 for part in grid)))
    return tables if np.array_equal(np.where(some, found, -1), wanted) else None
