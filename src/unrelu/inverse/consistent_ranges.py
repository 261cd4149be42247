"""Between which values unknowns lie, given measured numbers with noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

POINTLIKE = 50.0
"""Per cent of a width that is open though it was reached: the set is about a point, and the width means nothing."""


@dataclass(frozen=True, eq=False)
class ConsistentRanges:
    """Ranges of k unknowns, or of functionals `c x`, over all inputs that are consistent with the measured outputs.

    Attributes:
        functionals: (k, d) float64, the rows c.
        outer: (k, 2) float64: no consistent input has a smaller or larger value, proved; NaN where there is none.
        inner: (k, 2) float64: values at consistent inputs, proved ones; NaN where none is known.
        members: (k, 2, d) float64, those inputs.
        reached: (k,) bool, whether inner and outer ends are as near as was asked.
        empty: True where it is proved that no input is consistent, False where one is known, None where that is open.
        seconds: that this question took.
        stopped: why it ended before all was reached: "time limit", "interrupted", "rounding", or "".
    """

    functionals: np.ndarray
    outer: np.ndarray
    inner: np.ndarray
    members: np.ndarray
    reached: np.ndarray
    empty: bool | None
    seconds: float
    stopped: str

    @property
    def gap(self) -> np.ndarray:
        """(k,) float64, what part of the outer range is open, between its ends and the inner ones; 1 without member."""
        widths = [ends[:, 1] - ends[:, 0] for ends in (self.outer, self.inner)]
        outer, inner = widths[0], np.where(np.isnan(widths[1]), 0.0, widths[1])
        found = np.where(outer > 0, 1.0 - inner / np.where(outer > 0, outer, 1.0), 0.0)
        return np.where(np.isnan(outer), np.nan, np.clip(found, 0.0, 1.0))

    def __len__(self) -> int:
        """K."""
        return len(self.outer)

    def __repr__(self) -> str:
        """A line with the widest gap."""
        k = len(self)
        what = f"{k} range{'s' * (k != 1)}"
        if self.empty:
            return f"ConsistentRanges({what}, proved empty: no input is consistent)"
        why = f", {self.stopped}" if self.stopped else ""
        if self.empty is None:
            return f"ConsistentRanges({what}, no consistent input known so far{why})"
        worst = 100 * float(self.gap.max(initial=0.0))
        if worst >= POINTLIKE and self.reached.all():
            return f"ConsistentRanges({what}, outer and inner ends as near as was asked)"
        return f"ConsistentRanges({what}, outer and inner ends within {worst:.2g} % of the width{why})"
