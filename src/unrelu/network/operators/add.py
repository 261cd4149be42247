"""The sum of several nodes."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.network.operators.base import AffineOperator, Shape


@dataclass(frozen=True)
class Add(AffineOperator):
    """`(x, y) -> x + y` for two samples of the same shape."""

    exact_on_units = False
    roundings = 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """The common shape."""
        first, second = shapes
        if first != second:
            raise ShapeError(f"samples of shapes {first} and {second} cannot be added.")
        return first

    def linear(self, *inputs: Tensor) -> Tensor:
        """The sums."""
        return inputs[0] + inputs[1]
