"""How each operator of PyTorch is written: the ones that only move numbers, or do nothing in evaluation mode."""

from __future__ import annotations

from typing import Any

import torch

from unrelu.errors import TrainingMode, UnsupportedOperator
from unrelu.intake.draft import Signal
from unrelu.intake.refusals import refusal
from unrelu.intake.torch.affine import ARITHMETIC, Handler
from unrelu.intake.torch.place import Place
from unrelu.operators import Broadcast, Concatenate, Pad, Permute, Reshape, Slice


def keep(at: Place, x: Any, **_: Any) -> Signal:
    """The value as it is."""
    return at.signal(x)


def cast(at: Place, x: Any, **_: Any) -> Signal:
    """The value in another dtype, if that rounds nothing."""
    if torch.promote_types(at.entering, at.dtype) != at.dtype:
        raise UnsupportedOperator(
            f"node {at.wish!r} rounds its values from {at.entering} to {at.dtype}; "
            "convert the whole module to one dtype (module.float())."
        )
    return at.signal(x)


def dropout(at: Place, x: Any, p: float, train: bool | None) -> Signal:
    """Dropout, which does nothing in evaluation mode."""
    if train:
        raise TrainingMode(
            f"node {at.wish!r} drops units at random; call module.eval(), and where it is F.dropout pass "
            "training=self.training."
        )
    return at.signal(x)


def item(at: Place, x: Any, index: int) -> Signal:
    """The first of several results."""
    if index != 0:
        raise refusal(at.wish, f"result {index} of an operator")
    return at.signal(x)


def reshape(at: Place, x: Any, **_: Any) -> Signal:
    """All that keeps the order of the numbers: view, flatten, squeeze, ..."""
    signal = at.signal(x)
    return signal if signal.shape == at.shape else at.write(Reshape(at.shape), signal)


def permute(at: Place, x: Any, dims: Any) -> Signal:
    """Axes in another order."""
    signal = at.signal(x)
    axes = [dim % (len(signal.shape) + 1) for dim in dims]
    if axes == sorted(axes):
        return signal
    return at.write(Permute(tuple(axis - 1 for axis in axes[1:])), signal)


def transpose(at: Place, x: Any, dim0: int, dim1: int) -> Signal:
    """Two axes exchanged."""
    axes = list(range(len(at.signal(x).shape) + 1))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return permute(at, x, axes)


def expand(at: Place, x: Any, **_: Any) -> Signal:
    """Copies along axes of size 1."""
    signal = at.signal(x)
    return signal if signal.shape == at.shape else at.write(Broadcast(at.shape), signal)


def concatenate(at: Place, tensors: list[Any], dim: int = 0) -> Signal:
    """Several values one after the other."""
    signals = [at.signal(value) for value in tensors]
    return at.write(Concatenate(dim % (len(at.shape) + 1) - 1), *signals)


def part(at: Place, x: Any, dim: int, start: int | None, end: int | None, step: int) -> Signal:
    """A slice along an axis."""
    signal = at.signal(x)
    axis = dim % (len(signal.shape) + 1) - 1
    if axis < 0:  # the batch: _sample_shape has seen that all of it stays
        return signal
    first, last, stride = slice(start, end, step).indices(signal.shape[axis])
    if (first, last, stride) == (0, signal.shape[axis], 1):
        return signal
    return at.write(Slice(axis, first, last, stride), signal)


def select(at: Place, x: Any, dim: int, index: int) -> Signal:
    """One index of an axis."""
    signal = at.signal(x)
    axis = dim % (len(signal.shape) + 1) - 1
    first = index % signal.shape[axis]
    chosen = at.draft.write(at.draft.claim(f"{at.name}.slice"), Slice(axis, first, first + 1), signal)
    return at.write(Reshape(at.shape), chosen)


def pad(at: Place, x: Any, pad: list[int], mode: str = "constant", value: float | None = None) -> Signal:
    """Rows and columns around the last axes."""
    signal = at.signal(x)
    pairs = tuple((pad[k], pad[k + 1]) for k in range(len(pad) - 2, -2, -2))
    if len(pairs) > len(signal.shape):
        raise UnsupportedOperator(f"node {at.wish!r} pads the batch axis; pad the axes of a sample only.")
    operator = Pad(pairs, mode)
    if mode != "constant" or not value:
        return at.write(operator, signal)
    zeros = at.draft.write(at.draft.claim(f"{at.name}.zeros"), operator, signal)
    inside = operator.linear(torch.ones(1, *signal.shape, dtype=torch.float64))[0]
    return at.draft.plus(at.name, zeros, torch.where(inside == 1, 0.0, at.number(value)))


_RESHAPES = ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze")
_KEEPS = ("clone", "contiguous", "detach", "detach_", "alias", "lift_fresh_copy", "alias_copy")
_CASTS = ("_to_copy", "to", "type_as")

HANDLERS: dict[str, Handler] = {
    **ARITHMETIC,
    **dict.fromkeys(_RESHAPES, reshape),
    **dict.fromkeys(_KEEPS, keep),
    **dict.fromkeys(_CASTS, cast),
    "dropout": dropout,
    "native_dropout": dropout,
    "getitem": item,
    "permute": permute,
    "transpose": transpose,
    "expand": expand,
    "cat": concatenate,
    "slice": part,
    "select": select,
    "pad": pad,
    "constant_pad_nd": pad,
}
"""By the name of the function."""
