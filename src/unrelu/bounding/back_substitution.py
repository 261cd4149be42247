"""The backward arithmetic of linear bounds: a function of a node, rewritten as one of the nodes it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators.affine import AffineOperator
    from unrelu.operators.relaxation import Relaxation


@dataclass(frozen=True, eq=False)
class Coefficients:
    """What k lower and k upper bounds take of one node, on n boxes.

    Attributes:
        values: (2, n, k, size) float64, the lower bounds first.
        errors: the same shape: how far each may be from the coefficient that is meant.
    """

    values: Tensor
    errors: Tensor

    @classmethod
    def of_units(cls, units: Tensor, n: int) -> Coefficients:
        """The same k rows (k, size) below and above, and on all boxes."""
        values = units.expand(2, n, *units.shape)
        return cls(values, torch.zeros(1, 1, 1, 1, dtype=units.dtype, device=units.device).expand_as(values))

    @classmethod
    def zeros(cls, n: int, k: int, size: int, device: torch.device) -> Coefficients:
        """Of a node that nothing depends on."""
        nothing = torch.zeros(2, n, k, size, dtype=torch.float64, device=device)
        return cls(nothing, nothing)

    def plus(self, other: Coefficients) -> Coefficients:
        """Both together, of one node."""
        values = self.values + other.values
        return Coefficients(values, (self.errors + other.errors) * (1 + 4 * UNIT) + UNIT * values.abs() + UNDERFLOW)


class BackSubstitution:
    """Rewrites bounds node by node, backward, and collects their constants.

    Attributes:
        offsets: (2, n, k) float64, the constants so far.
        errors: the same shape: how far they may be off.
    """

    def __init__(self, network: Network, relaxations: Mapping[str, Relaxation], n: int, k: int) -> None:
        """Begin with constants of 0.

        Args:
            network: whose nodes they are.
            relaxations: by the name of each piecewise linear node.
            n: number of boxes.
            k: number of bounds.
        """
        self._network = network
        self._relaxations = relaxations
        self.offsets = torch.zeros(2, n, k, dtype=torch.float64, device=network.device)
        self.errors = torch.zeros_like(self.offsets)

    def step(self, node: Node, arrived: Coefficients) -> list[Coefficients]:
        """From the coefficients of a node to those of the nodes it takes.

        Raises:
            UnsupportedOperator: if it is smooth.
        """
        if node.is_affine:
            return self._affine(node, node.affine, arrived)
        return self._relaxed(node, self._relaxations[node.name], arrived)

    def _affine(self, node: Node, operator: AffineOperator, arrived: Coefficients) -> list[Coefficients]:
        shapes = [self._network.node(name).shape for name in node.inputs]
        lead = arrived.values.shape[:3]
        size = operator.absolute()
        zeros = [torch.zeros(1, *shape, dtype=torch.float64, device=self._network.device) for shape in shapes]
        constant, largest = operator.apply(*zeros).reshape(-1), size.apply(*zeros).reshape(-1)
        if bool((largest != 0).any()):
            g = gamma(len(constant) + operator.roundings + 4)
            taken = (arrived.values.abs() + arrived.errors) @ largest
            self._add(arrived.values @ constant, g * taken + arrived.errors @ largest)
        flat = arrived.values.reshape(-1, *node.shape)
        doubt = arrived.errors.reshape(-1, *node.shape)
        values = operator.adjoint(flat, shapes)
        if operator.roundings == 0 and not bool(doubt.any()):
            # Numbers are moved; where several go back to one place, they are added.
            g = gamma(2 + max(1, math.prod(node.shape)))
            errors = [g * part for part in size.adjoint(flat.abs(), shapes)]
        else:
            g = gamma(operator.roundings + math.prod(node.shape) + 4)
            errors = size.adjoint(doubt * (1 + g) + g * flat.abs() + UNDERFLOW, shapes)
        g = gamma(operator.roundings + math.prod(node.shape) + 4)
        return [
            Coefficients(part.reshape(*lead, -1), (error * (1 + 2 * g)).reshape(*lead, -1))
            for part, error in zip(values, errors, strict=True)
        ]

    def _relaxed(self, node: Node, lines: Relaxation, arrived: Coefficients) -> list[Coefficients]:
        sizes = [math.prod(self._network.node(name).shape) for name in node.inputs]
        A = arrived.values
        below = torch.cat([A[:1] >= 0, A[1:] < 0])  # where the lower line is the one that counts
        slopes = torch.where(below, lines.lower_slopes[:, None], lines.upper_slopes[:, None])
        offsets = torch.where(below, lines.lower_offsets[:, None], lines.upper_offsets[:, None])
        g = gamma(A.shape[3] + 4)
        # A coefficient that may be of the other sign takes what both lines differ by, which its error pays for:
        # h lies between the lines, so |error| times the largest magnitude of either is enough.
        widest_slope = torch.maximum(lines.lower_slopes.abs(), lines.upper_slopes.abs())[:, None]
        widest_offset = torch.maximum(lines.lower_offsets.abs(), lines.upper_offsets.abs())[:, None]
        product = A * slopes
        errors = arrived.errors * widest_slope * (1 + 4 * UNIT) + UNIT * product.abs() + UNDERFLOW
        size = A.abs() * offsets.abs()
        self._add((A * offsets).sum(dim=3), g * size.sum(dim=3) + (1 + g) * (arrived.errors * widest_offset).sum(dim=3))
        if lines.lower_coordinates is None and lines.upper_coordinates is None:
            return [Coefficients(product, errors)]
        own = torch.arange(A.shape[3], device=A.device)[None]
        low = own if lines.lower_coordinates is None else lines.lower_coordinates
        high = own if lines.upper_coordinates is None else lines.upper_coordinates
        places = torch.where(below, low[:, None], high[:, None]).expand_as(A)
        whole = A.new_zeros(*A.shape[:3], sum(sizes))
        values = whole.scatter_add(3, places, product)
        spread = whole.scatter_add(3, places, errors * (1 + g) + g * product.abs())
        # What is not followed on its own line may be of the other one.
        other = torch.where(below, high[:, None], low[:, None]).expand_as(A)
        apart = torch.where(other == places, 0.0, errors)
        spread = spread.scatter_add(3, other, apart * (1 + g))
        return [
            Coefficients(value, error)
            for value, error in zip(values.split(sizes, dim=3), (spread * (1 + g)).split(sizes, dim=3), strict=True)
        ]

    def _add(self, offsets: Tensor, errors: Tensor) -> None:
        self.offsets = self.offsets + offsets
        self.errors = (self.errors + errors) * (1 + 4 * UNIT) + UNIT * self.offsets.abs() + UNDERFLOW
