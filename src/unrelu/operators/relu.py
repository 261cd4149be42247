"""The rectifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.base import Shape
from unrelu.operators.kinked import Kinked, Pieces
from unrelu.operators.selected_map import SelectedMap

_ZERO, _ONE = torch.zeros((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
_PIECES = Pieces((_ZERO,), (_ZERO, _ONE), (_ZERO, _ZERO))


@dataclass(frozen=True, eq=False)
class ReLU(Kinked):
    """`x -> max(x, 0)`, elementwise."""

    @property
    def is_rectifier(self) -> bool:
        """It is."""
        return True

    def pieces(self) -> Pieces:
        """0, then x."""
        return _PIECES

    def apply(self, *inputs: Tensor) -> Tensor:
        """The rectified batch."""
        return torch.relu(inputs[0])

    def branches(self, *inputs: Tensor) -> Tensor:
        """1 for positive numbers, else 0."""
        return (inputs[0] > 0).to(torch.int64)

    def selected(self, branches: Tensor, shapes: Sequence[Shape]) -> SelectedMap:
        """The numbers of active neurons, and 0."""
        return SelectedMap(tuple(branches.shape), None, branches.reshape(-1).to(torch.float64), None, True)
