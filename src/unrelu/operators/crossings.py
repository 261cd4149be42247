"""Where units of one node leave their pieces on a line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Crossings:
    """Distances ahead at which candidates are reached.

    Attributes:
        size: number of all candidates, or kinks, of all units.
        owners: (c,) int64, the candidate of each.
        after: (c,) float64.
        errors: (c,) float64, of the distances.
    """

    size: int
    owners: Tensor
    after: Tensor
    errors: Tensor


def crossings(
    gaps: Tensor,
    rates: Tensor,
    doubt: Tensor,
    rate_doubt: Tensor,
    sure: Tensor,
) -> Crossings:
    """When gaps close: `gap / rate`, off by at most `(doubt + after rate_doubt) / (rate - rate_doubt)`."""
    places = sure.nonzero().reshape(-1)
    after = gaps[places] / rates[places]
    errors = (doubt[places] + after * rate_doubt[places]) / (rates[places] - rate_doubt[places])
    errors = errors * (1 + 16 * UNIT) + 4 * UNIT * after
    return Crossings(gaps.numel(), places, after, errors)
