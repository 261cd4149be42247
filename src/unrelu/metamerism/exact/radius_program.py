"""The nearest in L-infinity: the least radius about the target at which a part's rows can be kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.exact.part_program import PartProgram
from unrelu.solvers.boxed_program import Outcome

if TYPE_CHECKING:
    from unrelu.metamerism.exact.part import Part
    from unrelu.solvers.basis import Basis

ROUNDED = 1e-10
"""Of a radius, and of 1: by how much it grows at least."""

RISES = 100
"""Radii that are tried one after another at most; a handful is usual."""


class RadiusProgram(PartProgram):
    """`PartProgram` without costs, in ever larger boxes about the target, until its rows can be kept.

    Where they cannot, the multipliers that tell so tell the same up to a larger radius, a zero of a piecewise linear
    function: that is tried next (Newton's method, from below). There the multipliers prove just that radius.
    """

    _radius = math.inf  # of the whole box, whose rows are the widest
    _multipliers: np.ndarray | None = None

    def enter(self, part: Part) -> None:
        """Stand at a part, at the radius that is proved of it."""
        self._begin(part)
        super().enter(part)

    def look(self, part: Part, state: Basis) -> None:
        """Stand at a part, at the radius that is proved of it."""
        self._begin(part)
        super().look(part, state)

    def _begin(self, part: Part) -> None:
        self._radius, self._multipliers = max(part.bound, self._least(part)), None

    def _least(self, part: Part) -> float:
        t = self.rows.center
        return float(np.maximum(np.maximum(part.lower - t, t - part.upper), 0.0).max(initial=0.0))

    def _bounds(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        lower, upper = super()._bounds(part)
        n, r = len(self._inputs), self._radius if part is self._part else math.inf
        low, high = lower.copy(), upper.copy()
        low[:n], high[:n] = np.maximum(lower[:n], -r), np.minimum(upper[:n], r)
        high[:n] = np.maximum(high[:n], low[:n])
        return low, high

    def run(self, *, most: int, value: float = math.inf) -> Outcome:
        """Go on to the least radius, or to one of at least `value`."""
        self._program.set_bounds(*self._bounds(self._part))
        for _ in range(RISES):
            if self._radius >= value:
                return Outcome.CUT
            outcome = self._program.run(most=most)
            if outcome is not Outcome.INFEASIBLE:
                return outcome
            y = self._program.ray
            found, scale = self._zero(y)
            if found == math.inf:
                return Outcome.INFEASIBLE
            if found > self._radius or self._multipliers is None:
                self._multipliers = y * scale
            # Where it is rounding that breaks the rows, the radius grows by more than that, and nothing else is proved.
            self._radius = max(found, self._radius + ROUNDED * max(1.0, self._radius))
            self._program.set_bounds(*self._bounds(self._part))
        return Outcome.STOPPED

    def _zero(self, y: np.ndarray) -> tuple[float, float]:
        """About the radius up to which multipliers tell that rows cannot be kept, and the factor at which they do."""
        lower, upper = super()._bounds(self._part)
        n = len(self._inputs)
        side = np.where(y > 0, self._program.row_lower, self._program.row_upper)
        kept = np.isfinite(side)  # without the multiplier of an absent side the rest tells as much
        slopes = -(y[kept] @ self._program.matrix[kept])
        fixed = float(y[kept] @ side[kept])
        fixed += float(np.minimum(slopes[n:] * lower[n:], slopes[n:] * upper[n:]).sum())
        g, a, b = slopes[:n], lower[:n], upper[:n]

        def least(r: float) -> float:
            low, high = np.maximum(a, -r), np.minimum(b, r)
            return fixed + float(np.minimum(g * low, g * high).sum())

        most = float(np.maximum(np.abs(a), np.abs(b)).max(initial=0.0))
        noise = 1e-12 * (
            np.abs(y[kept]) @ np.abs(side[kept]) + np.abs(slopes) @ np.maximum(np.abs(lower), np.abs(upper))
        )
        if least(most) > noise:
            return math.inf, 1.0
        low, high = self._radius, max(most, self._radius)
        for _ in range(80):
            middle = low / 2 + high / 2
            if not low < middle < high:
                break
            low, high = (middle, high) if least(middle) > noise else (low, middle)
        reach = np.where(g > 0, -a, b)
        total = float(np.abs(g)[reach > low].sum())
        return low, 1.0 / total if total > 0 else 1.0

    @property
    def level(self) -> float:
        """The radius."""
        return self._radius

    @property
    def multipliers(self) -> np.ndarray:
        """Those of the last radius that did not do."""
        return np.zeros(self._program.n_rows) if self._multipliers is None else self._multipliers
