"""What a search knows of a leaf that it kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrelu.preimages.search.examined import has_one_at_most
from unrelu.preimages.search.proved_rank import proved_rank

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.preimages.search.examined import Examined


@dataclass(frozen=True, eq=False)
class SettledLeaf:
    """A flat, on which each unit keeps its branch, or a ball.

    Attributes:
        low: (U,) float64, at most what units are fed there, sides that are fixed included.
        high: (U,) float64, at least that.
        rank: the rank that the outputs which are fixed exactly have there at least, proved.
        alone: whether no two of its points have the same features, proved.
    """

    low: Tensor
    high: Tensor
    rank: int
    alone: bool

    @classmethod
    def of(cls, seen: Examined, place: int, exactly: Tensor) -> SettledLeaf:
        """Of one of several sub-problems.

        Args:
            seen: the sub-problems.
            place: number of one of them.
            exactly: (m,) bool, the outputs that are fixed exactly.
        """
        low, high = seen.units.low[place].clone(), seen.units.high[place].clone()
        return cls(low, high, proved_rank(seen, place, exactly), has_one_at_most(seen, place))
