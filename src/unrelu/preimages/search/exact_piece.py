"""A sub-problem on which a network is one affine map, in exact rational arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.exact.null_space import null_space
from unrelu.exact.system import ExactSystem
from unrelu.network.affine_rows import check_numbers
from unrelu.preimages.lifted.exact_values import ExactValues, OutOfWork
from unrelu.rigor.signs import nearest_float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.selected_map import SelectedMap
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement

NEAR = Fraction(1, 2**36)
"""Rows broken or kept by less than this part of their numbers may be met exactly."""

WORK = 2e5
"""Products that the exact values at a point may take: those of small networks, a few hundredths of a second."""


@dataclass(frozen=True, eq=False)
class ExactPiece:
    """The solutions in a sub-problem: `x = lower + t (upper - lower)` with `0 <= t <= 1` and `steps t <= limits`.

    Attributes:
        lower: (d,) float64, of the box.
        upper: (d,) float64.
        free: the k inputs whose ends differ, which t stands for.
        steps: by row (of the m outputs, of the negatives of those that may not fall, and of the sides that are fixed)
            k numbers.
        limits: as many numbers as rows.
        places: (rows,) int64, numbers of these rows among the inequalities of `Examined`.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    free: tuple[int, ...]
    steps: tuple[tuple[Fraction, ...], ...]
    limits: tuple[Fraction, ...]
    places: NDArray[np.int64]

    def refutes(self, weights: NDArray[np.float64]) -> bool:
        """Whether the sum of the rows times weights is broken everywhere on the box, without any rounding.

        Args:
            weights: of the inequalities of `Examined`, of at least 0; what is missing counts as 0, what belongs to
                none of these rows not at all.
        """
        known = self.places < len(weights)
        used = np.where(known, weights[np.where(known, self.places, 0)] if len(weights) else 0.0, 0.0)
        if not bool((np.isfinite(used) & (used >= 0)).all()):
            return False
        exact = [Fraction(weight) for weight in used.tolist()]
        limit = sum((weight * each for weight, each in zip(exact, self.limits, strict=True)), Fraction(0))
        least = Fraction(0)
        for j in range(len(self.free)):
            slope = sum((weight * step[j] for weight, step in zip(exact, self.steps, strict=True)), Fraction(0))
            least += min(slope, Fraction(0))
        return least > limit

    def where(self, t: Sequence[Fraction]) -> tuple[Fraction, ...]:
        """The input (d,) of some t, exactly."""
        x = [Fraction(each) for each in self.lower.tolist()]
        for j, part in zip(self.free, t, strict=True):
            x[j] += part * (Fraction(float(self.upper[j])) - x[j])
        return tuple(x)

    def point(self, t: Sequence[Fraction]) -> NDArray[np.float64]:
        """The input (d,) of some t, each number rounded once."""
        return np.array([nearest_float(each) for each in self.where(t)], dtype=np.float64)

    def has_solution_near(self, point: NDArray[np.float64]) -> bool:
        """Whether there is a solution on those rows that a point (d,) of the box is as good as on; eliminates only."""
        t = []
        for j in self.free:
            low, high = Fraction(float(self.lower[j])), Fraction(float(self.upper[j]))
            t.append((Fraction(float(point[j])) - low) / (high - low))
        return any(self._corrected(t, at_ends) for at_ends in (True, False))

    def _corrected(self, t: list[Fraction], at_ends: bool) -> bool:
        """Whether t has a solution beside it on the rows, and perhaps ends of the box, that it is as good as on."""
        ends = [round(part) if at_ends and abs(part - round(part)) <= NEAR else None for part in t]
        t = [part if end is None else Fraction(end) for part, end in zip(t, ends, strict=True)]
        moving = [j for j, end in enumerate(ends) if end is None]
        rows = []
        for step, limit, slack in zip(self.steps, self.limits, self._slacks(t), strict=True):
            if abs(slack) <= NEAR * sum(map(abs, step), abs(limit)):
                rows.append(_whole([*(step[j] for j in moving), -slack]))
        for vector in null_space(rows, len(moving) + 1) or []:
            if vector[-1]:
                for j, change in zip(moving, vector, strict=False):
                    t[j] += Fraction(change, vector[-1])
                return all(0 <= part <= 1 for part in t) and min(self._slacks(t), default=0) >= 0
        return False

    def _slacks(self, t: Sequence[Fraction]) -> list[Fraction]:
        return [
            limit - sum((a * b for a, b in zip(step, t, strict=True)), Fraction(0))
            for step, limit in zip(self.steps, self.limits, strict=True)
        ]


