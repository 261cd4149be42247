"""Numbers kept within bounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.kinked import Kinked, Pieces


@dataclass(frozen=True, eq=False)
class Clamp(Kinked):
    """`x -> min(max(x, lower), upper)`, elementwise: ReLU6 is that of 0 and 6, Hardtanh of -1 and 1.

    Attributes:
        lower: float64, of a shape that broadcasts to the sample's.
        upper: the same shape, nowhere smaller.
    """

    lower: Tensor
    upper: Tensor

    def pieces(self) -> Pieces:
        """The lower bound, x, the upper bound."""
        zero, one = torch.zeros_like(self.lower), torch.ones_like(self.lower)
        return Pieces((self.lower, self.upper), (zero, one, zero), (self.lower, zero, self.upper))

    def in_turn(self) -> tuple[Kinked, ...]:
        """At least the lower bound, then at most the upper one."""
        return AtLeast(self.lower), AtMost(self.upper)

    def apply(self, *inputs: Tensor) -> Tensor:
        """The bounded batch."""
        return torch.minimum(torch.maximum(inputs[0], self.lower), self.upper)


@dataclass(frozen=True, eq=False)
class AtLeast(Kinked):
    """`x -> max(x, floor)`, elementwise.

    Attributes:
        floor: float64, of a shape that broadcasts to the sample's.
    """

    floor: Tensor

    def pieces(self) -> Pieces:
        """The floor, then x."""
        zero, one = torch.zeros_like(self.floor), torch.ones_like(self.floor)
        return Pieces((self.floor,), (zero, one), (self.floor, zero))

    def apply(self, *inputs: Tensor) -> Tensor:
        """The maxima."""
        return torch.maximum(inputs[0], self.floor)


@dataclass(frozen=True, eq=False)
class AtMost(Kinked):
    """`x -> min(x, ceiling)`, elementwise.

    Attributes:
        ceiling: float64, of a shape that broadcasts to the sample's.
    """

    ceiling: Tensor

    def pieces(self) -> Pieces:
        """X, then the ceiling."""
        zero, one = torch.zeros_like(self.ceiling), torch.ones_like(self.ceiling)
        return Pieces((self.ceiling,), (one, zero), (zero, self.ceiling))

    def apply(self, *inputs: Tensor) -> Tensor:
        """The minima."""
        return torch.minimum(inputs[0], self.ceiling)
