"""A covering made finer all over, and members in each group of its boxes."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.inverse.covering import BATCH
from unrelu.inverse.members import are_members, descend
from unrelu.inverse.sampler_seen import in_boxes
from unrelu.preimages.search.clusters import clusters

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unrelu.inverse.range_search import RangeSearch

TRIED = 8
"""Boxes of a group that members are looked for in."""


def refine(
    search: RangeSearch,
    within: NDArray[np.float64],
    *,
    wanted: Callable[[], NDArray[np.bool_]] | None = None,
    time_limit: float = math.inf,
    tell: Callable[[float], None] | None = None,
) -> bool:
    """Cut boxes until none is wider than a share of the ranges; whether none is. Whole boxes of members are not cut.

    Args:
        search: a covering, and the members.
        within: (d,) the share for each input; inf for those that do not matter.
        wanted: gives (N,) bool, the boxes that matter; all if left out.
        time_limit: seconds.
        tell: is called after each batch with the share of boxes that are cut.
    """
    covering, start = search.covering, time.monotonic()
    eye = np.eye(covering.lower.shape[1])
    rising, falling = covering.ask(eye), covering.ask(-eye)
    while True:
        coarse, wide = _coarse(search, within)
        if wanted is not None:
            coarse &= wanted()
        if not coarse.any():
            return True
        if time.monotonic() - start >= time_limit:
            return False
        numbers = np.flatnonzero(coarse)
        numbers = numbers[np.argsort(-wide[numbers].max(axis=1), kind="stable")[:BATCH]]
        count, along = len(covering.lower), wide[numbers].argmax(axis=1)
        asked = np.zeros((len(numbers), len(covering.costs)), dtype=bool)
        asked[np.arange(len(numbers)), rising[along]] = asked[np.arange(len(numbers)), falling[along]] = True
        covering.examine(numbers, asked, along=along)
        new = np.flatnonzero(covering.alive[count:]) + count
        middles = torch.from_numpy(covering.lower[new] / 2 + covering.upper[new] / 2)
        if len(new):
            search.add(middles[are_members(covering.statement, middles)])
        if tell is not None:
            tell(1 - len(np.flatnonzero(coarse)) / max(1, len(covering.open)))


def _coarse(search: RangeSearch, within: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(N,) which boxes are wider than that, and (N, d) how many times."""
    covering = search.covering
    free = covering.alive & ~covering.stuck & ~covering.whole
    if not len(covering.open):
        return free, np.zeros_like(covering.lower)
    low, high = covering.lower[covering.open].min(axis=0), covering.upper[covering.open].max(axis=0)
    allowed = within * (high - low)
    wide = np.where(high > low, (covering.upper - covering.lower) / np.where(high > low, allowed, 1.0), 0.0)
    return free & (wide > 1).any(axis=1), wide


def visit(search: RangeSearch) -> list[NDArray[np.int64]]:
    """Look for a member in each group of boxes that touch and hold none; the groups of open boxes that hold one."""
    covering, statement = search.covering, search.covering.statement
    numbers = covering.open
    lower, upper = covering.lower[numbers], covering.upper[numbers]
    held, empty = [], []
    for group in clusters(lower, upper):
        (held if holds_any(lower[group], upper[group], search.members) else empty).append(group)
    rng = np.random.default_rng(0)
    starts = [rng.choice(group, min(TRIED, len(group)), replace=False) for group in empty]
    if starts:
        at = np.concatenate(starts)
        x, reach = torch.from_numpy(lower[at] / 2 + upper[at] / 2), torch.from_numpy(upper[at] - lower[at])
        found, proved = descend(statement, torch.zeros_like(x), x, reach)
        search.add(found[proved])
        held += [group for group in empty if holds_any(lower[group], upper[group], search.members)]
    return [numbers[group] for group in held]


def holds_any(lower: NDArray[np.float64], upper: NDArray[np.float64], points: NDArray[np.float64]) -> bool:
    """Whether any point (n, d) lies in one of some boxes (k, d)."""
    return bool(in_boxes(lower, upper, points).any())
