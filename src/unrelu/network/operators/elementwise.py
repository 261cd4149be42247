"""Elementwise affine maps: constants added and multiplied, normalisation, batch norm."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.network.operators.base import AffineOperator, Shape


@dataclass(frozen=True, eq=False)
class Elementwise(AffineOperator):
    """`x -> factor * x + offset`, both broadcast to the sample shape.

    Attributes:
        factor: float64, of a shape that broadcasts to the sample's.
        offset: the same.
    """

    factor: Tensor
    offset: Tensor

    roundings = 2

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        (shape,) = shapes
        for constant in (self.factor, self.offset):
            try:
                fits = torch.broadcast_shapes(shape, constant.shape) == torch.Size(shape)
            except RuntimeError:
                fits = False
            if not fits:
                raise ShapeError(
                    f"a constant of shape {tuple(constant.shape)} does not broadcast to a sample of shape {shape}."
                )
        return shape

    def linear(self, *inputs: Tensor) -> Tensor:
        """`factor * x`."""
        return inputs[0] * self.factor

    def apply(self, *inputs: Tensor) -> Tensor:
        """`factor * x + offset`."""
        return inputs[0] * self.factor + self.offset

    def absolute(self) -> Elementwise:
        """`x -> |factor| * x + |offset|`."""
        return Elementwise(torch.abs(self.factor), torch.abs(self.offset))

    def tensors(self) -> tuple[Tensor, ...]:
        """Factor and offset."""
        return (self.factor, self.offset)
