"""Means over windows and axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.reduced import without_axes
from unrelu.operators.windows import Windows

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch

_POOLS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}
_ADAPTIVE_POOLS = {
    1: functional.adaptive_avg_pool1d,
    2: functional.adaptive_avg_pool2d,
    3: functional.adaptive_avg_pool3d,
}


@dataclass(frozen=True, eq=False)
class _Averaging(AffineOperator):
    @property
    def exact_on_units(self) -> bool:
        """One over the size of a window is rounded."""
        return False

    def divisors(self, weights: Tensor) -> Tensor:
        """The numbers of summands, or of places of a window."""
        return torch.round(1 / weights)


@dataclass(frozen=True, eq=False)
class AveragePool(_Averaging):
    """Means over windows of one to three spatial dimensions.

    Attributes:
        kernel: size of a window, one number a spatial dimension.
        stride: steps between windows.
        padding: (before, after) zeros for each spatial dimension.
        ceil_mode: whether windows may run over the edge.
        count_padding: whether padded zeros count in the mean.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    ceil_mode: bool = False
    count_padding: bool = True

    @property
    def roundings(self) -> int:
        """The sum over a window, and the divisions (two where the windows' sizes are counted)."""
        return math.prod(self.kernel) + 4

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, *size) -> (channels, *smaller size)."""
        (shape,) = shapes
        if len(shape) != 1 + len(self.kernel):
            raise ShapeError(
                f"average pooling over {len(self.kernel)} spatial dimensions cannot take a sample of shape {shape}."
            )
        try:
            return tuple(self.linear(torch.empty(1, *shape, dtype=torch.float64, device="meta")).shape[1:])
        except RuntimeError as error:
            raise ShapeError(f"average pooling with windows {self.kernel} of a sample {shape}: {error}.") from error

    def windows(self, n_axes: int) -> Windows | None:
        """Those whose means are taken."""
        if n_axes != len(self.kernel):
            return None
        return Windows(self.stride, tuple(pair[0] for pair in self.padding), self.kernel, (1,) * n_axes)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The means of what lies under the windows; None where it depends on the sample's edges what they divide by."""
        windows = self.windows(len(shape) - 1)
        if windows is None or self.ceil_mode or any(map(any, self.padding)):
            return None
        return self.linear(operands[0].under(windows, extent))

    def linear(self, *inputs: Tensor) -> Tensor:
        """The means."""
        pool, x = _POOLS[len(self.kernel)], inputs[0]
        # torch pads evenly, and by half a window at most
        if all(before == after <= size // 2 for (before, after), size in zip(self.padding, self.kernel, strict=True)):
            before = tuple(before for before, _ in self.padding)
            return pool(x, self.kernel, self.stride, before, self.ceil_mode, self.count_padding)
        sides = [side for pair in reversed(self.padding) for side in pair]
        means = pool(functional.pad(x, sides), self.kernel, self.stride, 0, self.ceil_mode)
        if self.count_padding:
            return means
        inside = functional.pad(torch.ones_like(x[:1]), sides)
        return means / pool(inside, self.kernel, self.stride, 0, self.ceil_mode)


@dataclass(frozen=True, eq=False)
class AdaptiveAveragePool(_Averaging):
    """Means over windows that divide a sample into a given number of (overlapping) parts.

    Attributes:
        size: spatial size of the result.
        input_size: spatial size of the samples.
    """

    size: tuple[int, ...]
    input_size: tuple[int, ...]

    @property
    def roundings(self) -> int:
        """The sum over the largest window and the division."""
        return math.prod(-(-old // new) + 1 for old, new in zip(self.input_size, self.size, strict=True)) + 2

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, *input size) -> (channels, *size)."""
        (shape,) = shapes
        if shape[1:] != self.input_size or not shape:
            raise ShapeError(f"adaptive pooling of {self.input_size} cannot take a sample of shape {shape}.")
        return (shape[0], *self.size)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The means."""
        return _ADAPTIVE_POOLS[len(self.size)](inputs[0], self.size)  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, eq=False)
class Mean(_Averaging):
    """Means over whole axes of a sample.

    Attributes:
        axes: axes of the sample.
        count: how many numbers go into one mean.
        keep: whether the axes stay, with size 1.
    """

    axes: tuple[int, ...]
    count: int
    keep: bool = False

    @property
    def roundings(self) -> int:
        """The sum and the division."""
        return self.count + 2

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape without these axes."""
        return without_axes("a mean", shapes[0], self.axes, self.count, self.keep)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The means."""
        return inputs[0].mean(tuple(axis + 1 for axis in self.axes), keepdim=self.keep)
