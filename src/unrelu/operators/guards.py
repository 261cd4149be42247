"""What holds on a piece of a piecewise linear operator, and only there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Guards:
    """`s+ h[plus] - s- h[minus] + offset >= 0` for the operands h, flattened and joined.

    Attributes:
        units: (g,) int64, the unit that each is about.
        plus: (g,) int64; -1 for none.
        minus: (g,) int64; -1 for none.
        offsets: (g,) float64.
        plus_slopes: (g,) float64; None where all are 1.
        minus_slopes: (g,) float64; None where all are 1.
    """

    units: NDArray[np.int64]
    plus: NDArray[np.int64]
    minus: NDArray[np.int64]
    offsets: NDArray[np.float64]
    plus_slopes: NDArray[np.float64] | None = None
    minus_slopes: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.units)

    @cached_property
    def paired(self) -> NDArray[np.bool_]:
        """(g,) which of them compare two coordinates."""
        return (self.plus >= 0) & (self.minus >= 0)

    @cached_property
    def single(self) -> NDArray[np.int64] | None:
        """(g,) the one coordinate of each, where each has one and takes it as it is; else None."""
        if self.plus_slopes is not None or self.minus_slopes is not None or self.paired.any():
            return None
        return np.maximum(self.plus, self.minus)

    def rows(self, values: np.ndarray, sign: float = 1.0) -> np.ndarray:
        """The left sides without their offsets.

        Args:
            values: (size of h, ...), the coordinates or their gradients.
            sign: what they are multiplied by.

        Returns:
            (g, ...).
        """
        if self.single is not None:
            return _column(np.where(self.plus >= 0, sign, -sign), values) * values[self.single]
        if self.plus_slopes is None and self.minus_slopes is None and self.paired.all():
            first, second = (self.plus, self.minus) if sign > 0 else (self.minus, self.plus)
            found = values[first] - values[second]
            return found if abs(sign) == 1 else abs(sign) * found
        found = np.zeros((len(self), *values.shape[1:]))
        for side, places, slopes in ((sign, self.plus, self.plus_slopes), (-sign, self.minus, self.minus_slopes)):
            there = places >= 0
            factors = side * (np.ones(int(there.sum())) if slopes is None else slopes[there])
            found[there] += _column(factors, values) * values[places[there]]
        return found

    def rows_of(self, tangents: Tensor) -> Tensor:
        """The same of tangents (r, size of h), on their device: (r, g)."""
        if self.plus_slopes is None and self.minus_slopes is None and self.paired.all():
            first, second = (torch.from_numpy(places).to(tangents.device) for places in (self.plus, self.minus))
            return tangents.index_select(1, first).sub_(tangents.index_select(1, second))
        found = tangents.new_zeros(len(tangents), len(self))
        for sign, places, slopes in ((1.0, self.plus, self.plus_slopes), (-1.0, self.minus, self.minus_slopes)):
            there = torch.from_numpy(np.flatnonzero(places >= 0)).to(tangents.device)
            taken = tangents[:, torch.from_numpy(places[places >= 0]).to(tangents.device)]
            factors = 1.0 if slopes is None else torch.from_numpy(slopes[places >= 0]).to(tangents.device)
            found.index_add_(1, there, sign * factors * taken)
        return found

    def margins(self, values: np.ndarray) -> NDArray[np.float64]:
        """The left sides at operands h (size,): (g,)."""
        return self.rows(values) + self.offsets

    def turned(self) -> Guards:
        """The opposite: `<= 0` in place of `>= 0`."""
        return Guards(self.units, self.minus, self.plus, -self.offsets, self.minus_slopes, self.plus_slopes)

    def of(self, chosen: NDArray[np.bool_]) -> Guards:
        """Some of them."""
        return Guards(
            self.units[chosen],
            self.plus[chosen],
            self.minus[chosen],
            self.offsets[chosen],
            None if self.plus_slopes is None else self.plus_slopes[chosen],
            None if self.minus_slopes is None else self.minus_slopes[chosen],
        )


def _column(factors: np.ndarray, values: np.ndarray) -> np.ndarray:
    return factors.reshape(-1, *[1] * (values.ndim - 1))
