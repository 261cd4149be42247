"""Softmax and its logarithm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.base import Shape
from unrelu.operators.smooth import ROUNDINGS, Smooth
from unrelu.rigor.rounding import UNIT


@dataclass(frozen=True, eq=False)
class Softmax(Smooth):
    """`x -> exp(x_i) / sum_j exp(x_j)` along an axis.

    Attributes:
        axis: of the sample.
    """

    axis: int

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        if not 0 <= self.axis < len(shapes[0]):
            raise ShapeError(f"a sample of shape {shapes[0]} has no axis {self.axis}.")
        return shapes[0]

    def apply(self, *inputs: Tensor) -> Tensor:
        """The shares."""
        return torch.softmax(inputs[0], dim=self.axis + 1)

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """`sum_j |d s_i / d x_j| = 2 s_i (1 - s_i) <= 1/2`."""
        n = values[0].shape[self.axis + 1]
        largest = errors[0].amax(dim=self.axis + 1, keepdim=True).expand_as(values[0])
        size = 1.0 + values[0].abs().amax(dim=self.axis + 1, keepdim=True)
        return largest / 2 + (ROUNDINGS + n) * unit * size


@dataclass(frozen=True, eq=False)
class LogSoftmax(Softmax):
    """`x -> x_i - log sum_j exp(x_j)` along an axis."""

    def apply(self, *inputs: Tensor) -> Tensor:
        """The logarithms of the shares."""
        return torch.log_softmax(inputs[0], dim=self.axis + 1)

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """`sum_j |d l_i / d x_j| = 2 (1 - s_i) <= 2`."""
        return 4 * super().error(values, errors, unit)
