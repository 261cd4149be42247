"""Convolutions in one to three spatial dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional, grad

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.windows import Windows

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch

_INPUT_GRADIENTS: dict[int, Callable[..., Tensor]] = {1: grad.conv1d_input, 2: grad.conv2d_input, 3: grad.conv3d_input}
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

    @property
    def terms(self) -> int:
        """One for each number of a filter."""
        return self.weight[0].numel()

    @property
    def slack(self) -> float:
        """What a convolution by transforms (Winograd, FFT) may err beyond the plain one.

        Winograd's F(4x4, 3x3) loses about one decimal digit against the plain sum (Lavin and Gray, Fast Algorithms for
        Convolutional Neural Networks, 2016; Barabasz et al., Error Analysis and Improving the Accuracy of Winograd
        Convolution, 2020); its errors, and those of an FFT, are small against the largest numbers of a channel, not
        against each number.
        """
        return 32.0

    def windows(self, n_axes: int) -> Windows | None:
        """Those of the filters."""
        if n_axes != len(self.stride):
            return None
        before = tuple(pair[0] for pair in self.padding)
        return Windows(self.stride, before, tuple(self.weight.shape[2:]), self.dilation)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The convolution of what lies under the windows."""
        windows = self.windows(len(shape) - 1)
        assert windows is not None
        bare = replace(self, padding=((0, 0),) * len(self.stride))
        return bare.linear(operands[0].under(windows, extent))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The transposed convolution, on the padded sample where its padding differs on both sides."""
        (shape,) = shapes
        even = all(before == after for before, after in self.padding)
        padded = [size if even else size + sum(pair) for size, pair in zip(shape[1:], self.padding, strict=True)]
        back = _INPUT_GRADIENTS[len(self.padding)](
            (len(cotangents), shape[0], *padded),
            self.weight,
            cotangents,
            self.stride,
            tuple(before if even else 0 for before, _ in self.padding),
            self.dilation,
            self.groups,
        )
        return [back if even else functional.pad(back, [-side for pair in reversed(self.padding) for side in pair])]

    def absolute(self) -> Convolution:
        """The convolution with the magnitudes of its filters and biases."""
        return replace(self, weight=torch.abs(self.weight), bias=torch.abs(self.bias))
