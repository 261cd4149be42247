"""Ends of ranges over a covering: best first, until boxes and members are as near as was asked."""

from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.inverse.consistent_ranges import ConsistentRanges
from unrelu.inverse.covering import BATCH, Covering
from unrelu.inverse.members import are_members, descend, snapped
from unrelu.rigor.signs import nearest_float

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

STARTS = 2
"""Points that steps to better members begin at, of each cost after each batch."""

FINEST = 2.0**-30
"""Of what a cost changes over the domain: ends are not asked to be nearer than that."""

ROUNDING = 2.0**-40
"""Of what terms of a cost are on the domain: nor than that, as bounds of them are rounded."""

MOST = 4096
"""Members that are kept, beside those at which a cost is least."""


class RangeSearch:
    """A covering and members of S, sharpened towards the ends of ranges.

    Attributes:
        covering: boxes that hold S.
        members: (n, d) float64, proved.
    """

    def __init__(self, covering: Covering) -> None:
        """Begin.

        Args:
            covering: boxes.
        """
        self.covering = covering
        self.members = np.zeros((0, len(covering.statement.lower)))

    @property
    def empty(self) -> bool | None:
        """True if it is proved that S is empty, False if a member is known, None where that is open."""
        if not len(self.covering.open):
            return True
        return False if len(self.members) else None

    def outer(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k,) the least that costs can be on S, proved; inf where S is empty."""
        covering = self.covering
        return covering.claims[covering.open][:, places].min(axis=0, initial=np.inf)

    def best(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """(k,) the numbers of the members at which costs are least; there has to be one."""
        return (self.members @ self.covering.costs[places].T).argmin(axis=0)

    def least(self, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """(k,) the costs there; inf where no member is known."""
        return (self.members @ self.covering.costs[places].T).min(axis=0, initial=np.inf)

    def tolerances(self, places: NDArray[np.int64], within: float) -> NDArray[np.float64]:
        """(k,) how near to each other both ends of each cost are asked to be; costs come in pairs of c and -c."""
        covering = self.covering
        outer = self.outer(places)
        width = -(outer[0::2] + outer[1::2])
        lower, upper = covering.statement.lower.numpy(), covering.statement.upper.numpy()
        unit = FINEST * (upper - lower) + ROUNDING * np.maximum(np.abs(lower), np.abs(upper))
        finest = (np.abs(covering.costs[places[0::2]]) * unit).sum(axis=1) + 2.0**-1000
        return np.repeat(np.maximum(within * width / 2, finest), 2)

    def competing(self, places: NDArray[np.int64], within: float) -> NDArray[np.bool_]:
        """(N, k) which boxes may hold a better end than the members by more than is asked."""
        covering = self.covering
        least = self.least(places) - self.tolerances(places, within)
        open_ = covering.alive & ~covering.stuck
        return open_[:, None] & (covering.claims[:, places] < least)

    def nearness(self, places: NDArray[np.int64], within: float) -> float:
        """How near the ends are, from 0 to 1: the mean share that is left of each gap when it is as asked."""
        if not len(self.covering.open):
            return 1.0
        if not len(self.members):
            return 0.0
        gaps, allowed = self.least(places) - self.outer(places), self.tolerances(places, within)
        shares = np.where(gaps > allowed, allowed / np.where(gaps > allowed, gaps, 1.0), 1.0)
        return float(shares.mean())

    def run(
        self,
        places: NDArray[np.int64],
        *,
        within: float,
        time_limit: float = math.inf,
        tell: Callable[[float], None] | None = None,
    ) -> bool:
        """Go on until all ends are as near as was asked; whether they are.

        Args:
            places: (2k,) of costs c and -c.
            within: of each range's outer width, how much may be open.
            time_limit: seconds.
            tell: is called after each batch.
        """
        start = time.monotonic()
        while True:
            wanted = self.competing(places, within)
            if not wanted.any():
                return True
            if time.monotonic() - start >= time_limit:
                return False
            numbers = self._chosen(places, wanted)
            least = self.least(places) - self.tolerances(places, within)
            ahead = (wanted[numbers] & (self.covering.bounds[numbers][:, places] < least)).any(axis=1)
            self._step(numbers, places, wanted[numbers], ahead | self.covering.tried[numbers], least)
            if tell is not None:
                tell(self.nearness(places, within))

    def _chosen(self, places: NDArray[np.int64], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Boxes whose bounds are the worst, of each end in turn; where no member is known, the oldest ones."""
        if not len(self.members):
            return np.flatnonzero(wanted.any(axis=1))[:BATCH]
        claims = np.where(wanted, self.covering.claims[:, places], np.inf)
        order = np.argsort(claims, axis=0, kind="stable")[:BATCH]
        first = order[np.take_along_axis(wanted, order, axis=0)]  # row by row: the worst of each end, the next worst
        return np.array(list(dict.fromkeys(first.tolist()))[:BATCH])

    def _step(
        self,
        numbers: NDArray[np.int64],
        places: NDArray[np.int64],
        wanted: NDArray[np.bool_],
        halve: NDArray[np.bool_],
        worth: NDArray[np.float64],
    ) -> None:
        """Bound boxes, and look for better members where programs over their bounds are least."""
        covering = self.covering
        mask = np.zeros((len(numbers), len(covering.costs)), dtype=bool)
        mask[:, places] = wanted
        told = covering.examine(numbers, mask, halve=halve)
        points, which = told.programs.points, told.which.numpy()
        points = snapped(covering.statement, points)
        self.add(points[are_members(covering.statement, points)])
        # From the best of each cost that would be better than all members by more than is asked.
        costs = torch.from_numpy(covering.costs)[told.which]
        values = (costs * points).sum(dim=1).numpy()
        order = np.lexsort((values, which))
        known = np.full(len(covering.costs), -np.inf)
        known[places] = np.minimum(worth, self.least(places))
        order = order[values[order] < known[which[order]]]
        rank = np.arange(len(order)) - np.searchsorted(which[order], which[order])
        at = torch.from_numpy(order[rank < STARTS])
        if len(at):
            found, proved = descend(covering.statement, costs[at], points[at], told.seen.widths[told.owner[at]])
            self.add(found[proved])

    def add(self, points: torch.Tensor) -> None:
        """Take members that are proved: where there are many, those that are better than all others."""
        given = points.numpy()
        if len(self.members) >= MOST:
            costs = self.covering.costs
            given = given[(given @ costs.T < (self.members @ costs.T).min(axis=0)).any(axis=1)]
        if len(given):
            self.members = np.unique(np.vstack([self.members, given]), axis=0)


