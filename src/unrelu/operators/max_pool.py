"""Maxima over windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.base import Shape
from unrelu.operators.candidates import Candidates
from unrelu.operators.piecewise_linear import PiecewiseLinear
from unrelu.operators.selected_map import SelectedMap
from unrelu.operators.windows import Windows
from unrelu.rigor.rounding import UNIT


@dataclass(frozen=True, eq=False)
class MaxPool(PiecewiseLinear):
    """Maxima over windows of one to three spatial dimensions: at each point a selection of coordinates.

    Windows reach over the edge where there is padding; what they find there is never selected.

    Attributes:
        kernel: size of a window, one number a spatial dimension.
        stride: steps between windows.
        padding: (before, after) for each spatial dimension.
        dilation: steps between the coordinates of a window.
        ceil_mode: whether a last window that runs over the edge counts, if it begins before the edge.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False

    def output_shape(self, *shapes: Shape) -> Shape:
        """(channels, *size) -> (channels, *smaller size)."""
        (shape,) = shapes
        if len(shape) != 1 + len(self.kernel):
            raise ShapeError(
                f"max pooling over {len(self.kernel)} spatial dimensions cannot take a sample of shape {shape}."
            )
        sizes = tuple(self._count(axis, size) for axis, size in enumerate(shape[1:]))
        if min(sizes) < 1:
            raise ShapeError(f"a sample of shape {shape} is smaller than the windows {self.kernel} of a max pooling.")
        if any(bool((self._places(k, size) < 0).all(dim=1).any()) for k, size in enumerate(shape[1:])):
            raise ShapeError(
                f"max pooling with windows {self.kernel} and padding {self.padding} has a window of padding alone."
            )
        return (shape[0], *sizes)

    def apply(self, *inputs: Tensor) -> Tensor:
        """The maxima."""
        return self._windowed(inputs[0]).amax(dim=-1).reshape(-1, *self.output_shape(tuple(inputs[0].shape[1:])))

    def windows(self, n_axes: int) -> Windows | None:
        """Those whose maxima are taken."""
        if n_axes != len(self.kernel):
            return None
        return Windows(self.stride, tuple(pair[0] for pair in self.padding), self.kernel, self.dilation)

    def candidates(self, shapes: Sequence[Shape], device: torch.device) -> Candidates:
        """The numbers in each window."""
        return Candidates(self.members(shapes[0]).to(device))

    def branches(self, *inputs: Tensor) -> Tensor:
        """The place in its window that each maximum is: (n, *shape) -> (n, *output_shape) int64, in C order.

        Of equal ones it is the first.
        """
        (x,) = inputs
        shape = self.output_shape(tuple(x.shape[1:]))
        return self._windowed(x).argmax(dim=-1).reshape(len(x), *shape)  # documented: the first of equal ones

    def selected(self, branches: Tensor, shapes: Sequence[Shape]) -> SelectedMap:
        """The numbers at these places of the windows."""
        coordinates = torch.from_numpy(self.coordinates(branches.cpu().numpy(), shapes[0]).reshape(-1))
        ones = torch.ones(len(coordinates), dtype=torch.float64, device=branches.device)
        return SelectedMap(tuple(branches.shape), coordinates.to(branches.device), ones, None, True)

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """The largest error in each window."""
        return self.apply(errors[0])

    def coordinates(self, branches: np.ndarray, shape: Shape) -> np.ndarray:
        """The coordinate of a sample of that shape that each place in a window is: int64, in C order.

        Args:
            branches: (*output_shape) or (n, *output_shape), whole numbers: places that are no padding.
            shape: of a sample.
        """
        within = np.unravel_index(branches, self.kernel)
        axes = len(self.kernel)
        total = np.arange(shape[0]).reshape(-1, *[1] * axes)
        for axis, size in enumerate(shape[1:]):
            places = self._places(axis, size).numpy()
            windows = np.arange(len(places)).reshape(-1, *[1] * (axes - 1 - axis))
            total = total * size + places[windows, within[axis]]
        return total

    def members(self, shape: Shape) -> Tensor:
        """The coordinates in each window: (m, k) int64, in C order of a sample of that shape; -1 for padding.

        Args:
            shape: of a sample; m is the size of the result, k that of a window.
        """
        windows = self._windows(shape)
        plane = math.prod(shape[1:])
        channels = plane * torch.arange(shape[0])[:, None, None]
        return torch.where(windows < 0, -1, windows + channels).reshape(-1, windows.shape[1])

    def _windowed(self, x: Tensor) -> Tensor:
        """(n, channels, windows, k), -inf for padding."""
        windows = self._windows(tuple(x.shape[1:])).to(x.device)
        planes = x.flatten(2)
        if not bool((windows < 0).any()):
            return planes[:, :, windows]
        edge = planes.new_full((*planes.shape[:2], 1), -math.inf)
        return torch.cat([planes, edge], dim=2)[:, :, torch.where(windows < 0, planes.shape[2], windows)]

    def _windows(self, shape: Shape) -> Tensor:
        """The places in each window: (windows, k) int64, in C order of one channel; -1 for padding."""
        windows = torch.zeros(1, 1, dtype=torch.int64)
        for axis, size in enumerate(shape[1:]):
            places = self._places(axis, size)
            joined = windows[:, None, :, None] * size + places[None, :, None, :]
            outside = (windows[:, None, :, None] < 0) | (places[None, :, None, :] < 0)
            windows = torch.where(outside, -1, joined).reshape(len(windows) * len(places), -1)
        return windows

    def _places(self, axis: int, size: int) -> Tensor:
        """Along one axis: (windows, kernel), -1 for padding."""
        starts = self.stride[axis] * torch.arange(self._count(axis, size)) - self.padding[axis][0]
        places = starts[:, None] + self.dilation[axis] * torch.arange(self.kernel[axis])
        return torch.where((places < 0) | (places >= size), -1, places)

    def _count(self, axis: int, size: int) -> int:
        """How many windows there are along an axis."""
        before, after = self.padding[axis]
        room = size + before + after - self.dilation[axis] * (self.kernel[axis] - 1) - 1
        if not self.ceil_mode:
            return room // self.stride[axis] + 1
        count = -(-room // self.stride[axis]) + 1
        return count - 1 if (count - 1) * self.stride[axis] >= size + before else count
