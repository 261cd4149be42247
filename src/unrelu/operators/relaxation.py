"""Two lines that a piecewise linear unit stays between on a box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
