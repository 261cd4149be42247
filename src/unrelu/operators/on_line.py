"""The value of a node at a point of a line in the input space, and how fast it moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.base import Shape


@dataclass(frozen=True, eq=False)
class OnLine:
    """A node's value at a point of a line and its derivative on the side ahead, as batches of one.

    Attributes:
        value: float64.
        error: the rounding error of each value, bounded or estimated.
        slope: the one-sided derivative.
        slope_error: the rounding error of each slope, given the pattern, bounded or estimated.
        values: (p, *shape) the values of probes that run along; none where errors are bounded.
        slopes: (p, *shape) their slopes.
    """

    value: Tensor
    error: Tensor
    slope: Tensor
    slope_error: Tensor
    values: Tensor
    slopes: Tensor

    @classmethod
    def joined(cls, parts: Sequence[OnLine]) -> OnLine:
        """Several nodes, flattened and one after the other."""
        return cls(*(torch.cat([getattr(p, each.name).flatten(1) for p in parts], dim=1) for each in fields(cls)))

    def shaped(self, shape: Shape) -> OnLine:
        """The same numbers as samples of another shape."""
        return OnLine(*(getattr(self, each.name).reshape(-1, *shape) for each in fields(self)))
