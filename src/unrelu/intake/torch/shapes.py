"""How calls of a traced module are read that only move numbers."""

from __future__ import annotations

from typing import Any

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder import moving
from unrelu.intake.builder.site import Operand
from unrelu.intake.draft import Signal
from unrelu.intake.torch.place import Place


def permute(at: Place, x: Any, dims: Any) -> Signal:
    """Axes in another order."""
    signal = at.signal(x)
    return moving.permute(at, signal, [at.axis(dim, signal) for dim in dims][1:])


def transpose(at: Place, x: Any, dim0: int, dim1: int) -> Signal:
    """Two axes exchanged."""
    axes = list(range(len(at.signal(x).shape) + 1))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return permute(at, x, axes)


def concatenate(at: Place, tensors: list[Any], dim: int = 0) -> Signal:
    """Several values one after the other, constants among them."""
    operands = [at.operand(value) for value in tensors]
    return moving.concatenate(at, operands, at.own_axis(dim, _first_signal(operands)))


def stack(at: Place, tensors: list[Any], dim: int = 0) -> Signal:
    """The same along a new axis."""
    operands = [at.operand(value) for value in tensors]
    axis = dim % (len(_first_signal(operands).shape) + 2) - 1
    if axis < 0:
        raise at.unread("mixes the samples of a batch")
    return moving.stack(at, operands, axis)


def hstack(at: Place, tensors: list[Any]) -> Signal:
    """Along the first axis of a sample."""
    return concatenate(at, tensors, 1)


def column_stack(at: Place, tensors: list[Any]) -> Signal:
    """The same, where samples of one number are numbers of a row."""
    rank = len(_first_signal([at.operand(value) for value in tensors]).shape)
    return stack(at, tensors, 1) if rank == 0 else concatenate(at, tensors, 1)


def dstack(at: Place, tensors: list[Any]) -> Signal:
    """Along the second axis of a sample."""
    rank = len(_first_signal([at.operand(value) for value in tensors]).shape)
    return stack(at, tensors, 2) if rank == 1 else concatenate(at, tensors, 2)


def part(at: Place, x: Any, dim: int, start: int | None, end: int | None, step: int) -> Signal:
    """A slice along an axis."""
    signal = at.signal(x)
    axis = at.axis(dim, signal)
    # of the batch the shape of the result has told that all of it stays
    return signal if axis < 0 else moving.cut(at, signal, axis, slice(start, end, step))


def select(at: Place, x: Any, dim: int, index: int) -> Signal:
    """One index of an axis."""
    signal = at.signal(x)
    axis = at.axis(dim, signal)
    first = index % signal.shape[axis]
    return moving.reshape(at, moving.cut(at.part("slice"), signal, axis, slice(first, first + 1)), at.shape)


def pad(at: Place, x: Any, pad: list[int], mode: str = "constant", value: float | None = None) -> Signal:
    """Rows and columns around the last axes."""
    signal = at.signal(x)
    pairs = tuple((pad[k], pad[k + 1]) for k in range(len(pad) - 2, -2, -2))
    if len(pairs) > len(signal.shape):
        raise UnsupportedOperator(f"node {at.wish!r} pads the batch axis; pad the axes of a sample only.")
    return moving.pad(at, signal, pairs, mode, None if value is None else at.number(value))


def _first_signal(operands: list[Operand]) -> Signal:
    return next(each for each in operands if isinstance(each, Signal))
