"""Ranges of unknowns by halving boxes, with plain interval arithmetic and no linear bounds.

Set inversion by interval analysis (Jaulin & Walter, Automatica 1993), whose boxes are halved in the order that serves
the ranges best: at each of the 2 d ends the outermost boxes first. A box whose values miss the measured intervals is
dropped; one whose values all lie in them, or that is too narrow, is kept as it is.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np

from benchmarks.stacked_emulators import StackedEmulators

AT_ONCE = 64
"""Boxes that are halved together at each end."""

NARROW = 1e-9
"""Boxes not wider than this, in units of the domain, are not halved."""


@dataclass(frozen=True, eq=False)
class IntervalRanges:
    """What is left.

    Attributes:
        outer: (d, 2) in the unit box: nothing consistent lies outside of it, but for rounding errors.
        finished: whether no end could be moved further.
        seconds: of wall clock.
    """

    outer: np.ndarray
    finished: bool
    seconds: float


class _Ends:
    """Open boxes, and a queue of them for each end of each input, outermost first."""

    def __init__(self, d: int) -> None:
        self.lower, self.upper = np.zeros((1, d)), np.ones((1, d))
        self.alive = np.ones(1, dtype=bool)
        self.n = 1
        self.kept = np.tile([np.inf, -np.inf], (d, 1))
        self.queues = [[(0.0, 0)] for _ in range(d)] + [[(-1.0, 0)] for _ in range(d)]

    def add(self, lower: np.ndarray, upper: np.ndarray) -> None:
        n = self.n + len(lower)
        if n > len(self.lower):
            room = max(n, 2 * len(self.lower))
            self.lower, self.upper = (np.resize(each, (room, lower.shape[1])) for each in (self.lower, self.upper))
            self.alive = np.resize(self.alive, room)
        self.lower[self.n : n], self.upper[self.n : n], self.alive[self.n : n] = lower, upper, True
        for queue, ends in zip(self.queues, [*lower.T.tolist(), *(-upper.T).tolist()], strict=True):
            for end, k in zip(ends, range(self.n, n), strict=True):
                heapq.heappush(queue, (end, k))
        self.n = n

    def keep(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Boxes that are not halved any more."""
        self.kept[:, 0] = np.minimum(self.kept[:, 0], lower.min(axis=0, initial=np.inf))
        self.kept[:, 1] = np.maximum(self.kept[:, 1], upper.max(axis=0, initial=-np.inf))

    def outermost(self) -> np.ndarray:
        """Numbers of the boxes to be halved next: only those that reach further than what is kept; they are closed."""
        chosen: list[int] = []
        for queue, kept in zip(self.queues, [*self.kept[:, 0], *(-self.kept[:, 1])], strict=True):
            taken = 0
            while queue and taken < AT_ONCE and queue[0][0] < kept:
                k = heapq.heappop(queue)[1]
                if self.alive[k]:
                    self.alive[k] = False
                    chosen.append(k)
                    taken += 1
        return np.array(chosen, dtype=np.int64)

    def outer(self) -> np.ndarray:
        alive = np.flatnonzero(self.alive[: self.n])
        low = np.minimum(self.kept[:, 0], self.lower[alive].min(axis=0, initial=np.inf))
        high = np.maximum(self.kept[:, 1], self.upper[alive].max(axis=0, initial=-np.inf))
        return np.stack([low, high], axis=1)


def interval_ranges(
    forward: StackedEmulators, low: np.ndarray, high: np.ndarray, d: int, *, time_limit: float
) -> IntervalRanges:
    """Ranges of all inputs of the unit box with values between two ends.

    Args:
        forward: of d inputs.
        low: (m,).
        high: (m,).
        d: how many inputs.
        time_limit: in seconds.
    """
    begin = time.perf_counter()
    ends, finished = _Ends(d), False
    while time.perf_counter() - begin < time_limit:
        chosen = ends.outermost()
        if not len(chosen):
            finished = True
            break
        lower, upper = ends.lower[chosen], ends.upper[chosen]
        rows, side = np.arange(len(chosen)), (upper - lower).argmax(axis=1)
        middle = (lower[rows, side] + upper[rows, side]) / 2
        left, right = upper.copy(), lower.copy()
        left[rows, side] = right[rows, side] = middle
        lower, upper = np.concatenate([lower, right]), np.concatenate([left, upper])
        least, most = forward.bounds(lower, upper)
        hit = ((least <= high) & (most >= low)).all(axis=1)
        done = ((least >= low) & (most <= high)).all(axis=1) | ((upper - lower).max(axis=1) <= NARROW)
        ends.keep(lower[hit & done], upper[hit & done])
        ends.add(lower[hit & ~done], upper[hit & ~done])
    return IntervalRanges(outer=ends.outer(), finished=finished, seconds=time.perf_counter() - begin)
