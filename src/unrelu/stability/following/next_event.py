"""Where something may change next on a line: neurons that reach 0, candidates that reach a maximum."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from torch import Tensor

Ties = Mapping[str, "Tensor"]
"""By name of a ReLU or max pooling: which of its coordinates (bool, C order) are known to be at a tie."""


@dataclass(frozen=True, eq=False)
class Event:
    """Where something may change next: neurons that reach 0, candidates that reach a maximum.

    Attributes:
        after: distance from the point that was looked from; inf if nothing changes.
        error: of that distance, bounded or estimated.
        ties: what changes there, everything included whose distance cannot be told from it.
    """

    after: float
    error: float
    ties: Ties


@dataclass(frozen=True, eq=False)
class Candidates:
    """Distances ahead at which coordinates of one node change, inf where they do not: (c,), and whose they are."""

    name: str
    size: int
    owners: Tensor
    after: Tensor
    errors: Tensor


def candidates(
    name: str,
    gaps: Tensor,
    rates: Tensor,
    doubt: Tensor,
    rate_doubt: Tensor,
    sure: Tensor,
    owners: Tensor | None,
    n: int,
) -> Candidates:
    """When gaps close: `gap / rate`, off by at most `(doubt + after rate_doubt) / (rate - rate_doubt)`."""
    places = sure.nonzero().reshape(-1)
    after = gaps[places] / rates[places]
    errors = (doubt[places] + after * rate_doubt[places]) / (rates[places] - rate_doubt[places])
    errors = errors * (1 + 16 * UNIT) + 4 * UNIT * after
    return Candidates(name, n, places if owners is None else owners[places], after, errors)


def next_event(events: Sequence[Candidates]) -> Event:
    """The first event, and all that cannot be told from it."""
    after, error = math.inf, 0.0
    for each in events:
        if each.after.numel():
            first = int(each.after.argmin())
            if float(each.after[first]) < after:
                after, error = float(each.after[first]), float(each.errors[first])
    if not math.isfinite(after):
        return Event(math.inf, 0.0, {})
    ties: dict[str, Tensor] = {}
    widest = error
    for each in events:
        near = each.after - each.errors <= after + error
        if bool(near.any()):
            mask = torch.zeros(each.size, dtype=torch.bool, device=each.after.device)
            mask[each.owners[near]] = True
            ties[each.name] = mask
            widest = max(widest, float((each.after - after + each.errors)[near].max()))
    return Event(after, widest, ties)
