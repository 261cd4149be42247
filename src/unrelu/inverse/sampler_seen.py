"""What a sampler's points tell of an answer, and what they miss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ShapeError
from unrelu.inverse.members import are_members
from unrelu.network.arrays import Array, as_numpy

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement

CENTRAL = 0.99
"""Of a sampler's points lie in its intervals."""

AT_ONCE = 4096
"""Points that are held against boxes in one step."""


@dataclass(frozen=True, eq=False)
class SamplerSeen:
    """What n points of another method (a Markov chain, nested sampling, many fits) tell of an answer with p places.

    A place is a part of a consistent set, or a solution.

    Attributes:
        points: (n, d) float64, the points.
        consistent: (n,) bool, which of them are proved to be in the set: their exact outputs are near enough.
        at: (n, p) bool, in which places each lies.
        places: (p, d, 2) float64, between which ends each place lies.
        interval: (d, 2) float64, the central 99 % of the points, input by input.
    """

    points: np.ndarray
    consistent: np.ndarray
    at: np.ndarray
    places: np.ndarray
    interval: np.ndarray

    @property
    def n_points(self) -> np.ndarray:
        """(p,) int64, how many lie in each place."""
        return self.at.sum(axis=0)

    @property
    def seen(self) -> np.ndarray:
        """(p,) bool, in which places there is a point at all."""
        return self.n_points > 0

    def __repr__(self) -> str:
        """A line with what was missed."""
        n, p = self.at.shape
        near = int(self.at.any(axis=1).sum())
        return (
            f"SamplerSeen({near:,} of {n:,} points in {int(self.seen.sum())} of {p} place{'s' * (p != 1)}, "
            f"{int(self.consistent.sum()):,} consistent)"
        )


def seen_by_sampler(
    statement: InverseStatement, points: Array, places: list[tuple[np.ndarray, np.ndarray]]
) -> SamplerSeen:
    """Hold points against the places of an answer.

    Args:
        statement: of the set.
        points: (n, d), n at least 1.
        places: for each the lower and the upper ends, (k, d) each, of boxes that cover it.

    Raises:
        ShapeError: if points have another number of entries.
        InputError: if one is not finite.
    """
    d = len(statement.lower)
    held = as_numpy(points, "points")
    if held.ndim != 2 or held.shape[1] != d or not len(held):
        raise ShapeError(f"points are rows of {d} numbers, one an input, of shape (n, {d}), not {held.shape}.")
    held = np.array(held, dtype=np.float64)
    at = np.zeros((len(held), len(places)), dtype=bool)
    for number, (lower, upper) in enumerate(places):
        at[:, number] = in_boxes(lower, upper, held)
    outside = (1 - CENTRAL) / 2
    interval = np.quantile(held, [outside, 1 - outside], axis=0).T
    consistent = are_members(statement, torch.from_numpy(held)).numpy()
    return SamplerSeen(held, consistent, at, ends_of(places, d), interval)


def ends_of(places: list[tuple[np.ndarray, np.ndarray]], d: int) -> np.ndarray:
    """(p, d, 2) float64, between which ends the boxes of each place lie together."""
    ends = [np.stack([lower.min(axis=0), upper.max(axis=0)], axis=1) for lower, upper in places]
    return np.array(ends).reshape(len(ends), d, 2)


def in_boxes(lower: np.ndarray, upper: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n,) bool, which of some points (n, d) lie in one of some boxes (k, d)."""
    found = np.zeros(len(points), dtype=bool)
    if not len(lower):
        return found
    near = np.flatnonzero(((lower.min(axis=0) <= points) & (points <= upper.max(axis=0))).all(axis=1))
    step = max(1, AT_ONCE * 64 // len(lower))
    for begin in range(0, len(near), step):
        part = near[begin : begin + step]
        x = points[part][:, None]
        found[part] = np.any(((lower <= x) & (x <= upper)).all(axis=2), axis=1)
    return found
