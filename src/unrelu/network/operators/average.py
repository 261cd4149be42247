"""Average pooling."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.network.operators.base import AffineOperator, Shape


@dataclass(frozen=True)
class AveragePool(AffineOperator):
    """Means over windows of two spatial dimensions.

    Attributes:
        kernel: height and width of a window.
        stride: steps between windows.
        padding: zeros on both sides, height and width.
        ceil_mode: whether windows may run over the edge.
        count_padding: whether padded zeros count in the mean.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    ceil_mode: bool = False
    count_padding: bool = True

    exact_on_units = False

    @property
    def roundings(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The sum over a window, the rounded divisor and the division."""
        return math.prod(self.kernel) + 2

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, height, width) -> (channels, smaller height, smaller width)."""
        (shape,) = shapes
        if len(shape) != 3:
            raise ShapeError(f"average pooling takes samples (channels, height, width), not {shape}.")
        return tuple(self.linear(torch.empty(1, *shape, device="meta")).shape[1:])

    def linear(self, *inputs: Tensor) -> Tensor:
        """The means."""
        return functional.avg_pool2d(
            inputs[0], self.kernel, self.stride, self.padding, self.ceil_mode, self.count_padding
        )


@dataclass(frozen=True)
class AdaptiveAveragePool(AffineOperator):
    """Means over windows that divide the picture into a given number of (overlapping) parts.

    Attributes:
        size: height and width of the result.
    """

    size: tuple[int, int]

    exact_on_units = False
    roundings = 1 << 20  # windows are not larger than any picture worth pooling

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, height, width) -> (channels, *size)."""
        (shape,) = shapes
        if len(shape) != 3:
            raise ShapeError(f"average pooling takes samples (channels, height, width), not {shape}.")
        return (shape[0], *self.size)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The means."""
        return functional.adaptive_avg_pool2d(inputs[0], self.size)
