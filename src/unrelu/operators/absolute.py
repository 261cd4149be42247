"""Magnitudes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.kinked import Kinked, Pieces

_ZERO, _ONE = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
_PIECES = Pieces((_ZERO,), (-_ONE, _ONE), (_ZERO, _ZERO))


@dataclass(frozen=True, eq=False)
class Absolute(Kinked):
    """`x -> |x|`, elementwise."""

    def pieces(self) -> Pieces:
        """-x, then x."""
        return _PIECES

    def apply(self, *inputs: Tensor) -> Tensor:
        """The magnitudes."""
        return torch.abs(inputs[0])
