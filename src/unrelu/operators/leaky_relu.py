"""The leaky and the parametric rectifier."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.kinked import Kinked, Pieces


@dataclass(frozen=True, eq=False)
class LeakyReLU(Kinked):
    """`x -> x` where x is positive, else `slope x`, elementwise.

    Attributes:
        slope: float64, of a shape that broadcasts to the sample's: one number, or one a channel (PReLU).
    """

    slope: Tensor

    def pieces(self) -> Pieces:
        """Slope x, then x."""
        zero = torch.zeros_like(self.slope)
        return Pieces((zero,), (self.slope, torch.ones_like(self.slope)), (zero, zero))

    def apply(self, *inputs: Tensor) -> Tensor:
        """The rectified batch."""
        return torch.where(inputs[0] > 0, inputs[0], self.slope * inputs[0])
