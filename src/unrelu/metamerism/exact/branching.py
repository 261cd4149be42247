"""Which unit a part is told apart by: the one whose two sides raise the bound most."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

LEAST = 1e-6
"""A gain counts as at least this, in units of what is missing."""

RELIABLE = 8
"""Trials of each side after which a unit's gains are estimated from those before."""

LOOKED_AT = 40
"""Units that are tried at a part, at most."""

IN_VAIN = 10
"""Trials one after another that find no better unit, after which no more are made."""

STEPS = 30
"""Of the dual simplex method in a trial."""


@dataclass
class Gains:
    """How much fixing units raised bounds, for each unit of what was cut off (pseudo-costs).

    Trials until these are reliable: Achterberg, Koch and Martin, Branching rules revisited, 2005.

    Attributes:
        total: (2, K) float64, gains divided by what was cut off, below and above.
        count: (2, K) trials.
    """

    n: int
    total: np.ndarray = field(init=False)
    count: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.total, self.count = np.zeros((2, self.n)), np.zeros((2, self.n))

    def add(self, side: int, unit: int, cut: float, gain: float) -> None:
        """Remember one: `cut` is what was cut off."""
        self.total[side, unit] += gain / max(cut, 1e-9)
        self.count[side, unit] += 1

    def expected(self, cuts: np.ndarray) -> np.ndarray:
        """(2, K) of each side of each unit, of what would be cut off, (2, K)."""
        rates = self.total / np.maximum(self.count, 1)
        means = np.where(self.count.any(axis=1), self.total.sum(axis=1) / np.maximum(self.count.sum(axis=1), 1), 1.0)
        return np.where(self.count > 0, rates, means[:, None]) * cuts

    def is_reliable(self, unit: int) -> bool:
        """Whether enough is known of a unit."""
        return bool(self.count[:, unit].min() >= RELIABLE)


def score(gains: np.ndarray, missing: float) -> np.ndarray:
    """Of gains (2, ...): their product, as both sides have to be settled."""
    least = LEAST * missing if math.isfinite(missing) else LEAST
    return np.maximum(gains[0], least) * np.maximum(gains[1], least)
