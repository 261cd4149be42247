"""The parts in which directions go through a network: as many at once as fit, or tile by tile of an image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unrelu.network.operators import Convolution, Dense
from unrelu.stability.extents import Extent, reach
from unrelu.stability.patches import Patch, hull, unit_patch
from unrelu.stability.tangents import Tangents, unit_tangents

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.network.node import Node

_STEP_WORK = 2_000_000
"""Multiplications that take as long as a node's fixed costs; measured, and no more than a guide."""

_TOUCH_WORK = 16
"""Multiplications that take as long as reading and writing one number of a node."""

Known = dict[str, Tangents | Patch]


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the directions.

    Attributes:
        rows: (k,) int64, which they are.
        known: their derivatives where the push begins.
    """

    rows: Tensor
    known: Known


def tiled_parts(network: Network, units: Tensor, steps: Sequence[Node], limit: int) -> list[Tensor] | None:
    """Unit vectors of an image in tiles, where pushing only what each tile reaches is the cheaper.

    Args:
        network: the network.
        units: (r,) the input coordinates whose unit vectors are pushed.
        steps: the nodes on the way, in order.
        limit: bytes that a node's derivatives may take in one part.

    Returns:
        Rows of each part; None where all places of each node are to be touched anyway.
    """
    shape = network.input_shape
    if len(shape) < 2 or not any(isinstance(node.operator, Convolution) for node in steps):
        return None
    whole = _Plan.of(network, Extent((0,) * len(shape[1:]), shape[1:]), steps)
    # a window is pushed in tiles in any case: what it does not reach is then not kept either
    best, found = math.inf if len(units) < network.input_size else whole.work * len(units), None
    for tile in (2**k for k in range(1, max(shape[1:]).bit_length())):
        extent = Extent(
            tuple(max(0, (size - tile) // 2) for size in shape[1:]), tuple(min(tile, size) for size in shape[1:])
        )
        plan = _Plan.of(network, extent, steps)
        n_tiles = math.prod(-(-size // tile) for size in shape[1:])
        parts = max(n_tiles, 8 * len(units) * plan.widest // limit)
        work = plan.work * len(units) + parts * len(steps) * _STEP_WORK
        if work < best:
            best, found = work, (tile, max(1, limit // (8 * plan.widest)))
    if found is None:
        return None
    tile, most = found
    places = torch.unravel_index(units, shape)[1:]
    index = torch.zeros_like(units)
    for place, size in zip(places, shape[1:], strict=True):
        index = index * -(-size // tile) + place // tile
    _, counts = torch.unique(index, return_counts=True)
    by_tile = torch.argsort(index, stable=True).split(counts.tolist())
    return [rows for together in by_tile for rows in together.split(most)]


def in_tiles(network: Network, units: Tensor, tiles: Sequence[Tensor]) -> Iterator[Part]:
    """The unit vectors of each tile."""
    entry = network.nodes[0]
    for rows in tiles:
        yield Part(rows, {entry.name: unit_patch(units[rows], entry.shape, network.device)})


def in_order(network: Network, units: Tensor | None, known: dict[str, Tangents], n: int, most: int) -> Iterator[Part]:
    """All directions in their order, at most so many at once: unit vectors, or those of known derivatives."""
    entry = network.nodes[0]
    for first in range(0, n, most):
        stop = min(first + most, n)
        rows = torch.arange(first, stop, device=network.device)
        if units is not None:
            yield Part(rows, {entry.name: unit_tangents(units[first:stop], entry.shape, network.device)})
        else:
            yield Part(rows, {name: tangents.directions(first, stop) for name, tangents in known.items()})


def reached(network: Network, units: Tensor, steps: Sequence[Node]) -> dict[str, Extent]:
    """For image-like nodes, the places that these input coordinates can reach; others are left out."""
    entry = network.nodes[0]
    if len(entry.shape) < 2 or not len(units):
        return {}
    spread = _spread(network, hull(units, entry.shape), steps)
    return {name: extent for name, extent in spread.items() if extent is not None}


def _spread(network: Network, start: Extent, steps: Sequence[Node]) -> dict[str, Extent | None]:
    extents: dict[str, Extent | None] = {network.nodes[0].name: start}
    for node in steps:
        extents[node.name] = reach(node, [extents[name] for name in node.inputs])
    return extents


@dataclass(frozen=True)
class _Plan:
    """What pushing one direction costs: multiplications, and the numbers of the widest node."""

    work: int
    widest: int

    @classmethod
    def of(cls, network: Network, start: Extent, steps: Sequence[Node]) -> _Plan:
        extents = _spread(network, start, steps)
        work, widest = 0, network.input_shape[0] * math.prod(start.sizes)
        for node in steps:
            extent, operator = extents[node.name], node.operator
            places = math.prod(node.shape[1:] if extent is None else extent.sizes)
            size = node.shape[0] * places
            widest = max(widest, size)
            work += _TOUCH_WORK * size
            if isinstance(operator, Convolution):
                work += operator.weight.numel() * places
            elif isinstance(operator, Dense):
                work += operator.weight.numel() * math.prod(node.shape[:-1])
        return cls(work, widest)
