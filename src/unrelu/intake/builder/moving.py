"""Nodes that only move numbers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unrelu.intake.builder.affine import add
from unrelu.intake.builder.site import Site
from unrelu.intake.draft import Signal
from unrelu.operators import Broadcast, Pad, Permute, Reshape, Shape, Slice


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


def pad(at: Site, x: Signal, pairs: tuple[tuple[int, int], ...], mode: str, fill: Tensor | None) -> Signal:
    """Rows around the last axes, in a mode of PyTorch; a number where that is "constant"."""
    operator = Pad(pairs, mode)
    if mode != "constant" or fill is None or not bool(fill):
        return at.write(operator, x)
    zeros = at.part("zeros").write(operator, x)
    inside = operator.linear(torch.ones(1, *x.shape, dtype=torch.float64))[0]
    return add(at, zeros, torch.where(inside == 1, 0.0, fill))
