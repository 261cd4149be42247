"""Directional derivatives of a node along several directions of the input, and how operators carry them on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from unrelu.errors import UnsupportedOperator
from unrelu.operators import AffineOperator, Dense, Reshape

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.node import Node
    from unrelu.operators import Shape
    from unrelu.stability.pattern import ActivationPattern


@dataclass(frozen=True, eq=False)
class Tangents:
    """Derivatives `(J Q)'` of one node's value along the r columns of Q, the rows that a ReLU removed left out.

    Attributes:
        values: (r, k) float64: for each direction the derivative of the k coordinates that are kept.
        shape: sample shape of the node, m coordinates.
        support: (k,) int64, the kept coordinates (C order), ascending; None if all m are. All others have
            derivative 0.
    """

    values: Tensor
    shape: Shape
    support: Tensor | None = None

    @property
    def n_directions(self) -> int:
        """The number of directions, r."""
        return self.values.shape[0]

    def full(self) -> Tensor:
        """(r, m): with the removed coordinates as zeros."""
        if self.support is None:
            return self.values
        whole = self.values.new_zeros(self.values.shape[0], math.prod(self.shape))
        return whole.index_copy_(1, self.support, self.values)

    def squares(self) -> Tensor:
        """(m,): for each coordinate the sum of its squared derivatives."""
        return self._whole(self.values.square().sum(dim=0))

    def magnitudes(self) -> Tensor:
        """(m,): for each coordinate the sum of the magnitudes of its derivatives."""
        return self._whole(self.values.abs().sum(dim=0))

    def _whole(self, sums: Tensor) -> Tensor:
        if self.support is None:
            return sums
        return sums.new_zeros(math.prod(self.shape)).index_copy_(0, self.support, sums)

    def batch(self) -> Tensor:
        """(r, *shape): as a batch of samples."""
        return self.full().reshape(self.n_directions, *self.shape)

    def directions(self, start: int, stop: int) -> Tangents:
        """Those of directions `start` up to `stop`."""
        return replace(self, values=self.values[start:stop])

    def only(self, coordinates: Tensor) -> Tangents:
        """Those of these coordinates (int64, ascending, C order), the others taken for 0."""
        if self.support is None:
            return Tangents(self.values.index_select(1, coordinates), self.shape, coordinates)
        kept = torch.isin(self.support, coordinates)
        return Tangents(self.values[:, kept], self.shape, self.support[kept])

    def through_max_pool(self, selected: Tensor, shape: Shape) -> Tangents:
        """Behind a max pooling that selects these coordinates (int64, one for each of its own, C order)."""
        if self.support is None:
            return Tangents(self.values.index_select(1, selected), shape)
        column = self.support.new_full((math.prod(self.shape),), -1)
        column[self.support] = torch.arange(len(self.support), device=self.support.device)
        chosen = column[selected]
        kept = (chosen >= 0).nonzero().reshape(-1)
        return Tangents(self.values.index_select(1, chosen[kept]), shape, kept)

    def through_relu(self, active: Tensor) -> Tangents:
        """Behind a ReLU whose active neurons are these (int64, ascending, C order)."""
        return Tangents(self.full().index_select(1, active), self.shape, active)


def unit_tangents(coordinates: Tensor, shape: Shape, device: torch.device) -> Tangents:
    """Those of the input itself along these of its coordinates (int64)."""
    values = torch.zeros(len(coordinates), math.prod(shape), dtype=torch.float64, device=device)
    values[torch.arange(len(coordinates), device=device), coordinates] = 1.0
    return Tangents(values, shape)


def carry(node: Node, operands: Sequence[Tangents], pattern: ActivationPattern) -> Tangents:
    """The tangents of a node from those of the nodes it takes.

    A ReLU drops its inactive coordinates; a max pooling takes those it selects; an affine operator applies
    its linear part, to the kept coordinates alone where the operator is dense.

    Raises:
        UnsupportedOperator: if the node is neither affine, a ReLU nor a max pooling.
    """
    operator = node.operator
    if node.is_relu:
        return operands[0].through_relu(active_coordinates(node.name, pattern, operands[0].values.device))
    if node.is_max_pool:
        selected = selected_coordinates(node.name, pattern, operands[0].values.device)
        return operands[0].through_max_pool(selected, node.shape)
    if not isinstance(operator, AffineOperator):
        raise not_linear(node)
    first = operands[0]
    if isinstance(operator, Reshape):
        return replace(first, shape=node.shape)
    if isinstance(operator, Dense) and first.support is not None and len(first.shape) == 1:
        return Tangents(functional.linear(first.values, operator.weight.index_select(1, first.support)), node.shape)
    result = operator.linear(*(operand.batch() for operand in operands))
    return Tangents(result.reshape(result.shape[0], -1), node.shape)


def not_linear(node: Node) -> UnsupportedOperator:
    """The error for a node that is neither affine, a ReLU nor a max pooling."""
    return UnsupportedOperator(
        f"node {node.name!r} ({type(node.operator).__name__}) is neither affine, a ReLU nor a max pooling, so it has "
        "no linearization; ask about a prefix that ends before it."
    )


def selected_coordinates(pool: str, pattern: ActivationPattern, device: torch.device) -> Tensor:
    """The coordinate that each one of a max pooling selects from its operand (both in C order)."""
    return torch.from_numpy(pattern.selection(pool).reshape(-1).copy()).to(device)


def active_coordinates(layer: str, pattern: ActivationPattern, device: torch.device) -> Tensor:
    """Indices of the active neurons of a ReLU layer in C order, ascending."""
    mask = torch.from_numpy(pattern.active(layer).reshape(-1).copy()).to(device)
    return mask.nonzero().reshape(-1)
