"""What a piecewise linear operator does just ahead of a point of a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.crossings import Crossings
    from unrelu.operators.on_line import OnLine


@dataclass(frozen=True, eq=False)
class LineStep:
    """The pieces just ahead, and where they end.

    Attributes:
        result: the operator's value and slope.
        branches: (*shape) int64, the candidate that each unit follows ahead.
        crossings: where units may leave their pieces.
        sure: whether the errors leave no doubt about any of them at this very point; a proof where they are bounded.
        lasting: whether they leave no doubt that nothing changes ahead, however far; a proof where they are bounded.
    """

    result: OnLine
    branches: Tensor
    crossings: Crossings
    sure: bool
    lasting: bool
