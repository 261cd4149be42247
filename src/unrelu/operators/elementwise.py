"""Elementwise affine maps: constants added, multiplied and divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.broadcasting import fitting
from unrelu.operators.windows import Windows

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch


@dataclass(frozen=True, eq=False)
class Elementwise(AffineOperator):
    """`x -> factor * x + offset`, both broadcast to the sample shape.

    Attributes:
        factor: float64, of a shape that broadcasts to the sample's.
        offset: the same.
    """

    factor: Tensor
    offset: Tensor

    @property
    def is_scaling(self) -> bool:
        """It is."""
        return True

    @property
    def roundings(self) -> int:
        """The product and the sum."""
        return 2

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        return fitting(shapes[0], self.factor, self.offset)

    def linear(self, *inputs: Tensor) -> Tensor:
        """`factor * x`."""
        return inputs[0] * self.factor

    def apply(self, *inputs: Tensor) -> Tensor:
        """`factor * x + offset`."""
        return inputs[0] * self.factor + self.offset

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """`factor * x`."""
        return operands[0].values * operands[0].of_constant(self.factor)

    def absolute(self) -> Elementwise:
        """`x -> |factor| * x + |offset|`."""
        return Elementwise(torch.abs(self.factor), torch.abs(self.offset))


@dataclass(frozen=True, eq=False)
class Quotient(AffineOperator):
    """`x -> x / divisor`; kept as a division because one over the divisor would be rounded.

    Attributes:
        divisor: float64, nowhere zero, of a shape that broadcasts to the sample's.
    """

    divisor: Tensor

    @property
    def is_scaling(self) -> bool:
        """It is."""
        return True

    @property
    def roundings(self) -> int:
        """The division, or one over the divisor and the product with it."""
        return 2

    @property
    def exact_on_units(self) -> bool:
        """One over the divisor is rounded."""
        return False

    def divisors(self, weights: Tensor) -> Tensor:
        """The divisor itself."""
        return self.divisor.expand(weights.shape)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        return fitting(shapes[0], self.divisor)

    def linear(self, *inputs: Tensor) -> Tensor:
        """`x / divisor`."""
        return inputs[0] / self.divisor

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """`x / divisor`."""
        return operands[0].values / operands[0].of_constant(self.divisor)

    def absolute(self) -> Quotient:
        """`x -> x / |divisor|`."""
        return Quotient(torch.abs(self.divisor))
