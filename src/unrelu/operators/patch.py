"""Directional derivatives that are zero outside of a rectangle: pushing only what a part of an image reaches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from unrelu.operators.extent import Extent
from unrelu.operators.tangents import Tangents

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.base import Shape
    from unrelu.operators.windows import Windows


@dataclass(frozen=True, eq=False)
class Patch:
    """Derivatives of an image-like node's value along r directions, zero outside of an extent.

    Attributes:
        values: (r, channels, *extent.sizes) float64.
        shape: sample shape of the node, (channels, *places).
        extent: where the values are.
    """

    values: Tensor
    shape: Shape
    extent: Extent

    @property
    def n_directions(self) -> int:
        """The number of directions, r."""
        return self.values.shape[0]

    def coordinates(self) -> Tensor:
        """The coordinates in the extent, in C order of the node, ascending: int64."""
        return coordinates(self.shape, self.extent, self.values.device)

    def tangents(self) -> Tangents:
        """The same derivatives in the form that every operator takes."""
        return Tangents(self.values.flatten(1), self.shape, self.coordinates())

    def full(self) -> Tensor:
        """(r, m): with the zeros outside."""
        return self.tangents().full()

    def squares(self) -> Tensor:
        """(m,): for each coordinate the sum of its squared derivatives."""
        return self.tangents().squares()

    def magnitudes(self) -> Tensor:
        """(m,): for each coordinate the sum of the magnitudes of its derivatives."""
        return self.tangents().magnitudes()

    def widened(self, extent: Extent) -> Tensor:
        """The values on a larger extent."""
        sides: list[int] = []
        for start, stop, low, high in zip(
            self.extent.starts, self.extent.stops, extent.starts, extent.stops, strict=True
        ):
            sides = [start - low, high - stop, *sides]
        return functional.pad(self.values, sides) if any(sides) else self.values

    def under(self, windows: Windows, extent: Extent) -> Tensor:
        """The values on exactly the places that windows cover, padding included.

        Args:
            windows: along each axis.
            extent: which of them.
        """
        sides: list[int] = []
        for k, (start, stop) in enumerate(zip(self.extent.starts, self.extent.stops, strict=True)):
            low = extent.starts[k] * windows.stride[k] - windows.before[k]
            high = (extent.stops[k] - 1) * windows.stride[k] - windows.before[k] + windows.spans[k]
            if high <= start or stop <= low:  # it falls between windows
                sizes = [
                    (size - 1) * stride + span
                    for size, stride, span in zip(extent.sizes, windows.stride, windows.spans, strict=True)
                ]
                return self.values.new_zeros(*self.values.shape[:2], *sizes)
            sides = [start - low, high - stop, *sides]
        return functional.pad(self.values, sides)

    def of_constant(self, constant: Tensor) -> Tensor:
        """A constant that broadcasts to the whole sample, for the patch alone."""
        aligned = constant.reshape((1,) * (len(self.shape) - constant.ndim) + tuple(constant.shape))
        index = [slice(None)]
        for size, places in zip(aligned.shape[1:], self.extent.slices(), strict=True):
            index.append(slice(None) if size == 1 else places)
        return aligned[tuple(index)]


def coordinates(shape: Shape, extent: Extent, device: torch.device) -> Tensor:
    """The coordinates of all channels in an extent, in C order of a sample, ascending: int64."""
    indices = torch.arange(math.prod(shape), device=device).reshape(shape)
    return indices[(slice(None), *extent.slices())].reshape(-1)


def unit_patch(indices: Tensor, shape: Shape, device: torch.device) -> Patch:
    """The unit vectors of these input coordinates, on the smallest rectangle that holds them all.

    Args:
        indices: (r,) int64, in C order.
        shape: (channels, *places).
        device: where to compute.
    """
    extent = hull(indices, shape)
    channel, *places = torch.unravel_index(indices, shape)
    values = torch.zeros(len(indices), shape[0], *extent.sizes, dtype=torch.float64, device=device)
    inside = tuple(place - start for place, start in zip(places, extent.starts, strict=True))
    values[(torch.arange(len(indices), device=indices.device), channel, *inside)] = 1.0
    return Patch(values, shape, extent)


def hull(indices: Tensor, shape: Shape) -> Extent:
    """The smallest rectangle that holds these coordinates (at least one) of a sample (channels, *places)."""
    places = torch.unravel_index(indices, shape)[1:]
    starts = tuple(int(place.min()) for place in places)
    return Extent(starts, tuple(int(place.max()) - start + 1 for place, start in zip(places, starts, strict=True)))
