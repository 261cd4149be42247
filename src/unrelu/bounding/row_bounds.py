"""Affine functions of the input below rows of a network's numbers, by backward substitution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.network.interpreter import interpret_back
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unrelu.bounding.bounded_network import BoundedNetwork
    from unrelu.network.node import Node
    from unrelu.operators.relaxation import Relaxation

CHUNK_BYTES = 8 * 2**20
"""Bytes that the coefficients at the widest node may take at once."""


@dataclass(frozen=True, eq=False)
class RowBounds:
    """`slopes x + offsets <= row` on a box, for each of R rows; rounding is in the offsets.

    Attributes:
        slopes: (R, d) float64, on flattened inputs.
        offsets: (R,) float64.
        least: (R,) float64, at most the least value of the row on its box.
        losses: (R,) float64, how much of the offsets is for rounding.
    """

    slopes: Tensor
    offsets: Tensor
    least: Tensor
    losses: Tensor


def rows_below(
    bounded: BoundedNetwork,
    relaxations: Mapping[str, Relaxation],
    box: tuple[Tensor, Tensor],
    boxes: Tensor,
    rows: Mapping[str, list[Tensor]],
) -> RowBounds:
    """Affine functions below combinations of a network's numbers, each on one of n boxes.

    Each unit whose branch is not the same on the whole box lies between two lines (`relax` of its operator); a row is
    written as a function of what comes before, node by node, back to the input (CROWN: Zhang et al., Efficient Neural
    Network Robustness Certification with General Activation Functions, 2018). The coefficients that are computed are
    those that are meant: what each product of matrices loses to rounding is a small row of the node's operands, which
    their magnitudes bound, and goes into the offset at once.

    Args:
        bounded: the network.
        relaxations: by the name of each piecewise linear node before the rows' ends, for n boxes.
        box: lower and upper ends of the n boxes, (n, d) float64.
        boxes: (R,) int64, which of them each row is on.
        rows: by the name of a node, (R, size) float64 coefficients of its numbers; the sum of all is bounded.
            (An upper bound of a row is the lower bound of its negative.)
    """
    names = tuple(rows)
    nodes = bounded.nodes_of(names)
    widest = max((math.prod(node.shape) for node in nodes), default=1)
    step = max(1, CHUNK_BYTES // (32 * max(widest, box[0].shape[1])))
    if len(boxes) <= step:
        return _part(bounded, nodes, relaxations, box, boxes, rows)
    parts = [
        _part(
            bounded,
            nodes,
            relaxations,
            box,
            boxes[start : start + step],
            {name: [each[start : start + step] for each in parts] for name, parts in rows.items()},
        )
        for start in range(0, len(boxes), step)
    ]
    return _stacked(parts)


def _stacked(parts: list[RowBounds]) -> RowBounds:
    if len(parts) == 1:
        return parts[0]
    return RowBounds(
        torch.cat([part.slopes for part in parts]),
        torch.cat([part.offsets for part in parts]),
        torch.cat([part.least for part in parts]),
        torch.cat([part.losses for part in parts]),
    )


def numbers_below(
    bounded: BoundedNetwork,
    relaxations: Mapping[str, Relaxation],
    box: tuple[Tensor, Tensor],
    boxes: Tensor,
    name: str,
    units: Tensor,
    signs: Tensor,
) -> RowBounds:
    """`rows_below` for single numbers of a node, or their negatives.

    Args:
        bounded: as there.
        relaxations: as there.
        box: as there.
        boxes: as there.
        name: the node.
        units: (R,) int64, which number each row is.
        signs: (R,) float64, 1 or -1.
    """
    node = bounded.network.node(name)
    if node.is_affine:
        widest = max(math.prod(each.shape) for each in bounded.nodes_of(node.inputs) or [node])
        step = max(1, CHUNK_BYTES // (32 * max(widest, box[0].shape[1])))
        parts: list[RowBounds] = []
        for start in range(0, len(boxes), step):
            chunk = slice(start, start + step)
            substitution = _Substitution(bounded, relaxations, boxes[chunk])
            back = substitution.begin(node, units[chunk], signs[chunk])
            if back is None:
                break
            arrived: dict[str, list[Tensor]] = {}
            for each, part in zip(node.inputs, back, strict=True):
                arrived.setdefault(each, []).append(part)
            parts.append(_ended(bounded, bounded.nodes_of(node.inputs), substitution, box, boxes[chunk], arrived))
        if parts:
            return _stacked(parts)
    rows = torch.zeros(len(units), math.prod(node.shape), dtype=torch.float64, device=units.device)
    rows[torch.arange(len(units), device=units.device), units] = signs
    return rows_below(bounded, relaxations, box, boxes, {name: [rows]})


def output_rows(bounded: BoundedNetwork, rows: Tensor) -> dict[str, list[Tensor]]:
    """Rows (R, m) on a network's outputs joined, by node."""
    network, found = bounded.network, dict[str, list[Tensor]]()
    sizes = [math.prod(network.node(name).shape) for name in network.outputs]
    for name, part in zip(network.outputs, rows.split(sizes, dim=1), strict=True):
        found.setdefault(name, []).append(part)
    return found


