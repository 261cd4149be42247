"""Piecewise linear functions of one number, elementwise."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrelu.operators.base import Shape
from unrelu.operators.broadcasting import fitting
from unrelu.operators.candidates import Candidates
from unrelu.operators.crossings import crossings
from unrelu.operators.guards import Guards
from unrelu.operators.line_step import LineStep
from unrelu.operators.mean_map import MeanMap
from unrelu.operators.on_line import OnLine
from unrelu.operators.piecewise_linear import PiecewiseLinear
from unrelu.operators.relaxation import Relaxation
from unrelu.operators.selected_map import SelectedMap
from unrelu.operators.windows import Windows
from unrelu.rigor.rounding import UNDERFLOW, UNIT


@dataclass(frozen=True, eq=False)
class Pieces:
    """A continuous piecewise linear function of one number, for each coordinate of a sample or for all.

    Left of the first kink it is `slopes[0] h + offsets[0]`, right of kink k `slopes[k + 1] h + offsets[k + 1]`. A kink
    belongs to the piece on its left.

    Attributes:
        kinks: float64 tensors that broadcast to the sample's shape, ascending.
        slopes: the same, one more.
        offsets: the same, one more.
    """

    kinks: tuple[Tensor, ...]
    slopes: tuple[Tensor, ...]
    offsets: tuple[Tensor, ...]


@dataclass(frozen=True, eq=False)
class Kinked(PiecewiseLinear):
    """`h -> f(h)` for each number of a sample, f piecewise linear and continuous.

    The branch of a number is the piece that it lies on, a kink counted to the piece on its left. Neighbouring pieces on
    the same line are one: the last kink passed at which f really changes tells it.
    """

    @abstractmethod
    def pieces(self) -> Pieces:
        """The function."""

    def in_turn(self) -> tuple[Kinked, ...]:
        """Functions that one after the other are this one, each with one kink, where it is made of such."""
        return (self,)

    def kinks_of(self, shape: Shape) -> list[Tensor]:
        """Where the function bends, for each number of a sample: (size,) float64 each, NaN where it does not."""
        f = self.pieces()
        return [
            torch.where(real, kink, torch.nan).expand(shape).reshape(-1)
            for kink, real in zip(f.kinks, _real(f), strict=True)
        ]

    @property
    def is_elementwise(self) -> bool:
        """It is."""
        return True

    @property
    def is_monotone(self) -> bool:
        """Whether no piece falls, so that the numbers with one value are an interval."""
        return all(bool((slope >= 0).all()) for slope in self.pieces().slopes)

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        return fitting(shapes[0], *self.tensors())

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def candidates(self, shapes: Sequence[Shape], device: torch.device) -> Candidates:
        """The lines of all pieces."""
        _, slopes, offsets = self.tables(shapes[0], device)
        own = torch.arange(slopes.shape[1], device=device)[:, None].expand(-1, len(slopes))
        return Candidates(own, slopes.T.contiguous(), offsets.T.contiguous())

    def apply(self, *inputs: Tensor) -> Tensor:
        """`f(h)`."""
        x, f = inputs[0], self.pieces()
        value = f.slopes[0] * x + f.offsets[0]
        for kink, slope, offset in zip(f.kinks, f.slopes[1:], f.offsets[1:], strict=True):
            value = torch.where(x > kink, slope * x + offset, value)
        return value

    def branches(self, *inputs: Tensor) -> Tensor:
        """The piece that each number lies on: (n, *shape) int64."""
        x, f = inputs[0], self.pieces()
        found = torch.zeros(x.shape, dtype=torch.int64, device=x.device)
        for k, (kink, real) in enumerate(zip(f.kinks, _real(f), strict=True)):
            found = torch.where((x > kink) & real, k + 1, found)
        return found

    def selected(self, branches: Tensor, shapes: Sequence[Shape]) -> SelectedMap:
        """The lines of these pieces."""
        _, slopes, offsets = self.tables(shapes[0], branches.device)
        place = branches.reshape(1, -1).long()
        slope, offset = slopes.gather(0, place)[0], offsets.gather(0, place)[0]
        plain = bool(((slope == 0) | (slope == 1)).all())
        return SelectedMap(tuple(branches.shape), None, slope, offset if bool(offset.any()) else None, plain)

    def guards(self, branches: np.ndarray, shapes: Sequence[Shape]) -> Guards:
        """Each number lies between the kinks of its piece."""
        f = self.pieces()
        n = int(np.prod(shapes[0]))
        piece = np.asarray(branches).reshape(-1)
        kinks = [_flat(kink, shapes[0]) for kink in f.kinks]
        real = [_flat(each, shapes[0]) for each in _real(f)]
        # The kink on the left is that of the branch; that on the right the next one at which anything changes.
        below = np.full(n, -1)
        above = np.full(n, len(kinks))
        for k in range(len(kinks)):
            below[piece == k + 1] = k
        for k in reversed(range(len(kinks))):
            above[(piece <= k) & real[k]] = k
        low, high = np.flatnonzero(below >= 0), np.flatnonzero(above < len(kinks))
        at = np.stack(kinks)
        units = np.concatenate([low, high])
        nothing = np.full(len(units), -1)
        plus, minus = nothing.copy(), nothing
        plus[: len(low)], minus[len(low) :] = low, high
        offsets = np.concatenate([-at[below[low], low], at[above[high], high]])
        order = np.argsort(units, kind="stable")
        return Guards(units[order], plus[order], minus[order], offsets[order] + 0.0)

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """How far the result may lie from the exact one: no piece enlarges a distance by more than its slope."""
        f = self.pieces()
        steepest = torch.stack([slope.abs().max() for slope in f.slopes]).max()
        if all(bool(((slope == 0) | (slope == 1)).all()) for slope in f.slopes):
            return errors[0]  # numbers are kept, or replaced by those of the operator
        largest = torch.stack([offset.abs().max() for offset in f.offsets]).max()
        size = steepest * values[0].abs() + largest
        found = steepest * errors[0]
        return torch.where((size == 0) & (found == 0), 0.0, found * (1 + 4 * UNIT) + 4 * unit * size + UNDERFLOW)

    def relax(self, *boxes: tuple[Tensor, Tensor]) -> Relaxation:
        """Of lines with the slope of a piece or of the chord, those that are nearest in the middle of the box.

        A line with slope s lies above f if it does at both ends and at the kinks: its offset is the largest
        `f(p) - s p`.
        """
        ((low, high),) = boxes
        shape = tuple(low.shape[1:])
        n = len(low)
        kinks, slopes, offsets = self.tables(shape, low.device)
        a, b = low.reshape(n, -1), high.reshape(n, -1)
        points = [a, b, *(torch.minimum(torch.maximum(kink, a), b) for kink in kinks)]
        values = [self.apply(point.reshape(n, *shape)).reshape(n, -1) for point in points]
        wide = b > a
        chord = torch.where(wide, (values[1] - values[0]) / torch.where(wide, b - a, 1.0), 0.0)
        chord = torch.where(torch.isfinite(chord), chord, 0.0)
        steep = max(float(slope.abs().max()) for slope in slopes)
        middle = a / 2 + b / 2
        best: list[tuple[Tensor, Tensor]] = []
        for sign in (-1.0, 1.0):
            found: tuple[Tensor, Tensor, Tensor] | None = None
            for slope in [*(each.expand(n, -1) for each in slopes), chord]:
                over = []
                for point, value in zip(points, values, strict=True):
                    size = value.abs() + slope.abs() * point.abs() + steep * point.abs()
                    over.append(sign * (value - slope * point) + 8 * UNIT * size + UNDERFLOW)
                offset = torch.stack(over).amax(dim=0)
                at = sign * slope * middle + offset
                if found is None:
                    found = slope, offset, at
                    continue
                # Of lines that are as near but for rounding the first, whatever the order of sums.
                nearer = at < found[2] - 1e-6 * steep * (b - a)
                found = (
                    torch.where(nearer, slope, found[0]),
                    torch.where(nearer, offset, found[1]),
                    torch.where(nearer, at, found[2]),
                )
            assert found is not None
            best.append((found[0], sign * found[1]))
        # On one piece, that piece itself, without rounding: the one left of the upper end. (The middle may be rounded
        # to the lower end, a kink that counts to the piece before.)
        place = self.branches(high.reshape(n, *shape)).reshape(n, -1)
        whole = ~self.open_operands(*boxes)[0].reshape(n, -1) & (b > a)
        own = [table.T[None].expand(n, -1, -1).gather(2, place[..., None])[..., 0] for table in (slopes, offsets)]
        lines = [torch.where(whole, own[k % 2], part) for k, part in enumerate((*best[0], *best[1]))]
        return Relaxation(None, lines[0], lines[1], None, lines[2], lines[3])

    def image(self, *boxes: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Between the ends and the kinks inside f is a line, so its ends are among the values there."""
        ((low, high),) = boxes
        ends = [low, high, *(torch.minimum(torch.maximum(kink, low), high) for kink in self.pieces().kinks)]
        values = [self.apply(end) for end in ends]
        errors = [self.error([end], [torch.zeros_like(end)]) for end in ends]
        lows = torch.stack([value - error for value, error in zip(values, errors, strict=True)]).amin(dim=0)
        return lows, torch.stack([value + error for value, error in zip(values, errors, strict=True)]).amax(dim=0)

    def open_operands(self, *boxes: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Those with a kink strictly inside."""
        ((low, high),) = boxes
        f = self.pieces()
        inside = torch.zeros(low.shape, dtype=torch.bool, device=low.device)
        for kink, real in zip(f.kinks, _real(f), strict=True):
            inside = inside | ((low < kink) & (kink < high) & real)
        return [inside]

    def mean_map(self, *boxes: tuple[Tensor, Tensor]) -> MeanMap:
        """The slopes of all pieces that the box has more than an end of."""
        ((low, high),) = boxes
        n = len(low)
        kinks, slopes, _ = self.tables(tuple(low.shape[1:]), low.device)
        a, b = low.reshape(n, -1), high.reshape(n, -1)
        least = torch.full_like(a, math.inf)
        most = torch.full_like(a, -math.inf)
        for k in range(len(slopes)):
            here = torch.ones_like(a, dtype=torch.bool)
            if k > 0:
                here = here & ((b > kinks[k - 1]) | ((a == b) & (b >= kinks[k - 1])))
            if k < len(kinks):
                here = here & ((a < kinks[k]) | ((a == b) & (a <= kinks[k])))
            least = torch.where(here, torch.minimum(least, slopes[k]), least)
            most = torch.where(here, torch.maximum(most, slopes[k]), most)
        middle = least / 2 + most / 2
        half = torch.maximum(most - middle, middle - least) * (1 + 4 * UNIT)
        return MeanMap(None, middle, half)

    def on_line(self, operands: Sequence[OnLine], tied: Tensor | None, t_error: float) -> LineStep:
        """The pieces just ahead of a point: right of a kink that cannot be told from it, if the slope is positive.

        Args:
            operands: as a batch of one.
            tied: which kinks (bool), those of all numbers one after another, are known to be at a tie.
            t_error: how far the tie that is meant may be from the point.
        """
        (fed,) = operands
        shape = tuple(fed.value.shape[1:])
        f = self.pieces()
        real = _real(f)
        ties = [None] * len(f.kinks) if tied is None else list(tied.reshape(len(f.kinks), *fed.value.shape))
        scale, shift = f.slopes[0].expand(fed.value.shape), f.offsets[0].expand(fed.value.shape)
        branch = torch.zeros(fed.value.shape, dtype=torch.int64, device=fed.value.device)
        jump = torch.zeros_like(fed.value)
        slope_jump = torch.zeros_like(fed.value)
        gaps, rates, doubts, sures, steps = [], [], [], [], []
        sure = lasting = True
        doubtful_slope = fed.slope.abs() <= fed.slope_error
        for k, (kink, tie, exists) in enumerate(zip(f.kinks, ties, real, strict=True)):
            moved = bool(kink.any())
            gap = fed.value - kink if moved else fed.value
            doubt = fed.error + 2 * UNIT * gap.abs() if moved else fed.error
            unsure = gap.abs() <= doubt + (fed.slope.abs() + fed.slope_error) * t_error
            if tie is not None:
                unsure = unsure | tie
            on = torch.where(unsure, fed.slope > fed.slope_error, gap > 0)
            change = (f.slopes[k + 1] - f.slopes[k]).abs()
            jump = torch.where(unsure, torch.maximum(jump, change * gap.abs()), jump)
            slope_jump = torch.where(
                unsure & doubtful_slope, torch.maximum(slope_jump, change.expand_as(gap)), slope_jump
            )
            steps.append(torch.where(unsure, torch.maximum(f.slopes[k].abs(), f.slopes[k + 1].abs()), 0.0))
            passed = on & exists
            scale = torch.where(passed, f.slopes[k + 1], scale)
            shift = torch.where(passed, f.offsets[k + 1], shift)
            branch = torch.where(passed, k + 1, branch)
            off = (gap < -doubt) | ((gap == 0) & (doubt == 0))
            sure = sure and bool((torch.where(on, gap > doubt, off) | ~exists).all())
            rate = torch.where(on, -fed.slope, fed.slope)
            lasting = lasting and bool(((-rate >= fed.slope_error) | ~exists).all())
            gaps.append(gap.abs())
            rates.append(rate)
            doubts.append(doubt)
            sures.append(~unsure & (rate > fed.slope_error) & exists)
        rate_doubts = [fed.slope_error] * len(gaps)
        flat = [torch.stack(each).reshape(-1) for each in (gaps, rates, doubts, rate_doubts, sures)]
        steepest = torch.stack([scale.abs(), *steps]).amax(dim=0)
        result = self._moved(fed, scale, shift, steepest, jump, slope_jump)
        return LineStep(result, branch[0].reshape(shape), crossings(*flat), sure, lasting)

    @staticmethod
    def _moved(fed: OnLine, scale: Tensor, shift: Tensor, steepest: Tensor, jump: Tensor, slope_jump: Tensor) -> OnLine:
        """The value and the slope on these pieces.

        Args:
            fed: what is fed.
            scale: the pieces' slopes.
            shift: their offsets.
            steepest: the largest slope of all pieces that it may be on.
            jump: how far the line of the piece may lie from the function where the piece is in doubt.
            slope_jump: how far its slope may be from the right one, for each unit of the slope that is fed.
        """
        value, slope = scale * fed.value, scale * fed.slope
        dead = scale == 0
        value, slope = torch.where(dead, 0.0, value), torch.where(dead, 0.0, slope)
        error = steepest * fed.error + jump
        slope_error = scale.abs() * fed.slope_error + slope_jump * (fed.slope.abs() + fed.slope_error)
        shifted = bool(shift.any())
        if shifted or not bool((dead | (scale == 1)).all()):
            room = torch.where(dead, 0.0, 4 * UNIT * (value.abs() + shift.abs()) + UNDERFLOW)
            still = (value == 0) & (shift == 0) & (error == 0)
            error = torch.where(still, 0.0, error * (1 + 8 * UNIT) + room)
            slope_room = torch.where(dead, 0.0, 4 * UNIT * slope.abs() + UNDERFLOW)
            slope_error = torch.where((slope == 0) & (slope_error == 0), 0.0, slope_error * (1 + 8 * UNIT) + slope_room)
        probes = torch.where(dead, 0.0, scale * fed.values) + shift
        return OnLine(
            value + shift if shifted else value,
            error,
            slope,
            slope_error,
            probes,
            torch.where(dead, 0.0, scale * fed.slopes),
        )

    def tables(self, shape: Shape, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Kinks (K, m), slopes (K + 1, m) and offsets (K + 1, m), in C order of a sample."""
        f = self.pieces()
        kinks, slopes, offsets = (
            torch.stack([each.to(device).expand(shape).reshape(-1) for each in part])
            for part in (f.kinks, f.slopes, f.offsets)
        )
        return kinks, slopes, offsets


def _real(f: Pieces) -> list[Tensor]:
    """At which kinks anything changes."""
    return [(f.slopes[k] != f.slopes[k + 1]) | (f.offsets[k] != f.offsets[k + 1]) for k in range(len(f.kinks))]


def _flat(values: Tensor, shape: Shape) -> np.ndarray:
    return np.broadcast_to(values.cpu().numpy(), shape).reshape(-1)
