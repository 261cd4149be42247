"""The rectifier."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.base import Operator, Shape


@dataclass(frozen=True, eq=False)
class ReLU(Operator):
    """`x -> max(x, 0)`, elementwise."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        return shapes[0]

    def apply(self, *inputs: Tensor) -> Tensor:
        """The rectified batch."""
        return torch.relu(inputs[0])
