"""The receptive fields of the places along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOWHERE = 2**40


@dataclass(frozen=True, eq=False)
class Axis:
    """Along one spatial axis of a node: the places of the network's input that each place can depend on.

    Attributes:
        first: (n,) int64.
        last: (n,) int64; smaller than `first` where it depends on none.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @classmethod
    def identity(cls, size: int) -> Axis:
        """Each place on itself: that of the input."""
        return cls(np.arange(size), np.arange(size))

    @property
    def size(self) -> int:
        """Number of places."""
        return len(self.first)

    @property
    def width(self) -> int:
        """Of the widest field; 1 where no place depends on anything."""
        return max(1, int((self.last - self.first).max()) + 1)

    def hull(self, other: Axis) -> Axis:
        """What either depends on."""
        return Axis(np.minimum(self.first, other.first), np.maximum(self.last, other.last))

    def behind(self, places: NDArray[np.int64]) -> Axis:
        """The fields of places of another node.

        Args:
            places: (m, k) the k places of this axis that each of m places depends on; those outside hold nothing.
        """
        inside = (places >= 0) & (places < self.size)
        held = np.where(inside, places, 0)
        first = np.where(inside, self.first[held], NOWHERE).min(axis=1)
        return Axis(first, np.where(inside, self.last[held], -1).max(axis=1))
