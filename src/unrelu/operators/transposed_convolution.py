"""Transposed convolutions in one to three spatial dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.operators.axis_by_axis import AxisByAxis
from unrelu.operators.base import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch

_TRANSPOSED: dict[int, Callable[..., Tensor]] = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
_MOST = 2**27
"""Numbers before anything is cut off: a step or padding of millions asks for more than the result is."""

_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}


@dataclass(frozen=True, eq=False)
class TransposedConvolution(AxisByAxis):
    """The transpose of a convolution, and a bias: each number of the sample adds a filter to the result.

    Place i adds to the places `i stride - before + k dilation`, k below the kernel.

    Attributes:
        weight: (in channels, out channels / groups, *kernel) float64.
        bias: (out channels,) float64.
        stride: one number a spatial dimension.
        padding: (before, after) for each spatial dimension: places of the result that are cut off at either end; where
            it is negative, places are added that only have the bias.
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
        """The products that meet in a place, their sums, and the bias."""
        return self.terms + 1

    @property
    def terms(self) -> int:
        """The channels of a group, times the numbers of a filter that can meet in one place."""
        channels = self.weight.shape[0] // max(1, self.groups)
        taps = (
            -(-width // max(1, stride // math.gcd(stride, step)))
            for width, stride, step in zip(self.weight.shape[2:], self.stride, self.dilation, strict=True)
        )
        return channels * math.prod(taps)

    @property
    def slack(self) -> float:
        """As for a convolution, which computes it just so."""
        return 32.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """(in channels, *size) -> (out channels, *size)."""
        (shape,) = shapes
        n_axes = self.weight.ndim - 2
        counts = {len(self.stride), len(self.padding), len(self.dilation)}
        if counts != {n_axes} or n_axes not in _TRANSPOSED or len(shape) != 1 + n_axes or shape[0] != len(self.weight):
            raise ShapeError(
                f"a transposed convolution over {len(self.weight)} channels and {n_axes} spatial dimensions "
                f"cannot take a sample of shape {shape}."
            )
        channels = self.weight.shape[1] * self.groups
        fits = self.groups > 0 and len(self.weight) % self.groups == 0 and self.bias.shape == (channels,)
        if not fits or min(*self.stride, *self.dilation) < 1 or not self.weight.numel():
            raise ShapeError(f"a transposed convolution has filters {tuple(self.weight.shape)} that do not fit.")
        whole = self._whole(shape[1:])
        sizes = tuple(size - sum(cut) for size, cut in zip(whole, self.padding, strict=True))
        if min(sizes) < 1 or channels * math.prod(whole) > _MOST:
            raise ShapeError(f"a transposed convolution leaves nothing, or far too much, of a sample of shape {shape}.")
        return (channels, *sizes)

    def linear(self, *inputs: Tensor) -> Tensor:
        """Without the bias."""
        (x,) = inputs
        # output_padding is what is cut off less at the end, and less than a step for PyTorch
        more = [before - after for before, after in self.padding]
        if all(
            before >= 0 and 0 <= extra < max(stride, step)
            for (before, _), extra, stride, step in zip(self.padding, more, self.stride, self.dilation, strict=True)
        ):
            return self._spread(x, [before for before, _ in self.padding], more)
        return functional.pad(self._spread(x, 0, 0), [-side for pair in reversed(self.padding) for side in pair])

    def apply(self, *inputs: Tensor) -> Tensor:
        """With the bias."""
        return self.linear(*inputs) + self.bias.reshape(-1, *[1] * len(self.stride))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The convolution."""
        whole = functional.pad(cotangents, [side for pair in reversed(self.padding) for side in pair])
        return [_CONVOLUTIONS[len(self.stride)](whole, self.weight, None, self.stride, 0, self.dilation, self.groups)]

    def absolute(self) -> TransposedConvolution:
        """With the magnitudes of its filters and biases."""
        return replace(self, weight=torch.abs(self.weight), bias=torch.abs(self.bias))

    def places(self, shape: Shape) -> tuple[NDArray[np.int64] | None, ...] | None:
        """Those that add to each place."""
        tables: list[NDArray[np.int64] | None] = []
        numbers = zip(shape[1:], self.weight.shape[2:], self.stride, self.padding, self.dilation, strict=True)
        for size, width, stride, (before, _), step in numbers:
            shifted = np.arange(size)[:, None] + before - step * np.arange(width)
            tables.append(np.where(shifted % stride == 0, shifted // stride, -1))
        return tuple(tables)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """What the patch adds, cut to the extent."""
        (patch,) = operands
        added = self._spread(patch.values, 0, 0)
        sides: list[int] = []
        for k, (first, last) in enumerate(zip(extent.starts, extent.stops, strict=True)):
            begin = patch.extent.starts[k] * self.stride[k] - self.padding[k][0]
            end = begin + added.shape[2 + k]
            if end <= first or last <= begin:  # it was cut off
                return patch.values.new_zeros(len(added), shape[0], *extent.sizes)
            sides = [begin - first, last - end, *sides]
        return functional.pad(added, sides)

    def _spread(self, x: Tensor, padding: int | list[int], more: int | list[int]) -> Tensor:
        transpose = _TRANSPOSED[len(self.stride)]
        return transpose(x, self.weight, None, self.stride, padding, more, self.groups, self.dilation)

    def _whole(self, sizes: Sequence[int]) -> tuple[int, ...]:
        """The size before anything is cut off."""
        numbers = zip(sizes, self.weight.shape[2:], self.stride, self.dilation, strict=True)
        return tuple((size - 1) * stride + step * (width - 1) + 1 for size, width, stride, step in numbers)
