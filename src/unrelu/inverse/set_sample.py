"""Members of a consistent set, from all parts of it that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.inverse.members import are_members, descend
from unrelu.inverse.refinement import holds_any, visit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.inverse.range_search import RangeSearch

ROUNDS = 60
"""Times that points are drawn from the boxes."""

MOST = 4096
"""Points that are drawn at once."""

STARTS = 64
"""Points that are moved into the set at once."""


def sample_members(search: RangeSearch, n: int, seed: int) -> NDArray[np.float64]:
    """(n, d) float64, members, each proved.

    Points are drawn uniformly from the boxes that hold the set; those that are members are uniform in the set. Where
    too few are, points of the boxes are moved into it, and known members fill the rest. Each group of boxes that
    touch, if a member is known in it, has one at least, where n is large enough.

    Args:
        search: a covering, and members, at least one.
        n: how many.
        seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    groups = visit(search)
    covering, statement = search.covering, search.covering.statement
    found = _uniform(search, n, rng)
    if len(found) < n:
        at = np.concatenate([rng.choice(group, STARTS // len(groups) + 1) for group in groups])[: 4 * STARTS]
        lower, upper = covering.lower[at], covering.upper[at]
        starts, reach = torch.from_numpy(lower + (upper - lower) * rng.random(lower.shape)), upper - lower
        unit = np.where(reach.max(axis=0) > 0, reach.max(axis=0), 1.0)
        costs = torch.from_numpy(rng.standard_normal(lower.shape) / unit)
        moved, proved = descend(statement, costs, starts, torch.from_numpy(reach))
        more = np.concatenate([moved[proved].numpy(), search.members])
        more = more[rng.permutation(len(more))]
        found = np.concatenate([found, more[np.arange(n - len(found)) % len(more)]])
    missing = [group for group in groups if not holds_any(covering.lower[group], covering.upper[group], found)]
    for k, group in enumerate(missing[:n]):
        low, high = covering.lower[group], covering.upper[group]
        held = [x for x in search.members if bool(((low <= x) & (x <= high)).all(axis=1).any())]
        found[n - 1 - k] = held[int(rng.integers(len(held)))]
    return found[rng.permutation(n)] if missing else found


def _uniform(search: RangeSearch, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Up to n points that are uniform in the set."""
    covering = search.covering
    numbers = covering.open
    lower, width = covering.lower[numbers], covering.upper[numbers] - covering.lower[numbers]
    largest = width.max(axis=0)
    share = np.where(largest > 0, width / np.where(largest > 0, largest, 1.0), 1.0).prod(axis=1)
    if not share.sum() > 0:
        return np.zeros((0, lower.shape[1]))
    found: list[NDArray[np.float64]] = []
    count = 0
    for done in range(ROUNDS):
        k = min(MOST, max(64, 2 * n))
        at = rng.choice(len(numbers), k, p=share / share.sum())
        points = torch.from_numpy(
            np.minimum(lower[at] + width[at] * rng.random((k, len(largest))), lower[at] + width[at])
        )
        kept = points[are_members(covering.statement, points)].numpy()
        found.append(kept)
        count += len(kept)
        if count >= n or (done >= 7 and count * ROUNDS < n * done):
            break
    return np.concatenate(found)[:n]
