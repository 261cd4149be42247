"""Samples whose batch axis is not in front for a while: no more than where each number went."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.draft import Signal

MOVES = {
    *("permute", "transpose", "t", "squeeze", "unsqueeze", "select", "slice", "unbind", "chunk", "split"),
    *("split_with_sizes", "view", "reshape", "_unsafe_view", "flatten", "unflatten", "contiguous", "clone", "alias"),
}
"""Calls that put numbers elsewhere, and compute nothing."""


@dataclass(frozen=True, eq=False)
class Moved:
    """A tensor of a batch, of which calls that only move numbers are known and none is written yet.

    Attributes:
        signal: the node whose numbers these are.
        places: for batches of some sizes n, the tensor with `sample * size + coordinate` in the place of each number,
            int64, with the size of the signal's samples.
        refusal: the error that says so, where something is computed with it.
    """

    signal: Signal
    places: dict[int, Tensor]
    refusal: UnsupportedOperator


def coordinates(places: dict[int, Tensor], size: int) -> Tensor | None:
    """Which coordinate of its sample each number of a sample is, where the batch axis is in front; else None.

    Args:
        places: as of `Moved`.
        size: numbers of a sample.

    Returns:
        int64, of the sample's shape: the same for all samples, in batches of every size.
    """
    found: Tensor | None = None
    for n, where in places.items():
        if where.ndim == 0 or where.shape[0] != n:
            return None
        sample = torch.arange(n).reshape(n, *[1] * (where.ndim - 1))
        inside = where - size * sample
        first = inside[0] if found is None else found
        if inside.shape[1:] != first.shape or not bool(((inside >= 0) & (inside < size) & (inside == first)).all()):
            return None
        found = first
    return found


def in_front(signal: Signal, size: int, n: int) -> Tensor:
    """The places of a batch of n of a signal, whose batch axis is in front."""
    return torch.arange(n * size).reshape(n, *signal.shape)
