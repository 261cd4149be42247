"""What the units of a network are fed on boxes: bounds of all their operands, and the lines that they lie between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.jacobian_hull import JacobianHull, jacobian_hull
from unrelu.bounding.row_bounds import least_of, numbers_below

if TYPE_CHECKING:
    from unrelu.bounding.bounded_network import BoundedNetwork
    from unrelu.operators.relaxation import Relaxation

Interval = tuple[Tensor, Tensor]

MOST_KEPT = 2**20
"""Numbers in the rows of a node that are kept."""


@dataclass(frozen=True, eq=False)
class UnitBounds:
    """Bounds of the U numbers that units are fed, on n boxes.

    Attributes:
        bounded: the network.
        low: (n, U) float64, at most the least value of each.
        high: (n, U) float64, at least the largest.
        relaxations: by the name of each piecewise linear node, the lines that its units lie between.
        open: (n,) int64, how many of the U numbers have a kink of their unit strictly inside.
        empty: (n,) bool: no point of the box has such numbers, as bounds contradict each other.
    """

    bounded: BoundedNetwork
    low: Tensor
    high: Tensor
    relaxations: dict[str, Relaxation]
    open: Tensor
    empty: Tensor

    @cached_property
    def hull(self) -> JacobianHull:
        """All Jacobians on the boxes, fixed branches included; computed when first asked for."""
        return jacobian_hull(self.bounded, self)

    def of(self, place: int) -> UnitBounds:
        """Those of one box, without the lines."""
        one = slice(place, place + 1)
        return UnitBounds(self.bounded, self.low[one], self.high[one], {}, self.open[one], self.empty[one])


def bound_units(
    bounded: BoundedNetwork, lower: Tensor, upper: Tensor, low: Tensor | None = None, high: Tensor | None = None
) -> UnitBounds:
    """Bound what units are fed, node by node: by intervals, and by backward substitution where that leaves a kink open.

    Args:
        bounded: the network; magnitudes that it does not know yet are taken from these boxes.
        lower: (n, d) float64.
        upper: the same.
        low: (n, U) what is known already, of larger boxes; what is asked of the inputs further (a unit's branch that
            was fixed) makes all bounds ones of the inputs that keep it.
        high: the same, from above.
    """
    network = bounded.network
    n = len(lower)
    entry = network.nodes[0]
    intervals: dict[str, Interval] = {entry.name: (lower, upper)}
    bounded.learn(entry.name, lower, upper)
    relaxations: dict[str, Relaxation] = {}
    lows, highs = lower.new_empty(n, bounded.n_units), lower.new_empty(n, bounded.n_units)
    n_open = torch.zeros(n, dtype=torch.int64, device=lower.device)
    empty = torch.zeros(n, dtype=torch.bool, device=lower.device)
    settled: set[str] = set()
    for node in network.nodes[1:]:
        shapes = [network.node(name).shape for name in node.inputs]
        if node.is_affine:
            boxes = [_shaped(intervals[name], shape) for name, shape in zip(node.inputs, shapes, strict=True)]
            low_end, high_end = node.affine.image(boxes, bounded.affine_part(node).absolute)
            intervals[node.name] = low_end.reshape(n, -1), high_end.reshape(n, -1)
            if node.name in bounded.spans:
                span = bounded.spans[node.name]
                intervals[node.name] = _met(
                    intervals[node.name], None if low is None or high is None else (low[:, span], high[:, span])
                )
            bounded.learn(node.name, *intervals[node.name])
            continue
        operator = node.piecewise
        for name in node.inputs:  # what several units are fed is asked again: another of them may need more of it
            if name == entry.name:
                continue
            boxes = [_shaped(intervals[each], shape) for each, shape in zip(node.inputs, shapes, strict=True)]
            place = node.inputs.index(name)
            wanted = operator.open_operands(*boxes)[place].reshape(n, -1)
            if bool(wanted.any()) and name not in settled:
                intervals[name] = _tightened(bounded, name, relaxations, (lower, upper), intervals[name], wanted)
        for name in node.inputs:
            span = bounded.spans[name]
            if name == entry.name and low is not None and high is not None:
                intervals[name] = _met(intervals[name], (low[:, span], high[:, span]))
            empty |= (intervals[name][0] > intervals[name][1]).any(dim=1)
            lows[:, span], highs[:, span] = intervals[name]
        boxes = [_ordered(_shaped(intervals[name], shape)) for name, shape in zip(node.inputs, shapes, strict=True)]
        for each in operator.open_operands(*boxes):
            n_open += each.reshape(n, -1).sum(dim=1)
        relaxations[node.name] = operator.relax(*boxes)
        image = operator.image(*boxes)
        found = image[0].reshape(n, -1), image[1].reshape(n, -1)
        if node.name in bounded.spans:
            span = bounded.spans[node.name]
            found = _met(found, None if low is None or high is None else (low[:, span], high[:, span]))
        intervals[node.name] = found
        bounded.learn(node.name, *found)
    return UnitBounds(bounded, lows, highs, relaxations, n_open, empty)


def _tightened(
    bounded: BoundedNetwork,
    name: str,
    relaxations: dict[str, Relaxation],
    box: Interval,
    known: Interval,
    wanted: Tensor,
) -> Interval:
    """Bounds of some numbers of a node by backward substitution, met with what is known."""
    if bounded.is_affine(name) and known[0].shape[1] * box[0].shape[1] <= MOST_KEPT:
        return _met(known, _of_affine(bounded, name, box))
    boxes, units = torch.nonzero(wanted, as_tuple=True)
    signs = torch.ones(2 * len(units), dtype=torch.float64, device=units.device)
    signs[len(units) :] = -1.0
    found = numbers_below(bounded, relaxations, box, boxes.repeat(2), name, units.repeat(2), signs).least
    below, above = found[: len(units)], -found[len(units) :]
    low, high = known[0].clone(), known[1].clone()
    low[boxes, units] = torch.maximum(low[boxes, units], below)
    high[boxes, units] = torch.minimum(high[boxes, units], above)
    return low, high


def _of_affine(bounded: BoundedNetwork, name: str, box: Interval) -> Interval:
    """Bounds of all numbers of a node before which there is no kink: its rows are the same on all boxes."""
    size = math.prod(bounded.network.node(name).shape)
    if name not in bounded.rows:
        units = torch.arange(size).repeat(2)
        signs = torch.ones(2 * size, dtype=torch.float64)
        signs[size:] = -1.0
        whole = box[0][:1], box[1][:1]
        bounded.rows[name] = numbers_below(bounded, {}, whole, torch.zeros_like(units), name, units, signs)
    rows = bounded.rows[name]
    least = least_of(rows.slopes, rows.offsets, box)
    return least[:, :size], -least[:, size:]


def _met(first: Interval, second: Interval | None) -> Interval:
    if second is None:
        return first
    return torch.maximum(first[0], second[0]), torch.minimum(first[1], second[1])


def _ordered(interval: Interval) -> Interval:
    """Where bounds contradict each other there is no point, and any bounds will do."""
    return interval[0], torch.maximum(*interval)


def _shaped(interval: Interval, shape: tuple[int, ...]) -> Interval:
    n = len(interval[0])
    return interval[0].reshape(n, *shape), interval[1].reshape(n, *shape)
