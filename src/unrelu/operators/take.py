"""Numbers picked by constant indices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.axis_by_axis import AxisByAxis
from unrelu.operators.base import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch


@dataclass(frozen=True, eq=False)
class Take(AxisByAxis):
    """The places of an axis that are listed, in that order, as often as they are listed; zeros where -1 is.

    Of a sample that is flattened before, it picks any numbers.

    Attributes:
        indices: (m,) float64, whole numbers: which place of the sample each place of the result is, -1 for a zero.
        axis: axis of the sample.
    """

    indices: Tensor
    axis: int

    def tensors(self) -> tuple[Tensor, ...]:
        """None: indices are no numbers that anything is computed with."""
        return ()

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape with as many places along the axis as are listed."""
        (shape,) = shapes
        if not 0 <= self.axis < len(shape):
            raise ShapeError(f"a sample of shape {shape} has no axis {self.axis} to take places of.")
        check_indices(self.indices, 1, shape[self.axis])
        return (*shape[: self.axis], len(self.indices), *shape[self.axis + 1 :])

    def linear(self, *inputs: Tensor) -> Tensor:
        """The numbers taken."""
        return _taken(inputs[0], self.axis, self.indices.to(device=inputs[0].device, dtype=torch.int64))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Each number back to where it was taken, those of one place added up."""
        places = self.indices.to(device=cotangents.device, dtype=torch.int64)
        (rows,) = torch.nonzero(places >= 0, as_tuple=True)
        back = cotangents.new_zeros(len(cotangents), *shapes[0])
        dim = self.axis + 1
        return [back.index_add_(dim, places[rows], cotangents.index_select(dim, rows))]

    def places(self, shape: Shape) -> tuple[NDArray[np.int64] | None, ...]:
        """Those that are listed, along the one axis."""
        listed = self.indices.cpu().numpy().astype(np.int64)[:, None]
        return tuple(listed if axis == self.axis else None for axis in range(1, len(shape)))

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """What is taken of the patch."""
        (patch,) = operands
        places = self.indices.to(device=patch.values.device, dtype=torch.int64)
        if self.axis:
            along = self.axis - 1
            places = within(places[extent.slices()[along]], patch.extent.starts[along], patch.extent.sizes[along])
        return _taken(patch.values, self.axis, places)


def check_indices(indices: Tensor, ndim: int, size: int) -> None:
    """Refuse what are no indices of places along an axis of that size.

    Raises:
        ShapeError: if the tensor has no numbers or other than `ndim` axes, or holds anything but whole numbers from -1
            to `size - 1`.
    """
    whole = torch.nan_to_num(indices).round()
    if indices.ndim != ndim or not indices.numel() or not bool((whole == indices).all()):
        raise ShapeError(f"indices must be whole numbers in {ndim} axes, not of shape {tuple(indices.shape)}.")
    if not -1 <= float(indices.min()) <= float(indices.max()) < size:
        raise ShapeError(
            f"indices from {int(indices.min())} to {int(indices.max())} do not fit an axis of size {size}."
        )


def within(places: Tensor, start: int, size: int) -> Tensor:
    """Places counted from the start of a part of an axis; -1 for those outside of it.

    Args:
        places: int64.
        start: first place of the part.
        size: number of its places.
    """
    shifted = places - start
    return torch.where((shifted >= 0) & (shifted < size), shifted, -1)


def _taken(x: Tensor, axis: int, places: Tensor) -> Tensor:
    """(n, ..., m, ...): the places of an axis of samples, zeros for -1."""
    nothing = places < 0
    found = x.index_select(axis + 1, places.clamp(min=0))
    if not bool(nothing.any()):
        return found
    return found.masked_fill(nothing.reshape(-1, *[1] * (x.ndim - axis - 2)), 0.0)
