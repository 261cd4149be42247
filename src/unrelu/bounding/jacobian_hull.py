"""All Jacobians that a network can have on boxes: one in their middle, and how far the others lie from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.network.interpreter import interpret, interpret_back
from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from unrelu.bounding.bounded_network import BoundedNetwork
    from unrelu.bounding.unit_bounds import UnitBounds
    from unrelu.network.node import Node
    from unrelu.operators.mean_map import MeanMap


@dataclass(frozen=True, eq=False)
class JacobianHull:
    """The Jacobian for the middle slope of each unit, and what the units whose slope is open can change.

    Attributes:
        bounded: the network, of m outputs joined.
        middle: (n, m, d) float64.
        maps: by piecewise linear node, the middle slopes.
        changes: by piecewise linear node, (n, d, size): what its open units can change in the tangents of its numbers,
            whatever the units before it do.
    """

    bounded: BoundedNetwork
    middle: Tensor
    maps: dict[str, MeanMap]
    changes: dict[str, Tensor]

    @cached_property
    def steepest(self) -> Tensor:
        """(n, m, d) float64, at least the magnitudes of all Jacobians on each box."""
        n, m, _ = self.middle.shape
        identity = torch.eye(m, dtype=torch.float64, device=self.middle.device).expand(n, m, m)
        return (self.middle.abs() + self.distance(identity)) * (1 + 4 * UNIT)

    def distance(self, multipliers: Tensor) -> Tensor:
        """At least `|M J(x) - M middle|` for all x in each box, rounding included: (n, k, d) float64.

        The difference of two products is the sum over the nodes of what each one changes by itself: those behind it at
        their middle slopes, those before it at any.

        Args:
            multipliers: (n, k, m) M.
        """
        network = self.bounded.network
        n, k, _ = multipliers.shape
        sizes = [math.prod(network.node(name).shape) for name in network.outputs]
        arrived: dict[str, Tensor] = {}
        for name, part in zip(network.outputs, multipliers.split(sizes, dim=2), strict=True):
            arrived[name] = arrived[name] + part if name in arrived else part
        total = multipliers.new_zeros(n, k, network.input_size)

        def step(node: Node, rows: Tensor) -> list[Tensor]:
            nonlocal total
            shapes = [network.node(name).shape for name in node.inputs]
            if node.is_affine:
                back = node.affine.adjoint(rows.reshape(-1, *node.shape), shapes)
                return [part.reshape(n, k, -1) for part in back]
            change = self.changes[node.name]
            if bool(change.any()):
                total = total + rows.abs() @ change.transpose(1, 2)
            parts = [math.prod(shape) for shape in shapes]
            return list(self.maps[node.name].back(rows, sum(parts)).split(parts, dim=2))

        interpret_back(self.bounded.nodes_of(network.outputs), step, torch.add, arrived)
        return total * (1 + 1e-9) + self.bounded.tangent_rounding * (multipliers.abs() @ self.bounded.steepest)


def jacobian_hull(bounded: BoundedNetwork, units: UnitBounds) -> JacobianHull:
    """The Jacobians on the boxes that these bounds of units are of, fixed branches included.

    Args:
        bounded: a network of few inputs.
        units: for n boxes.
    """
    network = bounded.network
    n, d = len(units.low), network.input_size
    start = torch.eye(d, dtype=torch.float64, device=units.low.device).expand(n, d, d)
    maps: dict[str, MeanMap] = {}
    changes: dict[str, Tensor] = {}

    def step(node: Node, operands: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        shapes = [network.node(name).shape for name in node.inputs]
        if node.is_affine:
            middles = [part.reshape(n * d, *shape) for (part, _), shape in zip(operands, shapes, strict=True)]
            middle = node.affine.linear(*middles).reshape(n, d, -1)
            if not any(bool(part.any()) for _, part in operands):
                return middle, torch.zeros(1, 1, 1, dtype=middle.dtype, device=middle.device).expand_as(middle)
            absolute = bounded.affine_part(node).absolute
            radii = [part.reshape(n * d, *shape) for (_, part), shape in zip(operands, shapes, strict=True)]
            return middle, absolute.linear(*radii).reshape(n, d, -1)
        spans = [bounded.spans[name] for name in node.inputs]
        boxes = [
            (units.low[:, span].reshape(n, *shape), torch.maximum(units.low, units.high)[:, span].reshape(n, *shape))
            for span, shape in zip(spans, shapes, strict=True)
        ]
        maps[node.name] = found = node.piecewise.mean_map(*boxes)
        middle = torch.cat([part for part, _ in operands], dim=2)
        radius = torch.cat([part for _, part in operands], dim=2)
        changes[node.name] = found.change(middle, radius)
        return found.forward(middle), found.forward_size(radius) + changes[node.name]

    known = {network.nodes[0].name: (start, torch.zeros_like(start))}
    interpret(network.nodes[1:], step, known, keep=network.outputs)
    middle = torch.cat([known[name][0] for name in network.outputs], dim=2).transpose(1, 2)
    return JacobianHull(bounded, middle, maps, changes)