@dataclass(frozen=True, eq=False)
class RowsOnUnits:
    """Numbers of a node as affine functions of what the units before it give, and of the input.

    Attributes:
        matrices: by the input's name, or that of a node that is not affine, (m, its size) float64.
        offsets: (m,) float64.
        losses: (m,) float64: nowhere on the network's box are the numbers farther from what the matrices say.
    """

    matrices: dict[str, Tensor]
    offsets: Tensor
    losses: Tensor


def rows_on_units(bounded: BoundedNetwork, name: str) -> RowsOnUnits:
    """All numbers of a node, written back only as far as the next units before it.

    Args:
        bounded: the network; magnitudes on its box are known.
        name: of the node; of one that is not affine these are its own numbers.
    """
    network = bounded.network
    size = math.prod(network.node(name).shape)
    arrived: dict[str, list[Tensor]] = {name: [torch.eye(size, dtype=torch.float64, device=network.device)]}
    substitution = _Substitution(bounded, {}, torch.zeros(size, dtype=torch.int64, device=network.device))
    affine: set[str] = set()
    for node in reversed(bounded.nodes_of((name,))):
        if node.is_affine and (node.name == name or node.name in affine):
            affine.update((node.name, *(each for each in node.inputs if network.node(each).is_affine)))
    inside = [node for node in bounded.nodes_of((name,)) if node.name in affine]
    interpret_back(inside, substitution.step, list.__add__, arrived)
    matrices = {source: substitution.summed(source, parts) for source, parts in arrived.items()}
    losses = substitution.errors * (1 + 8 * UNIT) + 4 * UNIT * substitution.offsets.abs() + UNDERFLOW
    exact = not any(node.operator.roundings for node in inside) if inside else True
    return RowsOnUnits(matrices, substitution.offsets, torch.zeros_like(losses) if exact else losses)


def _part(
    bounded: BoundedNetwork,
    nodes: list[Node],
    relaxations: Mapping[str, Relaxation],
    box: tuple[Tensor, Tensor],
    boxes: Tensor,
    rows: Mapping[str, list[Tensor]],
) -> RowBounds:
    arrived = {name: list(parts) for name, parts in rows.items()}
    return _ended(bounded, nodes, _Substitution(bounded, relaxations, boxes), box, boxes, arrived)


def _ended(
    bounded: BoundedNetwork,
    nodes: list[Node],
    substitution: _Substitution,
    box: tuple[Tensor, Tensor],
    boxes: Tensor,
    arrived: dict[str, list[Tensor]],
) -> RowBounds:
    """The rows at the input, and their least values."""
    entry = bounded.network.nodes[0].name
    interpret_back(nodes, substitution.step, list.__add__, arrived)
    low, high = (end.index_select(0, boxes) for end in box)
    d = low.shape[1]
    slopes = substitution.summed(entry, arrived[entry]) if entry in arrived else torch.zeros_like(low)
    offsets, doubt = substitution.offsets, substitution.errors
    room = gamma(d + 8)
    loss = doubt * (1 + 8 * UNIT) + 4 * UNIT * offsets.abs() + UNDERFLOW
    below = offsets - loss
    ends = torch.where(slopes >= 0, slopes * low, slopes * high)
    least = ends.sum(dim=1) + below - 2 * room * (ends.abs().sum(dim=1) + below.abs()) - (d + 8) * UNDERFLOW
    return RowBounds(slopes, below, least, loss)


def least_of(slopes: Tensor, offsets: Tensor, box: tuple[Tensor, Tensor]) -> Tensor:
    """At most the least value on each of n boxes of `slopes x + offsets`, for R rows: (n, R).

    Args:
        slopes: (R, d) float64.
        offsets: (R,) float64.
        box: lower and upper ends, (n, d) float64.
    """
    low, high = box
    d = low.shape[1]
    rising, falling = slopes.clamp(min=0.0), slopes.clamp(max=0.0)
    value = low @ rising.T + high @ falling.T + offsets
    size = torch.maximum(low.abs(), high.abs()) @ slopes.abs().T + offsets.abs()
    return value - 2 * gamma(2 * d + 8) * size - (2 * d + 8) * UNDERFLOW


