"""Putting together the derivatives of one node that arrive in parts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from unrelu.operators.patch import Patch, coordinates
from unrelu.operators.tangents import Tangents

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.node import Node
    from unrelu.operators.extent import Extent
    from unrelu.stability.pattern import ActivationPattern


class Gathered:
    """The tangents of a node along r directions, filled in part by part.

    Where the directions reach only an extent of the node, or a ReLU removes coordinates, only what is left is kept.
    """

    def __init__(self, node: Node, n_directions: int, extent: Extent | None, pattern: ActivationPattern) -> None:
        """Make an empty one.

        Args:
            node: whose tangents they are.
            n_directions: r.
            extent: all places that the directions can reach; None for everywhere.
            pattern: active neurons of the ReLU layers.
        """
        self._node = node
        self._n = n_directions
        self._extent = None if extent is not None and extent.sizes == node.shape[1:] else extent
        self._pattern = pattern
        self._whole: Tangents | None = None
        self._column: Tensor | None = None

    def put(self, rows: Tensor, arrived: Tangents | Patch) -> None:
        """The tangents along the directions with these indices."""
        if isinstance(arrived, Tangents) and len(rows) == self._n and self._extent is None:
            self._whole = arrived  # all at once, and in order: only a push without tiles has parts of plain tangents
            return
        if self._whole is None:
            self._whole = self._room(arrived.values)
        if isinstance(arrived, Tangents) and _same(arrived.support, self._whole.support):
            self._whole.values[rows] = arrived.values
            return
        if isinstance(arrived, Patch):
            arrived = arrived.tangents()
        places = arrived.support
        if places is None:
            places = torch.arange(math.prod(arrived.shape), device=rows.device)
        columns = places if self._column is None else self._column[places]
        inside = columns >= 0
        values = arrived.values if bool(inside.all()) else arrived.values[:, inside]
        self._whole.values[rows[:, None], columns[inside]] = values

    def tangents(self) -> Tangents:
        """All of them."""
        assert self._whole is not None
        return self._whole

    def _room(self, like: Tensor) -> Tangents:
        kept = None
        if self._extent is not None:
            kept = coordinates(self._node.shape, self._extent, like.device)
        active = self._pattern.selected(self._node.name, like.device).live if self._node.name in self._pattern else None
        if active is not None:
            kept = active if kept is None else active[torch.isin(active, kept)]
        size = math.prod(self._node.shape)
        if kept is not None:
            self._column = torch.full((size,), -1, dtype=torch.int64, device=like.device)
            self._column[kept] = torch.arange(len(kept), device=like.device)
        columns = size if kept is None else len(kept)
        return Tangents(like.new_zeros(self._n, columns), self._node.shape, kept)


def _same(first: Tensor | None, second: Tensor | None) -> bool:
    if first is None or second is None:
        return first is second
    return first is second or torch.equal(first, second)
