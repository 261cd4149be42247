"""Normalisation by a sample's own mean and variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.base import Shape
from unrelu.operators.broadcasting import fitting
from unrelu.operators.smooth import ROUNDINGS, Smooth
from unrelu.rigor.rounding import UNIT


@dataclass(frozen=True, eq=False)
class LayerNorm(Smooth):
    """`x -> (x - mean) / sqrt(variance + epsilon) * weight + bias`, mean and variance over some axes of the sample.

    Attributes:
        axes: of the sample, ascending.
        weight: float64, of a shape that broadcasts to the sample's.
        bias: the same.
        epsilon: added to the variance.
    """

    axes: tuple[int, ...]
    weight: Tensor
    bias: Tensor
    epsilon: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        (shape,) = shapes
        if not self.axes or not all(0 <= axis < len(shape) for axis in self.axes):
            raise ShapeError(f"layer norm over the axes {self.axes} cannot take a sample of shape {shape}.")
        return fitting(shape, self.weight, self.bias)

    def apply(self, *inputs: Tensor) -> Tensor:
        """The normalised batch."""
        return self._normalised(inputs[0]) * self.weight + self.bias

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """What rounding makes of the mean and the variance, and twice the largest error over the deviation."""
        (x,), (e,) = values, errors
        places = tuple(axis + 1 for axis in self.axes)
        count = math.prod(x.shape[place] for place in places)
        deviation = torch.sqrt(x.var(dim=places, keepdim=True, correction=0) + self.epsilon)
        largest = x.abs().amax(dim=places, keepdim=True) / deviation
        normalised = self._normalised(x).abs()
        moved = 2 * e.amax(dim=places, keepdim=True) / deviation * (1 + normalised)
        rounded = (ROUNDINGS + count) * unit * (1 + largest) * (1 + normalised)
        return self.weight.abs() * (moved + rounded) + ROUNDINGS * unit * self.bias.abs()

    def _normalised(self, x: Tensor) -> Tensor:
        places = tuple(axis + 1 for axis in self.axes)
        centred = x - x.mean(dim=places, keepdim=True)
        return centred / torch.sqrt(centred.square().mean(dim=places, keepdim=True) + self.epsilon)


@dataclass(frozen=True, eq=False)
class GroupNorm(Smooth):
    """`LayerNorm` over groups of channels (axis 0 of the sample) and all places.

    Attributes:
        groups: their number, which divides that of the channels.
        weight: (c,) float64.
        bias: (c,) float64.
        epsilon: added to the variance.
    """

    groups: int
    weight: Tensor
    bias: Tensor
    epsilon: float

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        (shape,) = shapes
        if not shape or shape[0] != len(self.weight) or self.groups < 1 or shape[0] % self.groups:
            raise ShapeError(f"group norm of {self.groups} groups cannot take a sample of shape {shape}.")
        return shape

    def apply(self, *inputs: Tensor) -> Tensor:
        """The normalised batch."""
        x = inputs[0]
        return self._inner(x).apply(self._grouped(x)).reshape(x.shape)

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """That of the layer norm of each group."""
        x = values[0]
        return self._inner(x).error([self._grouped(x)], [self._grouped(errors[0])], unit).reshape(x.shape)

    def _grouped(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], self.groups, x.shape[1] // self.groups, *x.shape[2:])

    def _inner(self, x: Tensor) -> LayerNorm:
        shape = (self.groups, x.shape[1] // self.groups, *[1] * (x.ndim - 2))
        axes = tuple(range(1, x.ndim))
        return LayerNorm(axes, self.weight.reshape(shape), self.bias.reshape(shape), self.epsilon)
