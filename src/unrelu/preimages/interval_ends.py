"""The ends of intervals of pre-activations, as numbers that are not rounded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from unrelu.network.units import Units
from unrelu.polyhedra.exact_membership import bound_signs
from unrelu.polyhedra.sharp_rows import BLURRED
from unrelu.preimages.feature_intervals import FeatureIntervals
from unrelu.rigor.matrices import Matrix, row_numbers
from unrelu.rigor.rounding import UNDERFLOW, UNIT
from unrelu.rigor.signs import exact_dot, exact_signs, nearest_float


@dataclass(frozen=True, eq=False)
class IntervalEnds:
    """`t = (sum of parts + rate (a.x0 + b)) / divisor` for each unit; x0 counts where a rate is not 0.

    On a piece `s t + o` that is left at `y + eps` it is `t = (y + eps - o) / s`; y is given, or `s0 (a.x0 + b) + o0`. A
    kink is itself.

    Attributes:
        parts: (m, 3) float64.
        rate: (m,) float64.
        divisor: (m,) float64, nowhere 0.
    """

    parts: np.ndarray
    rate: np.ndarray
    divisor: np.ndarray

    @classmethod
    def upper(
        cls,
        units: Units,
        intervals: FeatureIntervals,
        tolerance: np.ndarray,
        *,
        features: np.ndarray | None = None,
        piece: np.ndarray | None = None,
    ) -> IntervalEnds:
        """The upper ends; any number where there is none.

        Args:
            units: the functions.
            intervals: the intervals.
            tolerance: (m,) eps.
            features: (m,) y, given.
            piece: (m,) or the pieces that x0 lies on.
        """
        kinks = np.where(intervals.upper_kink, intervals.upper_piece - 1, -1)
        return cls._of(units, intervals.upper_piece, kinks, intervals.above, tolerance, features, piece)

    @classmethod
    def lower(
        cls,
        units: Units,
        intervals: FeatureIntervals,
        tolerance: np.ndarray,
        *,
        features: np.ndarray | None = None,
        piece: np.ndarray | None = None,
    ) -> IntervalEnds:
        """The lower ends, likewise."""
        kinks = np.where(intervals.lower_kink, intervals.lower_piece, -1)
        return cls._of(units, intervals.lower_piece, kinks, intervals.below, -tolerance, features, piece)

    @classmethod
    def _of(
        cls,
        units: Units,
        at: np.ndarray,
        kinks: np.ndarray,
        there: np.ndarray,
        room: np.ndarray,
        features: np.ndarray | None,
        piece: np.ndarray | None,
    ) -> IntervalEnds:
        own = np.arange(at.size)
        at = at.astype(np.int64)
        slope, offset = units.slopes[at, own], units.offsets[at, own]
        if features is not None:
            rate, value = np.zeros(at.size), features
        else:
            assert piece is not None
            rate, value = units.slopes[piece.astype(np.int64), own], units.offsets[piece.astype(np.int64), own]
        parts = np.column_stack([value, -offset, np.where(slope < 0, -room, room)])
        same = value == offset  # of one piece: they cancel exactly
        parts[same, :2] = 0.0
        at_kink = kinks >= 0
        kink = units.kinks[np.maximum(kinks, 0), own]
        parts[at_kink] = 0.0
        parts[at_kink, 0] = kink[at_kink]
        plain = at_kink | ~there
        parts[~there] = 0.0
        return cls(parts, np.where(plain, 0.0, rate), np.where(plain, 1.0, slope))

    def taken(self, chosen: np.ndarray) -> IntervalEnds:
        """Those of some units."""
        return IntervalEnds(self.parts[chosen], self.rate[chosen], self.divisor[chosen])

    def exactly(self, unit: int, at_x0: Fraction) -> Fraction:
        """One end; `a.x0 + b` is given."""
        total = sum((Fraction(part) for part in self.parts[unit].tolist()), Fraction(0))
        return (total + Fraction(self.rate[unit]) * at_x0) / Fraction(self.divisor[unit])

    def slacks(
        self, A: Matrix, b: np.ndarray, x: np.ndarray, values: np.ndarray, errors: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """`t - (a.x + b)` for each unit and by how much each may be off; x is x0 where a rate is not 0.

        They are summed exactly where the error is no small part of them: these slacks say how thin the set is.

        Args:
            A: (m, d), the units' own rows.
            b: (m,).
            x: (d,).
            values: (m,) `a.x + b`, rounded.
            errors: (m,) by how much these may be off.
        """
        moves = self.rate != self.divisor
        rest = np.where(moves, self.rate - self.divisor, 0.0)
        with np.errstate(over="ignore", invalid="ignore"):
            slack = (self.parts.sum(axis=1) + rest * np.where(moves, values, 0.0)) / self.divisor
            size = np.abs(self.parts).sum(axis=1) + np.abs(rest) * np.where(moves, np.abs(values) + errors, 0.0)
            error = (8 * UNIT * size + np.abs(rest) * np.where(moves, errors, 0.0) * (1 + 8 * UNIT)) / np.abs(
                self.divisor
            ) * (1 + 8 * UNIT) + 8 * UNDERFLOW * (1 + 1 / np.abs(self.divisor))
        exact = ~moves & (np.count_nonzero(self.parts, axis=1) <= 1) & (self.divisor == 1)
        error = np.where(exact, 0.0, error)
        for i in np.flatnonzero(~((error <= BLURRED * np.abs(slack)) & np.isfinite(slack))):
            columns, numbers = row_numbers(A, int(i))
            there = exact_dot(numbers, x[columns]) + Fraction(b[i])
            value = self.exactly(int(i), there) - there
            slack[i] = nearest_float(value)
            exact_there = np.isfinite(slack[i]) and Fraction(slack[i]) == value
            error[i] = 0.0 if exact_there else 2 * UNIT * abs(slack[i]) + UNDERFLOW
        return slack, error

    def signs(self, A: np.ndarray, b: np.ndarray, x0: np.ndarray, x: np.ndarray) -> np.ndarray:
        """(m,) the exact signs of `a.x + b - t` at a point (d,)."""
        found = np.zeros(len(b), dtype=np.int8)
        whole = self.divisor == 1
        moved = whole & (self.rate == 1) & (np.count_nonzero(self.parts, axis=1) <= 1)
        fixed = whole & (self.rate == 0)
        found[moved] = bound_signs(A[moved], self.parts[moved].sum(axis=1), x0, x)
        # Summands count as the weights of coordinates that are 1, so that nothing is rounded.
        rows = np.column_stack([A, b, -self.parts])[fixed]
        found[fixed] = exact_signs(rows, np.zeros(len(rows)), np.append(x, np.ones(4)))
        for i in np.flatnonzero(~(moved | fixed)):
            row = np.append(A[i], b[i])
            end = self.exactly(int(i), exact_dot(row, np.append(x0, 1.0)))
            gap = exact_dot(row, np.append(x, 1.0)) - end
            found[i] = (gap > 0) - (gap < 0)
        return found
