"""The affine map that a piecewise linear operator is on a piece: numbers that are picked, scaled and shifted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.tangents import Tangents

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch


@dataclass(frozen=True, eq=False)
class SelectedMap(AffineOperator):
    """`x -> slope x[coordinate] + offset` for each coordinate of the result, in C order; 0 x is 0 whatever x.

    Attributes:
        shape: sample shape of the result, m coordinates.
        coordinates: (m,) int64, of the operands flattened and joined; None for each coordinate itself.
        slopes: (m,) float64.
        offsets: (m,) float64; None for zeros.
        plain: whether all slopes are 0 or 1.
    """

    shape: Shape
    coordinates: Tensor | None
    slopes: Tensor
    offsets: Tensor | None
    plain: bool

    @property
    def roundings(self) -> int:
        """Of the product and the sum; none where numbers are taken as they are."""
        return 0 if self.plain and self.offsets is None else 2

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the result."""
        return self.shape

    @cached_property
    def live(self) -> Tensor | None:
        """(k,) int64, ascending, the coordinates of the result that can change; None where all can."""
        moving = self.slopes != 0
        return None if bool(moving.all()) else moving.nonzero().reshape(-1)

    @property
    def n_live(self) -> int:
        """How many coordinates of the result can change."""
        return len(self.slopes) if self.live is None else len(self.live)

    @cached_property
    def sources(self) -> Tensor:
        """(k,) int64: of each live coordinate the coordinate of the operands that it takes."""
        taken = torch.arange(len(self.slopes), device=self.slopes.device)
        taken = taken if self.coordinates is None else self.coordinates
        return taken if self.live is None else taken.index_select(0, self.live)

    def linear(self, *inputs: Tensor) -> Tensor:
        """`slope x[coordinate]`."""
        x = _joined(inputs)
        taken = x if self.coordinates is None else x.index_select(1, self.coordinates)
        product = taken if self.plain and self.live is None else torch.where(self.slopes == 0, 0.0, taken * self.slopes)
        return product.reshape(len(x), *self.shape)

    def apply(self, *inputs: Tensor) -> Tensor:
        """`slope x[coordinate] + offset`."""
        value = self.linear(*inputs)
        return value if self.offsets is None else value + self.offsets.reshape(self.shape)

    def absolute(self) -> SelectedMap:
        """`x -> |slope| x[coordinate] + |offset|`."""
        offsets = None if self.offsets is None else self.offsets.abs()
        return SelectedMap(self.shape, self.coordinates, self.slopes.abs(), offsets, self.plain)

    def tangents(self, operands: Sequence[Tangents], shape: Shape) -> Tangents:
        """The tangents of the coordinates that can change."""
        joined = Tangents.joined(operands)
        if joined.support is None:
            whole = self.coordinates is None and self.live is None
            values = joined.values if whole else joined.values.index_select(1, self.sources)
            return Tangents(self._scaled(values, self.live), shape, self.live)
        if self.coordinates is None and self.live is None:
            return Tangents(self._scaled(joined.values, joined.support), shape, joined.support)
        column = joined.support.new_full((math.prod(joined.shape),), -1)
        column[joined.support] = torch.arange(len(joined.support), device=joined.support.device)
        chosen = column[self.sources]
        inside = (chosen >= 0).nonzero().reshape(-1)
        kept = inside if self.live is None else self.live[inside]
        return Tangents(self._scaled(joined.values.index_select(1, chosen[inside]), kept), shape, kept)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The same within the extent; None where there are several operands."""
        if len(operands) > 1:
            return None
        (patch,) = operands
        places = (slice(None), *extent.slices())
        slopes = self.slopes.reshape(shape)[places]
        if self.coordinates is None:
            return patch.values * slopes
        chosen = self.coordinates.reshape(shape)[places]
        place = torch.full((math.prod(patch.shape),), -1, dtype=torch.int64, device=slopes.device)
        place[patch.coordinates()] = torch.arange(math.prod(patch.values.shape[1:]), device=slopes.device)
        column = place[chosen.reshape(-1)]
        values = patch.values.flatten(1)[:, column.clamp(min=0)] * ((column >= 0) * slopes.reshape(-1))
        return values.reshape(patch.n_directions, *chosen.shape)

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Each cotangent goes back to the coordinate that was picked."""
        flat = cotangents.reshape(len(cotangents), len(self.slopes))
        if self.coordinates is None and len(shapes) == 1:  # in place, which is several times as fast
            scaled = self._scaled(flat, None)
            back = scaled if self.live is None else torch.where(self.slopes == 0, 0.0, scaled)
            return [back.reshape(-1, *shapes[0])]
        arrived = self._scaled(flat if self.live is None else flat.index_select(1, self.live), self.live)
        sizes = [math.prod(shape) for shape in shapes]
        back = flat.new_zeros(len(flat), sum(sizes)).index_add_(1, self.sources, arrived)
        parts = back.split(sizes, dim=1)
        return [part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]

    def _scaled(self, values: Tensor, kept: Tensor | None) -> Tensor:
        if self.plain:
            return values
        return values * (self.slopes if kept is None else self.slopes.index_select(0, kept))


def _joined(inputs: Sequence[Tensor]) -> Tensor:
    flat = [each.reshape(len(each), math.prod(each.shape[1:])) for each in inputs]
    return flat[0] if len(flat) == 1 else torch.cat(flat, dim=1)
