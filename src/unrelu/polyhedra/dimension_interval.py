"""A proved interval for a dimension."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DimensionInterval:
    """A proved interval for the dimension of the affine hull of a set; -1 is that of the empty set.

    Attributes:
        lower: it is at least this.
        upper: it is at most this.
    """

    lower: int
    upper: int

    def __contains__(self, dimension: int) -> bool:
        """Whether a dimension agrees with what is proved."""
        return self.lower <= dimension <= self.upper
