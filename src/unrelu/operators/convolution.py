"""Convolutions in one to three spatial dimensions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.operators.base import AffineOperator, Shape

_CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


@dataclass(frozen=True, eq=False)
class Convolution(AffineOperator):
    """A convolution with zero padding, possibly different on both sides.

    Attributes:
        weight: (out channels, in channels / groups, *kernel) float64.
        bias: (out channels,) float64.
        stride: one number a spatial dimension.
        padding: (before, after) for each spatial dimension.
        dilation: one number a spatial dimension.
        groups: number of groups of channels.
    """

    weight: Tensor
    bias: Tensor
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    @property
    def roundings(self) -> int:
        """One product and sum for each number of a filter, and the bias."""
        return math.prod(self.weight.shape[1:]) + 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """(in channels, *size) -> (out channels, *size)."""
        (shape,) = shapes
        kernel = tuple(self.weight.shape[2:])
        channels = self.weight.shape[1] * self.groups
        if len(shape) != 1 + len(kernel) or shape[0] != channels:
            raise ShapeError(
                f"a convolution over {channels} channels and {len(kernel)} spatial dimensions "
                f"cannot take a sample of shape {shape}."
            )
        sizes = tuple(
            (size + sum(pad) - step * (width - 1) - 1) // stride + 1
            for size, pad, step, width, stride in zip(
                shape[1:], self.padding, self.dilation, kernel, self.stride, strict=True
            )
        )
        if min(sizes) < 1:
            raise ShapeError(f"a sample of shape {shape} is smaller than the kernel {kernel} of a convolution.")
        return (self.weight.shape[0], *sizes)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The convolution without its bias."""
        return self._convolve(inputs[0], None)

    def apply(self, *inputs: Tensor) -> Tensor:
        """The convolution with its bias."""
        return self._convolve(inputs[0], self.bias)

    def _convolve(self, x: Tensor, bias: Tensor | None) -> Tensor:
        convolve = _CONVOLUTIONS[self.weight.ndim - 2]
        if all(before == after for before, after in self.padding):
            padding = tuple(before for before, _ in self.padding)
        else:
            x = functional.pad(x, [side for pair in reversed(self.padding) for side in pair])
            padding = 0
        return convolve(x, self.weight, bias, self.stride, padding, self.dilation, self.groups)

    def absolute(self) -> Convolution:
        """The convolution with the magnitudes of its filters and biases."""
        return replace(self, weight=torch.abs(self.weight), bias=torch.abs(self.bias))
