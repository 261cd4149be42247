"""Directional derivatives that are zero outside of a rectangle: pushing only what a part of an image reaches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from unrelu.network.extents import Extent, reach, sliding
from unrelu.operators import AffineOperator, AveragePool, Convolution, Elementwise, Pad, Quotient
from unrelu.stability.tangents import Tangents, carry

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from unrelu.network.node import Node
    from unrelu.operators import Shape
    from unrelu.stability.pattern import ActivationPattern


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


def carry_patch(node: Node, operands: Sequence[Patch | Tangents], pattern: ActivationPattern) -> Patch | Tangents:
    """The derivatives of a node from those of the nodes it takes: `tangents.carry`, on patches where it can.

    Raises:
        UnsupportedOperator: if the node is neither affine, a ReLU nor a max pooling.
    """
    patches = [operand for operand in operands if isinstance(operand, Patch)]
    extent = reach(node, [patch.extent for patch in patches]) if len(patches) == len(operands) else None
    if extent is None:
        plain = [operand.tangents() if isinstance(operand, Patch) else operand for operand in operands]
        return carry(node, plain, pattern)
    first, operator = patches[0], node.operator
    if node.is_relu:
        active = torch.from_numpy(pattern.active(node.name)[(slice(None), *extent.slices())].copy())
        return replace(first, values=first.values * active.to(first.values.device))
    if node.is_max_pool:
        return Patch(_selected(first, pattern.selection(node.name), extent), node.shape, extent)
    assert isinstance(operator, AffineOperator)
    if isinstance(operator, Pad):
        return Patch(first.values, node.shape, extent)
    if isinstance(operator, Elementwise):
        values = first.values * _cropped(operator.factor, first)
    elif isinstance(operator, Quotient):
        values = first.values / _cropped(operator.divisor, first)
    elif isinstance(operator, Convolution | AveragePool):
        bare = replace(operator, padding=((0, 0),) * len(extent.starts))
        values = bare.linear(_under_windows(first, node, extent))
    else:  # a sum, a difference, a normalisation
        values = operator.linear(*(_widened(patch, extent) for patch in patches))
    return Patch(values, node.shape, extent)


def _widened(patch: Patch, extent: Extent) -> Tensor:
    """The values on a larger extent."""
    sides = []
    for start, stop, low, high in zip(
        patch.extent.starts, patch.extent.stops, extent.starts, extent.stops, strict=True
    ):
        sides = [start - low, high - stop, *sides]
    return functional.pad(patch.values, sides) if any(sides) else patch.values


def _under_windows(patch: Patch, node: Node, extent: Extent) -> Tensor:
    """The values on exactly the places that the windows of an extent of the result cover."""
    windows = sliding(node)
    assert windows is not None
    sides = []
    for k, (start, stop) in enumerate(zip(patch.extent.starts, patch.extent.stops, strict=True)):
        low = extent.starts[k] * windows.stride[k] - windows.before[k]
        high = (extent.stops[k] - 1) * windows.stride[k] - windows.before[k] + windows.spans[k]
        if high <= start or stop <= low:  # it falls between windows
            sizes = [
                (size - 1) * stride + span
                for size, stride, span in zip(extent.sizes, windows.stride, windows.spans, strict=True)
            ]
            return patch.values.new_zeros(*patch.values.shape[:2], *sizes)
        sides = [start - low, high - stop, *sides]
    return functional.pad(patch.values, sides)


def _cropped(constant: Tensor, patch: Patch) -> Tensor:
    """A constant that broadcasts to the whole sample, for the patch alone."""
    aligned = constant.reshape((1,) * (len(patch.shape) - constant.ndim) + tuple(constant.shape))
    index = [slice(None)]
    for size, places in zip(aligned.shape[1:], patch.extent.slices(), strict=True):
        index.append(slice(None) if size == 1 else places)
    return aligned[tuple(index)]


def _selected(patch: Patch, selection: np.ndarray, extent: Extent) -> Tensor:
    """What a max pooling selects, zero where that lies outside of the patch."""
    chosen = torch.from_numpy(selection[(slice(None), *extent.slices())].copy()).to(patch.values.device)
    place = torch.full((math.prod(patch.shape),), -1, dtype=torch.int64, device=patch.values.device)
    place[patch.coordinates()] = torch.arange(math.prod(patch.values.shape[1:]), device=patch.values.device)
    column = place[chosen.reshape(-1)]
    values = patch.values.flatten(1)[:, column.clamp(min=0)] * (column >= 0)
    return values.reshape(patch.n_directions, *chosen.shape)
