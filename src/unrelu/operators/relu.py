"""The rectifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.base import Shape
from unrelu.operators.crossings import crossings
from unrelu.operators.kinked import Kinked, Pieces
from unrelu.operators.line_step import LineStep
from unrelu.operators.mean_map import MeanMap
from unrelu.operators.on_line import OnLine
from unrelu.operators.relaxation import Relaxation
from unrelu.operators.selected_map import SelectedMap
from unrelu.rigor.rounding import UNDERFLOW, UNIT

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

    def on_line(self, operands: Sequence[OnLine], tied: Tensor | None, t_error: float) -> LineStep:
        """`Kinked.on_line` for this one kink, in a third of the steps."""
        (fed,) = operands
        unsure = fed.value.abs() <= fed.error + (fed.slope.abs() + fed.slope_error) * t_error
        if tied is not None:
            unsure = unsure | tied.reshape(unsure.shape)
        on = torch.where(unsure, fed.slope > fed.slope_error, fed.value > 0)
        doubtful = unsure & (fed.slope.abs() <= fed.slope_error)
        moved = torch.where(on, fed.slope_error, torch.where(doubtful, fed.slope.abs() + fed.slope_error, 0.0))
        result = OnLine(
            torch.where(on, fed.value, 0.0),
            torch.where(unsure, fed.value.abs() + fed.error, torch.where(on, fed.error, 0.0)),
            torch.where(on, fed.slope, 0.0),
            moved,
            torch.where(on, fed.values, 0.0),
            torch.where(on, fed.slopes, 0.0),
        )
        off = (fed.value < -fed.error) | ((fed.value == 0) & (fed.error == 0))
        rate = torch.where(on, -fed.slope, fed.slope)
        flat = [part.reshape(-1) for part in (fed.value.abs(), rate, fed.error, fed.slope_error)]
        leaving = ~unsure & (rate > fed.slope_error)
        return LineStep(
            result,
            on[0].to(torch.int64),
            crossings(flat[0], flat[1], flat[2], flat[3], leaving.reshape(-1)),
            bool(torch.where(on, fed.value > fed.error, off).all()),
            bool((-rate >= fed.slope_error).all()),
        )

    def relax(self, *boxes: tuple[Tensor, Tensor]) -> Relaxation:
        """0 or h below, the chord above: `s h + max(-s l, u - s u)` rounded up; exact where the unit keeps a branch."""
        ((low, high),) = boxes
        l, u = low.reshape(len(low), -1), high.reshape(len(high), -1)  # noqa: E741
        inside = (l < 0) & (u > 0)
        active = (l >= 0).to(torch.float64)
        chord = u / torch.where(inside, u - l, 1.0)
        above = torch.where(inside, chord, active)
        room = torch.where(inside, 4 * UNIT * (u + chord * (u - l)) + UNDERFLOW, 0.0)
        offset = torch.where(inside, torch.maximum(-chord * l, u - chord * u), 0.0) + room
        # Not at 1, where symmetric networks stand and the order of sums would decide.
        below = torch.where(inside, (u > -0.9871 * l).to(torch.float64), active)
        return Relaxation(None, below, torch.zeros_like(below), None, above, offset)

    def image(self, *boxes: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """It rises."""
        ((low, high),) = boxes
        return torch.relu(low), torch.relu(high)

    def open_operands(self, *boxes: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Those of both signs."""
        ((low, high),) = boxes
        return [(low < 0) & (high > 0)]

    def mean_map(self, *boxes: tuple[Tensor, Tensor]) -> MeanMap:
        """1/2 where both signs occur."""
        ((low, high),) = boxes
        l, u = low.reshape(len(low), -1), high.reshape(len(high), -1)  # noqa: E741
        inside = ((l < 0) & (u > 0)) | ((l == 0) & (u == 0))
        half = torch.where(inside, 0.5, 0.0).to(l.dtype)
        return MeanMap(None, torch.where(inside, half, (l >= 0).to(l.dtype)), half)

    def selected(self, branches: Tensor, shapes: Sequence[Shape]) -> SelectedMap:
        """The numbers of active neurons, and 0."""
        return SelectedMap(tuple(branches.shape), None, branches.reshape(-1).to(torch.float64), None, True)
