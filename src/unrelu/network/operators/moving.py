"""Operators that only move numbers: reshape, permute, pad."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.network.operators.base import AffineOperator, Shape


@dataclass(frozen=True)
class Reshape(AffineOperator):
    """The same numbers, in C order, in another shape.

    Attributes:
        shape: the sample shape of the result.
    """

    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape to bring samples into."""
        if math.prod(shapes[0]) != math.prod(self.shape):
            raise ShapeError(f"a sample of shape {shapes[0]} cannot be reshaped to {self.shape}.")
        return self.shape

    def linear(self, *inputs: Tensor) -> Tensor:
        """The reshaped batch."""
        return inputs[0].reshape(inputs[0].shape[0], *self.shape)


@dataclass(frozen=True)
class Permute(AffineOperator):
    """Axes of the sample in another order.

    Attributes:
        axes: for each axis of the result, the axis of the sample that it was.
    """

    axes: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape with its axes reordered."""
        if sorted(self.axes) != list(range(len(shapes[0]))):
            raise ShapeError(f"a sample of shape {shapes[0]} has no axes {self.axes}.")
        return tuple(shapes[0][axis] for axis in self.axes)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The permuted batch."""
        return inputs[0].permute(0, *(axis + 1 for axis in self.axes))


@dataclass(frozen=True)
class Pad(AffineOperator):
    """Rows and columns added around the last axes: zeros, or copies of the sample's own numbers.

    Attributes:
        padding: (before, after) for each padded axis, the first of them first; axes at the end of the sample.
        mode: "constant" (zeros), "reflect", "replicate" or "circular".
    """

    padding: tuple[tuple[int, int], ...]
    mode: str = "constant"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The grown shape."""
        shape = shapes[0]
        if len(self.padding) > len(shape):
            raise ShapeError(f"a sample of shape {shape} has fewer axes than are to be padded.")
        first = len(shape) - len(self.padding)
        return shape[:first] + tuple(
            size + before + after for size, (before, after) in zip(shape[first:], self.padding, strict=True)
        )

    def linear(self, *inputs: Tensor) -> Tensor:
        """The padded batch."""
        sides = [side for pair in reversed(self.padding) for side in pair]
        return functional.pad(inputs[0], sides, mode=self.mode)