def exact_piece(statement: InverseStatement, seen: Examined, place: int) -> ExactPiece | None:
    """What the solutions in a sub-problem keep exactly; None where a unit is not settled, or it would take too long.

    On a sub-problem on which no unit has a kink strictly inside its bounds, each follows one line. What these lines
    make of the box's lower corner and of its neighbours, whether units follow them there or not, is the affine map.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one of them.
    """
    units, problems = seen.units, seen.problems
    known = not bool((units.low[place] + units.high[place]).isnan().any())
    if not known or int(units.open[place]) > 0 or statement.by_units:
        return None
    lower, upper = problems.lower[place].numpy(), problems.upper[place].numpy()
    free = np.flatnonzero(upper > lower)
    points = [lower, *(np.where(np.arange(len(lower)) == j, upper, lower) for j in free)]
    held = torch.nonzero(problems.fixed[place] >= 0)[:, 0]
    try:
        check_numbers(statement.bounded.network)
        lines = _lines(statement, seen, place)
        corners = [_values(statement, lines, point, problems.fixed[place][held].tolist()) for point in points]
    except OutOfWork:
        return None
    m, k = len(statement.features), seen.multipliers.shape[1]
    rho = [Fraction(each) for each in statement.resolution.tolist()]
    below = torch.nonzero(statement.held)[:, 0].tolist()  # the others may fall
    signs = [1] * m + [-1] * len(below) + [-int(side) for side in problems.sides[place][held].tolist()]
    rows = [*range(m), *below, *range(m, m + len(held))]
    ends = [y + each for y, each in zip(statement.wanted, rho, strict=True)]
    ends += [rho[i] - statement.wanted[i] for i in below]
    ends += [-Fraction(side) * Fraction(kink) for side, kink in _pairs(seen, place, held)]
    base = corners[0]
    return ExactPiece(
        lower=lower,
        upper=upper,
        free=tuple(free.tolist()),
        steps=tuple(
            tuple(sign * (corner[row] - base[row]) for corner in corners[1:])
            for sign, row in zip(signs, rows, strict=True)
        ),
        limits=tuple(end - sign * base[row] for end, sign, row in zip(ends, signs, rows, strict=True)),
        places=np.concatenate(
            [k + np.arange(m), 2 * k + m + np.array(below, dtype=np.int64), 2 * (k + m) + held.numpy()],
        ).astype(np.int64),
    )


def _whole(row: Sequence[Fraction]) -> list[int]:
    common = math.lcm(*(value.denominator for value in row))
    return [int(value * common) for value in row]


def _pairs(seen: Examined, place: int, held: torch.Tensor) -> list[tuple[float, float]]:
    problems = seen.problems
    return list(zip(problems.sides[place][held].tolist(), problems.kinks[place][held].tolist(), strict=True))


def _lines(statement: InverseStatement, seen: Examined, place: int) -> dict[str, SelectedMap]:
    """By node that is not affine, the line that each of its units follows: that on the left of its upper bound."""
    bounded = statement.bounded
    lines = {}
    for node in bounded.network.nodes[1:]:
        if node.is_affine:
            continue
        (name,) = node.inputs
        shape = bounded.network.node(name).shape
        branches = node.kinked.branches(seen.units.high[place, bounded.spans[name]].reshape(1, *shape))[0]
        lines[node.name] = node.kinked.selected(branches, [shape])
    return lines


def _values(
    statement: InverseStatement, lines: dict[str, SelectedMap], point: NDArray[np.float64], fixed: list[int]
) -> list[Fraction]:
    """What the lines make of a point: the outputs, then what the units that are fixed are fed.

    Raises:
        OutOfWork: if that takes too long.
    """
    bounded = statement.bounded
    network = bounded.network
    exact = ExactValues(network, point, WORK)
    for name, chosen in lines.items():
        exact.choose(name, chosen)
    found: list[Fraction] = []
    for name in network.outputs:
        numbers, common = exact.of(name, np.arange(math.prod(network.node(name).shape)))
        found += [Fraction(number, common) for number in numbers]
    for unit in fixed:
        name = next(name for name, span in bounded.spans.items() if span.start <= unit < span.stop)
        (number,), common = exact.of(name, np.array([unit - bounded.spans[name].start]))
        found.append(Fraction(number, common))
    return found


def exact_system(piece: ExactPiece) -> ExactSystem:
    """Its rows and `0 <= t <= 1` as rows of integers."""
    k = len(piece.free)
    rows, scales = [], []
    for step, limit in zip(piece.steps, piece.limits, strict=True):
        scale = math.lcm(limit.denominator, *(value.denominator for value in step))
        rows.append(tuple(int(value * scale) for value in (*step, limit)))
        scales.append(scale)
    for sign in (-1, 1):
        rows += [(*(sign * (i == j) for i in range(k)), int(sign > 0)) for j in range(k)]
    every = tuple(range(k))
    return ExactSystem(k, tuple(rows), (*scales, *[1] * (2 * k)), len(piece.limits), 0, (), every, every, frozenset())
