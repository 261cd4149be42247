"""Where something may change next on a line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.crossings import Crossings

Ties = Mapping[str, "Tensor"]
"""By name of a piecewise linear node: which of its candidates, or kinks, (bool) are known to be at a tie."""


@dataclass(frozen=True, eq=False)
class Event:
    """Where something may change next: units that leave their pieces.

    Attributes:
        after: distance from the point that was looked from; inf if nothing changes.
        error: of that distance, bounded or estimated.
        ties: what changes there, everything included whose distance cannot be told from it.
    """

    after: float
    error: float
    ties: Ties


def next_event(events: Mapping[str, Crossings]) -> Event:
    """The first event, and all that cannot be told from it."""
    after, error = math.inf, 0.0
    for each in events.values():
        if each.after.numel():
            first = int(each.after.argmin())
            if float(each.after[first]) < after:
                after, error = float(each.after[first]), float(each.errors[first])
    if not math.isfinite(after):
        return Event(math.inf, 0.0, {})
    ties: dict[str, Tensor] = {}
    widest = error
    for name, each in events.items():
        near = each.after - each.errors <= after + error
        if bool(near.any()):
            mask = torch.zeros(each.size, dtype=torch.bool, device=each.after.device)
            mask[each.owners[near]] = True
            ties[name] = mask
            widest = max(widest, float((each.after - after + each.errors)[near].max()))
    return Event(after, widest, ties)
