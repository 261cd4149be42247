"""The larger and the smaller of two signals, and the largest along axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.base import Shape
from unrelu.operators.candidates import Candidates
from unrelu.operators.piecewise_linear import PiecewiseLinear
from unrelu.operators.windows import Windows


@dataclass(frozen=True, eq=False)
class Maximum(PiecewiseLinear):
    """`(x, y) -> max(x, y)` for samples of the same shape, elementwise."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """The common shape."""
        if len(set(shapes)) != 1:
            raise ShapeError(f"samples of shapes {', '.join(map(str, shapes))} cannot be compared.")
        return shapes[0]

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def candidates(self, shapes: Sequence[Shape], device: torch.device) -> Candidates:
        """The numbers of all operands in that place."""
        size = math.prod(shapes[0])
        return Candidates(torch.arange(size * len(shapes), device=device).reshape(len(shapes), size).T.contiguous())


@dataclass(frozen=True, eq=False)
class Minimum(Maximum):
    """`(x, y) -> min(x, y)` for samples of the same shape, elementwise."""

    @property
    def concave(self) -> bool:
        """It is."""
        return True


@dataclass(frozen=True, eq=False)
class LargestAlong(PiecewiseLinear):
    """The largest numbers of a sample along axes.

    Attributes:
        axes: axes of the sample, ascending.
        keep: whether the axes stay, with size 1.
    """

    axes: tuple[int, ...]
    keep: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape without these axes."""
        (shape,) = shapes
        if not all(0 <= axis < len(shape) for axis in self.axes) or sorted(set(self.axes)) != list(self.axes):
            raise ShapeError(f"a sample of shape {shape} has no axes {self.axes}.")
        sizes = ((1 if axis in self.axes else size) for axis, size in enumerate(shape))
        return tuple(size for axis, size in enumerate(sizes) if self.keep or axis not in self.axes)

    def apply(self, *inputs: Tensor) -> Tensor:
        """The maxima."""
        return inputs[0].amax(tuple(axis + 1 for axis in self.axes), keepdim=self.keep)

    def candidates(self, shapes: Sequence[Shape], device: torch.device) -> Candidates:
        """All numbers along the axes."""
        (shape,) = shapes
        kept = [axis for axis in range(len(shape)) if axis not in self.axes]
        places = torch.arange(math.prod(shape), device=device).reshape(shape).permute(*kept, *self.axes)
        return Candidates(places.reshape(math.prod(shape[axis] for axis in kept), -1))


@dataclass(frozen=True, eq=False)
class SmallestAlong(LargestAlong):
    """The smallest numbers of a sample along axes."""

    @property
    def concave(self) -> bool:
        """It is."""
        return True

    def apply(self, *inputs: Tensor) -> Tensor:
        """The minima."""
        return inputs[0].amin(tuple(axis + 1 for axis in self.axes), keepdim=self.keep)
