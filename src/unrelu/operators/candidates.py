"""The affine maps that each unit of a piecewise linear operator chooses among."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Candidates:
    """`slope h[coordinate] + offset`, k of them for each of m units, h being the operands flattened and joined.

    Attributes:
        coordinates: (m, k) int64; -1 where a unit has fewer candidates.
        slopes: (m, k) float64; None where all are 1.
        offsets: (m, k) float64; None where all are 0.
    """

    coordinates: Tensor
    slopes: Tensor | None = None
    offsets: Tensor | None = None

    @property
    def exist(self) -> Tensor:
        """(m, k) bool."""
        return self.coordinates >= 0

    @property
    def in_common(self) -> Tensor:
        """(m,) bool: whether all candidates of a unit take the same coordinate."""
        first = self.coordinates[:, :1]
        return ((self.coordinates == first) | ~self.exist).all(dim=1)

    def taken(self, flat: Tensor) -> Tensor:
        """What the candidates take, (n, size of h) -> (n, m, k), anything where there is none."""
        return flat[:, self.coordinates.clamp(min=0)]

    def values(self, flat: Tensor) -> Tensor:
        """What the candidates are, (n, size of h) -> (n, m, k), anything where there is none."""
        return self.shifted(self.scaled(self.taken(flat)))

    def scaled(self, taken: Tensor) -> Tensor:
        """`slope x`."""
        return taken if self.slopes is None else torch.where(self.slopes == 0, 0.0, taken * self.slopes)

    def shifted(self, scaled: Tensor) -> Tensor:
        """`x + offset`."""
        return scaled if self.offsets is None else scaled + self.offsets

    def magnitudes(self, taken: Tensor) -> Tensor:
        """`|slope| x`: of errors."""
        return taken if self.slopes is None else taken * self.slopes.abs()
