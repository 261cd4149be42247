"""Two lines that a piecewise linear unit stays between on a box."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Relaxation:
    """`slope h[coordinate] + offset` below and above each of m units, for each of n boxes of operands h.

    It holds in exact arithmetic: offsets are rounded outward.

    Attributes:
        lower_coordinates: (n, m) int64, of the operands flattened and joined; None for each coordinate itself.
        lower_slopes: (n, m) float64.
        lower_offsets: (n, m) float64.
        upper_coordinates: as for the lower ones.
        upper_slopes: (n, m) float64.
        upper_offsets: (n, m) float64.
    """

    lower_coordinates: Tensor | None
    lower_slopes: Tensor
    lower_offsets: Tensor
    upper_coordinates: Tensor | None
    upper_slopes: Tensor
    upper_offsets: Tensor

    def slopes_at(self, boxes: Tensor, below: Tensor) -> Tensor:
        """The slopes of the line that counts, (R, m).

        Args:
            boxes: (R,) int64.
            below: (R, m) bool, where the lower line counts.
        """
        lower, upper = self.lower_slopes.index_select(0, boxes), self.upper_slopes.index_select(0, boxes)
        return torch.where(below, lower, upper)

    def offsets_at(self, boxes: Tensor, below: Tensor) -> Tensor:
        """The offsets of the line that counts, as for `slopes_at`."""
        if not self.has_lower_offsets:
            return torch.where(below, 0.0, self.upper_offsets.index_select(0, boxes))
        lower, upper = self.lower_offsets.index_select(0, boxes), self.upper_offsets.index_select(0, boxes)
        return torch.where(below, lower, upper)

    @cached_property
    def has_lower_offsets(self) -> bool:
        """Whether any lower offset is not 0."""
        return bool(self.lower_offsets.any())

    @cached_property
    def is_plain(self) -> bool:
        """Whether all lower slopes are 0 or 1, so that nothing is rounded by them."""
        return bool(((self.lower_slopes == 0) | (self.lower_slopes == 1)).all())

    @cached_property
    def bent(self) -> tuple[Tensor, Relaxation]:
        """The units, (k,) int64, that are not on one line without offset in each of the boxes, and their lines."""
        apart = (self.lower_slopes != self.upper_slopes) | (self.lower_offsets != 0) | (self.upper_offsets != 0)
        columns = torch.nonzero(apart.any(dim=0))[:, 0]
        tables = (self.lower_slopes, self.lower_offsets, self.upper_slopes, self.upper_offsets)
        lower_slopes, lower_offsets, upper_slopes, upper_offsets = (table[:, columns] for table in tables)
        return columns, Relaxation(None, lower_slopes, lower_offsets, None, upper_slopes, upper_offsets)
