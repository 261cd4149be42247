"""Sums of a few numbers along an axis, each with a constant weight: interpolation, overlapping windows added up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator, growth
from unrelu.operators.axis_by_axis import AxisByAxis
from unrelu.operators.base import Shape
from unrelu.operators.take import check_indices, within
from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch


@dataclass(frozen=True, eq=False)
class Blend(AxisByAxis):
    """`y_i = sum_t weights[i, t] x[indices[i, t]]` along one axis of a sample.

    Attributes:
        indices: (m, k) float64, whole numbers: places along the axis, -1 for none.
        weights: (m, k) float64.
        axis: axis of the sample.
        blur: how far, in units of the unit roundoff of their arithmetic, the weights are off that a model has which
            computes them itself, as those of an interpolation are; its places may be off by one, too. 0 where weights
            are stored numbers.
    """

    indices: Tensor
    weights: Tensor
    axis: int
    blur: float = 0.0

    @property
    def roundings(self) -> int:
        """Products and their sums."""
        return max(1, self.indices.shape[-1])

    @property
    def terms(self) -> int:
        """One for each weight."""
        return self.indices.shape[-1]

    @property
    def exact_on_units(self) -> bool:
        """Unless a place is listed twice, so that its weights are added up."""
        listed = torch.where(self.weights == 0, -1.0, self.indices).sort(dim=1).values
        return not bool(((listed[:, 1:] == listed[:, :-1]) & (listed[:, 1:] >= 0)).any())

    def tensors(self) -> tuple[Tensor, ...]:
        """The weights; indices are no numbers that anything is computed with."""
        return (self.weights,)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape with a place along the axis for each sum."""
        (shape,) = shapes
        if not 0 <= self.axis < len(shape):
            raise ShapeError(f"a sample of shape {shape} has no axis {self.axis} to blend places of.")
        check_indices(self.indices, 2, shape[self.axis])
        if self.weights.shape != self.indices.shape or not 0 <= self.blur < 1 / UNIT:
            raise ShapeError("a blend takes one weight for each index, and a finite blur of at least 0.")
        return (*shape[: self.axis], len(self.indices), *shape[self.axis + 1 :])

    def linear(self, *inputs: Tensor) -> Tensor:
        """The sums."""
        (x,) = inputs
        return _blended(x, self.axis, self._listed(x.device), self.weights)

    def error(
        self,
        values: Sequence[Tensor],
        errors: Sequence[Tensor],
        unit: float = UNIT,
        *,
        linear: bool = False,
        magnitudes: AffineOperator | None = None,
        plain: bool = False,
    ) -> Tensor:
        """The bound of all affine operators, and what weights that are off by `blur` units add to it."""
        found = super().error(values, errors, unit, linear=linear, magnitudes=magnitudes, plain=plain)
        if not self.blur or plain:
            return found
        # whatever the neighbours of the listed places are weighted with, it is no more than the blur
        near = torch.stack([self.indices - 1, self.indices, self.indices + 1], dim=2).flatten(1)
        size = values[0].shape[self.axis + 1]
        held = torch.where((self.indices < 0).repeat_interleave(3, dim=1) | (near >= size) | (near < 0), -1.0, near)
        around = replace(self, indices=held, weights=torch.ones_like(held), blur=0.0)
        blurred = self.blur * unit * around.linear(values[0].abs() + errors[0])
        return found + blurred * (1 + 6 * growth(held.shape[1] + 3, UNIT))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Each weighted number back to its places."""
        listed, dim = self._listed(cotangents.device), self.axis + 1
        back = cotangents.new_zeros(len(cotangents), *shapes[0])
        for t in range(listed.shape[1]):
            (rows,) = torch.nonzero(listed[:, t] >= 0, as_tuple=True)
            weights = _column(self.weights[:, t][rows], cotangents.ndim - dim)
            back.index_add_(dim, listed[rows, t], cotangents.index_select(dim, rows) * weights)
        return [back]

    def absolute(self) -> Blend:
        """The sums with the magnitudes of the weights."""
        return replace(self, weights=torch.abs(self.weights))

    def places(self, shape: Shape) -> tuple[NDArray[np.int64] | None, ...]:
        """Those that are listed, along the one axis."""
        listed = torch.where(self.weights == 0, -1.0, self.indices).cpu().numpy().astype(np.int64)
        return tuple(listed if axis == self.axis else None for axis in range(1, len(shape)))

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The sums over what lies in the patch."""
        (patch,) = operands
        listed, weights = self._listed(patch.values.device), self.weights
        if self.axis:
            along = self.axis - 1
            rows = extent.slices()[along]
            listed = within(listed[rows], patch.extent.starts[along], patch.extent.sizes[along])
            weights = weights[rows]
        return _blended(patch.values, self.axis, listed, weights)

    def _listed(self, device: torch.device) -> Tensor:
        return self.indices.to(device=device, dtype=torch.int64)


def _column(values: Tensor, ndim: int) -> Tensor:
    """Numbers along the first of the last axes."""
    return values.reshape(-1, *[1] * (ndim - 1))


def _blended(x: Tensor, axis: int, listed: Tensor, weights: Tensor) -> Tensor:
    dim = axis + 1
    total = None
    for t in range(listed.shape[1]):
        used = torch.where(listed[:, t] < 0, 0.0, weights[:, t])
        part = x.index_select(dim, listed[:, t].clamp(min=0)) * _column(used, x.ndim - dim)
        total = part if total is None else total + part
    assert total is not None
    return total
