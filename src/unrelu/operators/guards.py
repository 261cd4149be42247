"""What holds on a piece of a piecewise linear operator, and only there."""

from __future__ import annotations

from dataclasses import dataclass
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

    @property
    def paired(self) -> NDArray[np.bool_]:
        """(g,) which of them compare two coordinates."""
        return (self.plus >= 0) & (self.minus >= 0)

    @property
    def exact(self) -> bool:
        """Whether a difference of two floats is all there is to each."""
        return self.plus_slopes is None and self.minus_slopes is None and not self.offsets[self.paired].any()

    def rows(self, values: np.ndarray) -> np.ndarray:
        """The left sides without their offsets.

        Args:
            values: (size of h, ...), the coordinates or their gradients.

        Returns:
            (g, ...).
        """
        found = np.zeros((len(self), *values.shape[1:]))
        for sign, places, slopes in ((1.0, self.plus, self.plus_slopes), (-1.0, self.minus, self.minus_slopes)):
            there = places >= 0
            factors = sign * (np.ones(int(there.sum())) if slopes is None else slopes[there])
            found[there] += factors.reshape(-1, *[1] * (values.ndim - 1)) * values[places[there]]
        return found

    def rows_of(self, tangents: Tensor) -> Tensor:
        """The same of tangents (r, size of h), on their device: (r, g)."""
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
