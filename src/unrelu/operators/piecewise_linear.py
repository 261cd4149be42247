"""Piecewise linear operators: each unit is the largest, or the smallest, of a few affine candidates."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrelu.operators.base import Operator, Shape
from unrelu.operators.candidates import Candidates
from unrelu.operators.crossings import crossings
from unrelu.operators.guards import Guards
from unrelu.operators.line_step import LineStep
from unrelu.operators.mean_map import MeanMap
from unrelu.operators.on_line import OnLine
from unrelu.operators.relaxation import Relaxation
from unrelu.operators.selected_map import SelectedMap
from unrelu.rigor.rounding import UNDERFLOW, UNIT


@dataclass(frozen=True, eq=False)
class PiecewiseLinear(Operator):
    """`y = max_k slope_k h[coordinate_k] + offset_k` for each unit, or the minimum, of equal ones the first.

    Everything is derived from `candidates`; operators override what can be had faster. The branch of a unit at a point
    is the number of the candidate that it follows there.
    """

    @property
    def is_piecewise_linear(self) -> bool:
        """It is."""
        return True

    @property
    def concave(self) -> bool:
        """Whether units are minima, not maxima."""
        return False

    @property
    def is_rectifier(self) -> bool:
        """Whether it is the ReLU itself."""
        return False

    @abstractmethod
    def candidates(self, shapes: Sequence[Shape], device: torch.device) -> Candidates:
        """What units choose among, in C order of the result.

        Args:
            shapes: sample shapes of the operands.
            device: where to.
        """

    def apply(self, *inputs: Tensor) -> Tensor:
        """The chosen numbers."""
        shapes = _shapes(inputs)
        values = self._values(self.candidates(shapes, inputs[0].device), _joined(inputs))
        best = values.amax(dim=2)
        return (-best if self.concave else best).reshape(-1, *self.output_shape(*shapes))

    def branches(self, *inputs: Tensor) -> Tensor:
        """The candidate that each unit follows, of equal ones the first: (n, *output shape) int64."""
        shapes = _shapes(inputs)
        values = self._values(self.candidates(shapes, inputs[0].device), _joined(inputs))
        return values.argmax(dim=2).reshape(-1, *self.output_shape(*shapes))  # documented: the first of equal ones

    def selected(self, branches: Tensor, shapes: Sequence[Shape]) -> SelectedMap:
        """The affine map that the operator is on a piece.

        Args:
            branches: (*output shape) int64.
            shapes: sample shapes of the operands.
        """
        found = self.candidates(shapes, branches.device)
        place = branches.reshape(-1, 1).long()
        coordinates = found.coordinates.gather(1, place)[:, 0]
        ones = torch.ones(len(coordinates), dtype=torch.float64, device=branches.device)
        slopes = ones if found.slopes is None else found.slopes.gather(1, place)[:, 0]
        offsets = None if found.offsets is None else found.offsets.gather(1, place)[:, 0]
        plain = found.slopes is None or bool(((slopes == 0) | (slopes == 1)).all())
        return SelectedMap(tuple(branches.shape), coordinates, slopes, offsets, plain)

    def guards(self, branches: np.ndarray, shapes: Sequence[Shape]) -> Guards:
        """What holds on a piece, and only there: each chosen candidate is at least as large as the others.

        Args:
            branches: (*output shape) whole numbers.
            shapes: sample shapes of the operands.
        """
        found = self.candidates(shapes, torch.device("cpu"))
        coordinates = found.coordinates.numpy()
        slopes = np.ones(coordinates.shape) if found.slopes is None else found.slopes.numpy()
        offsets = np.zeros(coordinates.shape) if found.offsets is None else found.offsets.numpy()
        rows = np.arange(len(coordinates))[:, None]
        place = np.asarray(branches).reshape(-1, 1)
        best, slope, offset = coordinates[rows, place], slopes[rows, place], offsets[rows, place]
        # A candidate that is the chosen one once more says nothing.
        other = (coordinates >= 0) & ((coordinates != best) | (slopes != slope) | (offsets != offset))
        units, places = np.nonzero(other)
        chosen = Guards(
            units,
            best[units, 0],
            coordinates[units, places],
            offset[units, 0] - offsets[units, places],
            None if found.slopes is None else slope[units, 0],
            None if found.slopes is None else slopes[units, places],
        )
        return chosen.turned() if self.concave else chosen

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """How far the result for values with these errors may lie from the exact one: (n, *output shape) float64.

        `|max a - max b| <= max |a - b|`.

        Args:
            values: of the operands.
            errors: of them.
            unit: the unit roundoff of the arithmetic that computes the result.
        """
        shapes = _shapes(values)
        found = self.candidates(shapes, values[0].device)
        flat, doubt = _joined(values), _joined(errors)
        spread = self._spread(found, found.taken(flat), found.taken(doubt), unit)
        return torch.where(found.exist, spread, 0.0).amax(dim=2).reshape(-1, *self.output_shape(*shapes))

    def relax(self, *boxes: tuple[Tensor, Tensor]) -> Relaxation:
        """Lines below and above each unit on boxes.

        A maximum lies above each candidate, and below `h_b + max_k (max h_k - min h_b)` for the largest one, b, or
        below the largest upper end; where all candidates take the same number, below the chord.

        Args:
            boxes: for each operand its lower and its upper ends, (n, *shape) float64, finite.
        """
        low, high = _joined([low for low, _ in boxes]), _joined([high for _, high in boxes])
        floor, ceiling, found = self._ends(boxes)
        slopes, offsets = self._lines(found)
        lows, highs = found.taken(low), found.taken(high)
        best = torch.where(found.exist, floor + ceiling, -math.inf).argmax(dim=2, keepdim=True)
        pick = lambda each: each.expand(len(low), -1, -1).gather(2, best)[..., 0]  # noqa: E731
        coordinates, slope, offset = pick(found.coordinates[None]), pick(slopes[None]), pick(offsets[None])
        lower_slope, lower_offset = slope, offset
        others = ceiling.scatter(2, best, -math.inf).amax(dim=2)
        excess = (others - pick(floor)).clamp(min=0.0)
        excess = torch.where(excess > 0, excess * (1 + 4 * UNIT), 0.0)
        top = ceiling.amax(dim=2)
        flat = top - pick(ceiling) < excess  # the constant line lies lower in the middle of the box
        flat = flat & (excess > 0)
        upper_slope = torch.where(flat, 0.0, slope)
        upper_offset = torch.where(flat, top, offset + excess + 4 * UNIT * (offset.abs() + excess))
        chord_slope, chord_offset, fits = self._chord(found, slopes, offsets, lows, highs)
        fits = fits & (excess > 0)
        upper_slope = torch.where(fits, chord_slope, upper_slope)
        upper_offset = torch.where(fits, chord_offset, upper_offset)
        lines = (coordinates, lower_slope, lower_offset), (coordinates, upper_slope, upper_offset)
        if self.concave:
            lines = tuple((place, -s, -o) for place, s, o in reversed(lines))
        return Relaxation(*lines[0], *lines[1])

    def image(self, *boxes: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """At most the least, and at least the largest value of each unit on boxes: two of (n, *output shape) float64.

        Args:
            boxes: as for `relax`.
        """
        shapes = _shapes([low for low, _ in boxes])
        floor, ceiling, _ = self._ends(boxes)
        found = floor.amax(dim=2), ceiling.amax(dim=2)
        low, high = (-found[1], -found[0]) if self.concave else found
        return low.reshape(-1, *self.output_shape(*shapes)), high.reshape(-1, *self.output_shape(*shapes))

    def open_operands(self, *boxes: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Which numbers of the operands tell units apart that do not follow one candidate on the whole box.

        Args:
            boxes: as for `relax`.

        Returns:
            For each operand, (n, *its shape) bool.
        """
        floor, ceiling, found = self._ends(boxes)
        rivals = found.exist & (ceiling > floor.amax(dim=2, keepdim=True))
        rivals = rivals & (rivals.sum(dim=2, keepdim=True) > 1)
        n, sizes = len(floor), [math.prod(low.shape[1:]) for low, _ in boxes]
        counts = torch.zeros(n, sum(sizes), dtype=torch.float64, device=floor.device)
        places = found.coordinates.clamp(min=0).reshape(1, -1).expand(n, -1)
        counts = counts.scatter_add(1, places, rivals.reshape(n, -1).to(torch.float64))
        parts = (counts > 0).split(sizes, dim=1)
        return [part.reshape(low.shape) for part, (low, _) in zip(parts, boxes, strict=True)]

    def mean_map(self, *boxes: tuple[Tensor, Tensor]) -> MeanMap:
        """The derivatives that units can have on boxes.

        Args:
            boxes: as for `relax`.
        """
        floor, ceiling, found = self._ends(boxes)
        # A tie at the best one's least value is no point of an open piece, but of its closure: it counts.
        rivals = found.exist & (ceiling >= floor.amax(dim=2, keepdim=True))
        best = torch.where(rivals, floor + ceiling, -math.inf).argmax(dim=2, keepdim=True)
        coordinates = found.coordinates[None].expand(len(floor), -1, -1).gather(2, best)[..., 0]
        slopes = torch.ones_like(coordinates, dtype=torch.float64)
        if found.slopes is not None:
            slopes = found.slopes[None].expand(len(floor), -1, -1).gather(2, best)[..., 0]
        return MeanMap(coordinates, slopes, None, found, rivals)

    def _ends(self, boxes: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Candidates]:
        """Ends of what is to be largest, of each candidate, (n, m, k) rounded outward; -inf where there is none."""
        low, high = _joined([low for low, _ in boxes]), _joined([high for _, high in boxes])
        found = self.candidates(_shapes([low for low, _ in boxes]), low.device)
        slopes, offsets = self._lines(found)
        lows, highs = found.taken(low), found.taken(high)
        floor = torch.where(slopes >= 0, slopes * lows, slopes * highs) + offsets
        ceiling = torch.where(slopes >= 0, slopes * highs, slopes * lows) + offsets
        room = 4 * UNIT * (slopes.abs() * torch.maximum(lows.abs(), highs.abs()) + offsets.abs()) + UNDERFLOW
        floor = torch.where(found.exist, floor - room, -math.inf)
        return floor, torch.where(found.exist, ceiling + room, -math.inf), found

    def _lines(self, found: Candidates) -> tuple[Tensor, Tensor]:
        """Slopes and offsets of what is to be largest."""
        sign = -1.0 if self.concave else 1.0
        slopes = torch.ones_like(found.coordinates, dtype=torch.float64) if found.slopes is None else found.slopes
        slopes = sign * slopes
        return slopes, torch.zeros_like(slopes) if found.offsets is None else sign * found.offsets

    def on_line(self, operands: Sequence[OnLine], tied: Tensor | None, t_error: float) -> LineStep:
        """The operator just ahead of a point of a line.

        Of candidates that cannot be told apart the one with the greatest slope is followed.

        Args:
            operands: as batches of one.
            tied: which candidates (bool, those of one unit after those of another) are known to be at a tie.
            t_error: how far the tie that is meant may be from the point.
        """
        shape = self.output_shape(*_shapes([operand.value for operand in operands]))
        found = self.candidates([tuple(operand.value.shape[1:]) for operand in operands], operands[0].value.device)
        fed = OnLine.joined(operands)
        inside = found.exist
        sign = -1.0 if self.concave else 1.0
        taken = found.taken(fed.value)[0]
        z, e = sign * found.values(fed.value)[0], self._spread(found, taken, found.taken(fed.error)[0])
        s = sign * found.scaled(found.taken(fed.slope)[0])
        f = found.magnitudes(found.taken(fed.slope_error)[0])
        if found.slopes is not None:
            f = f + 2 * UNIT * s.abs()
        z = torch.where(inside, z, -math.inf)
        top = z.argmax(dim=1, keepdim=True)
        gap = z.gather(1, top) - z
        doubt = e + e.gather(1, top)
        near = gap <= doubt + ((s - s.gather(1, top)).abs() + f + f.gather(1, top)) * t_error
        if tied is not None:
            near = near | tied.reshape(near.shape)
        near = near & inside
        best = torch.where(near, s, -math.inf).argmax(dim=1, keepdim=True)
        zb, eb, sb, fb = (part.gather(1, best) for part in (z, e, s, f))
        spread = torch.where(near, (z - zb).abs() + e, 0.0).amax(dim=1)
        alone = near.sum(dim=1) == 1
        slope_doubt = torch.where(near & ((s - sb).abs() <= f + fb), (s - sb).abs() + f, 0.0).amax(dim=1)
        map_ = self.selected(best.reshape(shape), [tuple(operand.value.shape[1:]) for operand in operands])
        result = OnLine(
            sign * zb.reshape(1, *shape),
            torch.where(alone, eb[:, 0], torch.maximum(spread, eb[:, 0])).reshape(1, *shape),
            sign * sb.reshape(1, *shape),
            torch.maximum(fb[:, 0], slope_doubt).reshape(1, *shape),
            map_.apply(fed.values),
            map_.linear(fed.slopes),
        )
        rate, doubt, rate_doubt = s - sb, e + eb, f + fb
        chosen = torch.zeros_like(inside).scatter(1, best, True)
        distinct = inside & ~chosen & ~self._copies(found, best)
        sure = distinct & ~near & (rate > rate_doubt)
        gaps = torch.where(distinct, zb - z, math.inf)
        # A gap and its doubt are sums of two numbers, each rounded once.
        settled = (gaps * (1 - 8 * UNIT) > doubt) | ((gaps == 0) & (doubt == 0)) | ~distinct
        keeps = (-rate * (1 - 8 * UNIT) > rate_doubt) | ((rate == 0) & (rate_doubt == 0)) | ~distinct
        flat = (gaps.reshape(-1), rate.reshape(-1), doubt.reshape(-1), rate_doubt.reshape(-1), sure.reshape(-1))
        events = crossings(*flat)
        return LineStep(result, best.reshape(shape), events, bool(settled.all()), bool(keeps.all()))

    def _values(self, found: Candidates, flat: Tensor) -> Tensor:
        """(n, m, k) what is to be largest."""
        values = found.values(flat)
        return torch.where(found.exist, -values if self.concave else values, -math.inf)

    @staticmethod
    def _spread(found: Candidates, taken: Tensor, doubt: Tensor, unit: float = UNIT) -> Tensor:
        """How far candidates may be off, their own rounding included."""
        spread = found.magnitudes(doubt)
        if found.slopes is None and found.offsets is None:
            return spread
        size = found.magnitudes(taken.abs())
        size = size if found.offsets is None else size + found.offsets.abs()
        still = (size == 0) & (spread == 0)
        return torch.where(still, 0.0, spread * (1 + 4 * UNIT) + 4 * unit * size + UNDERFLOW)

    @staticmethod
    def _copies(found: Candidates, best: Tensor) -> Tensor:
        """(m, k) which candidates are the chosen one once more."""
        same = found.coordinates == found.coordinates.gather(1, best)
        for each in (found.slopes, found.offsets):
            if each is not None:
                same = same & (each == each.gather(1, best))
        return same

    @staticmethod
    def _chord(
        found: Candidates, slopes: Tensor, offsets: Tensor, lows: Tensor, highs: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The chord of a maximum of lines in one number, and which units are such."""
        a, b = lows[..., 0], highs[..., 0]
        at = [torch.where(found.exist, slopes * end[..., None] + offsets, -math.inf).amax(dim=2) for end in (a, b)]
        slope = torch.where(b > a, (at[1] - at[0]) / torch.where(b > a, b - a, 1.0), 0.0)
        fits = found.in_common & torch.isfinite(slope)
        slope = torch.where(fits, slope, 0.0)
        # A convex function lies below each line that is above both of its ends.
        ends = [value - slope * end for value, end in zip(at, (a, b), strict=True)]
        size = torch.maximum(at[0].abs(), at[1].abs()) + slope.abs() * torch.maximum(a.abs(), b.abs())
        largest = (offsets.abs() + slopes.abs() * torch.maximum(lows.abs(), highs.abs())).amax(dim=2)
        return slope, torch.maximum(*ends) + 8 * UNIT * (size + largest) + UNDERFLOW, fits


def _shapes(inputs: Sequence[Tensor]) -> list[Shape]:
    return [tuple(each.shape[1:]) for each in inputs]


def _joined(inputs: Sequence[Tensor]) -> Tensor:
    flat = [each.reshape(len(each), math.prod(each.shape[1:])) for each in inputs]
    return flat[0] if len(flat) == 1 else torch.cat(flat, dim=1)