def ranges_of(
    search: RangeSearch,
    rows: NDArray[np.float64],
    places: NDArray[np.int64],
    within: float,
    seconds: float,
    stopped: str,
) -> ConsistentRanges:
    """What is known of ranges now.

    Args:
        search: a covering and members.
        rows: (k, d) functionals.
        places: (2k,) of them and their negatives among the costs.
        within: what was asked, as for `RangeSearch.run`.
        seconds: that it took.
        stopped: why it ended early, or "".
    """
    k, d = rows.shape
    empty = search.empty
    outer = np.full((k, 2), np.nan)
    inner, members = outer.copy(), np.full((k, 2, d), np.nan)
    reached = np.full(k, bool(empty))
    if not empty:
        ends = search.outer(places)
        outer = np.stack([ends[0::2], -ends[1::2]], axis=1) + 0.0
    if empty is False:
        members = search.members[search.best(places)].reshape(k, 2, d)
        values = [[_value(row, x) for x in pair] for row, pair in zip(rows, members, strict=True)]
        inner = np.array(values).reshape(k, 2)
        open_ = (inner[:, 0] - outer[:, 0]) + (outer[:, 1] - inner[:, 1])
        allowed = search.tolerances(places, within)
        reached = open_ <= (allowed[0::2] + allowed[1::2]) * (1 + 1e-9)
    if not stopped and not reached.all():
        stopped = "rounding"
    return ConsistentRanges(rows, outer, inner, members, reached, empty, seconds, stopped)


def _value(row: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    """`c x`, rounded once."""
    terms = (Fraction(a) * Fraction(b) for a, b in zip(row.tolist(), x.tolist(), strict=True))
    return nearest_float(sum(terms, Fraction(0)))