class _Substitution:
    """Rewrites rows node by node, backward, and collects their constants.

    Attributes:
        offsets: (R,) float64, the constants so far.
        errors: (R,) at least how far all that was left out can lower the row.
    """

    def __init__(self, bounded: BoundedNetwork, relaxations: Mapping[str, Relaxation], boxes: Tensor) -> None:
        self._bounded = bounded
        self._relaxations = relaxations
        self._boxes = boxes
        self.offsets = torch.zeros(len(boxes), dtype=torch.float64, device=boxes.device)
        self.errors = torch.zeros_like(self.offsets)

    def summed(self, name: str, parts: list[Tensor]) -> Tensor:
        """All that has arrived at a node, added up."""
        if len(parts) == 1:
            return parts[0]
        total = torch.stack(parts).sum(dim=0)
        # Added in any order: each sum so far is at most the sum of the magnitudes.
        sizes = torch.stack(parts).abs().sum(dim=0)
        magnitudes = self._bounded.magnitudes[name]
        self._lose(2 * gamma(len(parts) + magnitudes.shape[0] + 4), sizes @ magnitudes)
        return total

    def step(self, node: Node, arrived: list[Tensor]) -> list[list[Tensor]]:
        """From the coefficients of a node to those of the nodes it takes.

        Raises:
            UnsupportedOperator: if it is smooth.
        """
        rows = self.summed(node.name, arrived)
        return [[part] for part in (self._affine(node, rows) if node.is_affine else self._relaxed(node, rows))]

    def begin(self, node: Node, units: Tensor, signs: Tensor) -> list[Tensor] | None:
        """The coefficients of the nodes that a node takes, for single numbers of it; None where they are not at hand.

        Args:
            node: affine.
            units: (R,) int64, which number each row is.
            signs: (R,) float64, 1 or -1.
        """
        shapes = [self._bounded.network.node(name).shape for name in node.inputs]
        found = node.affine.rows(units, shapes)
        if found is None:
            return None
        part = self._bounded.affine_part(node)
        self.offsets = self.offsets + signs * part.constant[units]
        self.errors = self.errors + part.loss[units] + part.lost
        return [signs[:, None] * each for each in found]

    def _affine(self, node: Node, rows: Tensor) -> list[Tensor]:
        part = self._bounded.affine_part(node)
        shapes = [self._bounded.network.node(name).shape for name in node.inputs]
        # |row L - what is computed| |z| and the rounding of row c: together at most growth |row| (|L| |z| + |c|).
        self.errors = (self.errors + rows.abs() @ part.loss + part.lost) * (1 + 8 * UNIT)
        if part.has_constant:
            self.offsets = self.offsets + rows @ part.constant
            self.errors = self.errors + 4 * UNIT * self.offsets.abs()
        back = node.affine.adjoint(rows.reshape(-1, *node.shape), shapes)
        return [each.reshape(len(rows), -1) for each in back]

    def _relaxed(self, node: Node, rows: Tensor) -> list[Tensor]:
        lines = self._relaxations[node.name]
        n_terms = rows.shape[1]
        magnitudes = torch.cat([self._bounded.magnitudes[name] for name in node.inputs])
        self.errors = self.errors + 2 * n_terms * UNDERFLOW * (2 + magnitudes.sum())
        if lines.lower_coordinates is None and lines.upper_coordinates is None:
            return [self._bent(lines, rows, magnitudes)]
        below = rows >= 0  # where the lower line is the one that counts
        slopes, offsets = lines.slopes_at(self._boxes, below), lines.offsets_at(self._boxes, below)
        product = rows * slopes
        self._shift(rows * offsets)
        own = torch.arange(n_terms, device=rows.device)[None]
        low = own if lines.lower_coordinates is None else lines.lower_coordinates.index_select(0, self._boxes)
        high = own if lines.upper_coordinates is None else lines.upper_coordinates.index_select(0, self._boxes)
        places = torch.where(below, low, high)
        back = rows.new_zeros(len(rows), len(magnitudes)).scatter_add(1, places, product)
        spread = rows.new_zeros(len(rows), len(magnitudes)).scatter_add(1, places, product.abs())
        self._lose(4 * gamma(2 * n_terms + len(magnitudes) + 4), spread @ magnitudes)
        sizes = [math.prod(self._bounded.network.node(name).shape) for name in node.inputs]
        return list(back.split(sizes, dim=1))

    def _bent(self, lines: Relaxation, rows: Tensor, magnitudes: Tensor) -> Tensor:
        """Where lower and upper line are one without offset, only the slope counts: so it is for most units."""
        at = self._boxes
        columns, bent = lines.bent
        if 2 * len(columns) >= rows.shape[1]:
            below = rows >= 0
            product = rows * lines.slopes_at(at, below)
            self._shift(rows * lines.offsets_at(at, below))
            self._lose(4 * UNIT, product.abs() @ magnitudes)
            return product
        product = rows * lines.lower_slopes.index_select(0, at)
        if len(columns):
            part = rows[:, columns]
            below = part >= 0
            chosen = part * bent.slopes_at(at, below)
            product[:, columns] = chosen
            self._shift(part * bent.offsets_at(at, below))
            if lines.is_plain:
                self._lose(4 * UNIT, chosen.abs() @ magnitudes[columns])
        if not lines.is_plain:
            self._lose(4 * UNIT, product.abs() @ magnitudes)
        return product

    def _shift(self, constants: Tensor) -> None:
        self.offsets = self.offsets + constants.sum(dim=1)
        self._lose(2 * gamma(constants.shape[1] + 4), constants.abs().sum(dim=1))
        self.errors = self.errors + 4 * UNIT * self.offsets.abs()

    def _lose(self, growth: float, sizes: Tensor) -> None:
        self.errors = (self.errors + growth * sizes) * (1 + 8 * UNIT) + UNDERFLOW
