"""The parts in which directions go through a network: as many at once as fit, or tile by tile of an image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unrelu.network.interpreter import interpret
from unrelu.operators.extent import Extent
from unrelu.operators.patch import Patch, hull, unit_patch
from unrelu.operators.tangents import Tangents, unit_tangents

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
    plan, shape = _cheapest(network, units, steps, limit), network.input_shape
    if plan.tile is None:
        return None
    places = torch.unravel_index(units, shape)[1:]
    index = torch.zeros_like(units)
    for place, size in zip(places, shape[1:], strict=True):
        index = index * -(-size // plan.tile) + place // plan.tile
    _, counts = torch.unique(index, return_counts=True)
    by_tile = torch.argsort(index, stable=True).split(counts.tolist())
    return [rows for together in by_tile for rows in together.split(max(1, limit // (8 * plan.widest)))]


def push_work(network: Network, units: Tensor, steps: Sequence[Node], limit: int) -> float:
    """About how many multiplications a push takes, with all its overheads; arguments as for `tiled_parts`."""
    return _cheapest(network, units, steps, limit).total


def _cheapest(network: Network, units: Tensor, steps: Sequence[Node], limit: int) -> _Plan:
    """Tiles of the size that costs least, or none."""
    shape = network.input_shape
    places = shape[1:] if len(shape) > 1 else ()
    whole = _Plan.of(network, Extent((0,) * len(places), places), steps, len(units), limit, None)
    if not places or not any(node.operator.terms and node.operator.windows(len(node.shape) - 1) for node in steps):
        return whole
    plans = []
    for tile in (2**k for k in range(1, max(places).bit_length() + 1)):
        starts = tuple(max(0, (size - tile) // 2) for size in places)
        middle = Extent(starts, tuple(min(tile, size) for size in places))
        plans.append(_Plan.of(network, middle, steps, len(units), limit, tile))
    # a window is pushed in tiles in any case: what it does not reach is then not kept either
    if len(units) == network.input_size:
        plans.append(whole)
        plans.sort(key=lambda plan: plan.tile is not None)
    return min(plans, key=lambda plan: plan.total)


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


def _spread(network: Network, start: Extent | None, steps: Sequence[Node]) -> dict[str, Extent | None]:
    known: dict[str, Extent | None] = {network.nodes[0].name: start}
    return interpret(steps, lambda node, operands: node.operator.reach(operands, node.shape), known)


@dataclass(frozen=True)
class _Plan:
    """What a push costs: multiplications in all, and the numbers of the widest node for one direction."""

    tile: int | None
    total: float
    widest: int

    @classmethod
    def of(cls, network: Network, start: Extent, steps: Sequence[Node], n: int, limit: int, tile: int | None) -> _Plan:
        """For n directions that begin in tiles like this one, or everywhere."""
        image = len(network.input_shape) > 1
        extents = _spread(network, start if image else None, steps)
        work, widest = 0, math.prod(network.input_shape[:1]) * math.prod(start.sizes)
        for node in steps:
            extent, operator = extents[node.name], node.operator
            size = math.prod(node.shape) if extent is None else node.shape[0] * math.prod(extent.sizes)
            widest = max(widest, size)
            work += _TOUCH_WORK * size
            work += operator.terms * size
        parts = max(1, 8 * n * widest // limit)
        if tile is not None:
            parts = max(parts, math.prod(-(-size // tile) for size in network.input_shape[1:]))
        return cls(tile, work * n + (parts * len(steps) * _STEP_WORK if tile is not None else 0.0), widest)
