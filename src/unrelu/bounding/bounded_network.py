"""A network on a box, with all that bounds on smaller boxes inside it need again and again."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.twins import twins
from unrelu.network.interpreter import interpret
from unrelu.rigor.rounding import UNDERFLOW, gamma

if TYPE_CHECKING:
    from unrelu.bounding.row_bounds import RowBounds
    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators.affine import AffineOperator


@dataclass(frozen=True, eq=False)
class AffinePart:
    """What the bounds of rounding at an affine node need.

    Attributes:
        constant: (size,) its value where all operands are 0.
        has_constant: whether any of it is not 0.
        absolute: the operator with its numbers replaced by their magnitudes.
        loss: (size,) what a row of ones loses at each number to rounding, `gamma (|L| |z| + |c|)`, and to underflow.
        lost: what underflow can take whatever the row is.
    """

    constant: Tensor
    has_constant: bool
    absolute: AffineOperator
    loss: Tensor
    lost: float


@dataclass(frozen=True, eq=False)
class BoundedNetwork:
    """A piecewise linear network on a box; the magnitudes that its numbers have there bound what rounding can do.

    The numbers that pieces are told apart by are those which nodes that are not affine take (*feeds*), joined in the
    order of `feeds`: U of them.

    Attributes:
        network: with any graph; several outputs are joined.
        magnitudes: by node, (size,) float64, at least the magnitude of each number anywhere on the box.
        affine: by affine node.
        rows: by node before which there is no kink, those of its numbers and then of their negatives, where kept.
    """

    network: Network
    magnitudes: dict[str, Tensor] = field(default_factory=dict)
    affine: dict[str, AffinePart] = field(default_factory=dict)
    rows: dict[str, RowBounds] = field(default_factory=dict)

    @cached_property
    def feeds(self) -> tuple[str, ...]:
        """Names of the nodes that nodes which are not affine take, in order."""
        found: dict[str, None] = {}
        for node in self.network.nodes[1:]:
            if not node.is_affine:
                found.update(dict.fromkeys(node.inputs))
        return tuple(found)

    @cached_property
    def spans(self) -> dict[str, slice]:
        """Where each feed's numbers are among all U."""
        spans, start = {}, 0
        for name in self.feeds:
            size = math.prod(self.network.node(name).shape)
            spans[name] = slice(start, start + size)
            start += size
        return spans

    @cached_property
    def n_units(self) -> int:
        """U."""
        return max((span.stop for span in self.spans.values()), default=0)

    @cached_property
    def twins(self) -> dict[int, tuple[tuple[int, float], ...]]:
        """By number of those that units are fed: its exact multiples, with the sign of the factor."""
        return twins(self)

    @cached_property
    def _behind(self) -> dict[str, list[Node]]:
        return {}

    def nodes_of(self, names: tuple[str, ...]) -> list[Node]:
        """The nodes that some nodes depend on, these included, the input not."""
        key = " ".join(names)
        if key not in self._behind:
            needed = self.network.ancestors(names)
            self._behind[key] = [node for node in self.network.nodes[1:] if node.name in needed]
        return self._behind[key]

    def is_affine(self, name: str) -> bool:
        """Whether all nodes that a node depends on are affine, and it is itself."""
        return all(node.is_affine for node in self.nodes_of((name,)))

    def learn(self, name: str, low: Tensor, high: Tensor) -> None:
        """Take the magnitudes of a node from its bounds on the whole box, (n, size) float64, unless they are known."""
        if name not in self.magnitudes:
            self.magnitudes[name] = torch.maximum(low.abs(), high.abs()).reshape(len(low), -1).amax(dim=0)

    def affine_part(self, node: Node) -> AffinePart:
        """What bounds of rounding need of an affine node whose operands' magnitudes are known."""
        if node.name not in self.affine:
            operator = node.affine
            shapes = [self.network.node(name).shape for name in node.inputs]
            zeros = [torch.zeros(1, *shape, dtype=torch.float64, device=self.network.device) for shape in shapes]
            absolute = operator.absolute()
            taken = [self.magnitudes[name] for name in node.inputs]
            values = [part.reshape(1, *shape) for part, shape in zip(taken, shapes, strict=True)]
            terms = operator.roundings + math.prod(node.shape) + 8
            size = absolute.apply(*values).reshape(-1) * (1 + 4 * gamma(terms)) + terms * UNDERFLOW
            # A row times the matrix is a sum over at most all numbers of the node, each a product that may underflow.
            reach = 1 + float(size.sum()) + sum(float(part.sum()) for part in taken)
            lost = 2 * terms * UNDERFLOW * reach
            constant = operator.apply(*zeros).reshape(-1)
            loss = gamma(terms) * (1 + 4 * gamma(terms)) * size + lost
            self.affine[node.name] = AffinePart(constant, bool(constant.any()), absolute, loss, lost)
        return self.affine[node.name]

    @cached_property
    def forward_error(self) -> Tensor:
        """(m,) float64: no output that is computed in float64 is farther from the exact one, anywhere on the box."""
        entry = self.network.nodes[0]
        none = torch.zeros(1, *entry.shape, dtype=torch.float64, device=self.network.device)

        def step(node: Node, operands: list[Tensor]) -> Tensor:
            values = [
                self.magnitudes[name].reshape(1, *self.network.node(name).shape) * (1 + 2.0**-20) + part
                for name, part in zip(node.inputs, operands, strict=True)
            ]
            operator = node.affine if node.is_affine else node.piecewise
            return operator.error(values, operands)

        known = interpret(self.network.nodes[1:], step, {entry.name: none}, keep=self.network.outputs)
        return torch.cat([known[name].reshape(-1) for name in self.network.outputs])

    @cached_property
    def steepest(self) -> Tensor:
        """(m, d) float64, at least the sum over all paths from each input to each output of the magnitudes of slopes.

        Whatever branches units take, no Jacobian has larger entries, and what is computed of one errs by at most
        `tangent_rounding` of it.
        """
        d, device = self.network.input_size, self.network.device
        entry = self.network.nodes[0]
        start = torch.eye(d, dtype=torch.float64, device=device).reshape(d, *entry.shape)

        def step(node: Node, operands: list[Tensor]) -> Tensor:
            if node.is_affine:
                return node.affine.absolute().linear(*operands)
            return node.piecewise.error([torch.zeros_like(part) for part in operands], operands)

        known = interpret(self.network.nodes[1:], step, {entry.name: start}, keep=self.network.outputs)
        found = torch.cat([known[name].reshape(d, -1) for name in self.network.outputs], dim=1)
        return found.T * (1 + self.tangent_rounding) + UNDERFLOW

    @cached_property
    def tangent_rounding(self) -> float:
        """What products of all slopes on the way lose, forward, backward, and in all that is added up on the way."""
        total = sum(
            (node.affine.roundings if node.is_affine else 4) + math.prod(node.shape) + 8
            for node in self.network.nodes[1:]
        )
        return (4 * len(self.network.nodes) + 8) * gamma(total + 2 * self.network.input_size)
