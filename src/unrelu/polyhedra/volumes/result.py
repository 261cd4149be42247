"""What is known of a volume."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass


class VolumeMethod(enum.StrEnum):
    """How a volume was found; `meaning` says what the numbers are worth."""

    POINT = "point"
    EXACT = "exact"
    ANNEALING = "annealing"
    ELLIPSOIDS = "ellipsoids"
    UNBOUNDED = "unbounded"
    EMPTY = "empty"
    UNDECIDED = "undecided"

    @property
    def meaning(self) -> str:
        """What the method's numbers are worth.

        >>> VolumeMethod.POINT.meaning
        'a single point, whose 0-dimensional volume is 1.'
        """
        return _MEANING[self]


_MEANING = {
    VolumeMethod.POINT: "a single point, whose 0-dimensional volume is 1.",
    VolumeMethod.EXACT: "from all vertices and faces, up to rounding.",
    VolumeMethod.ANNEALING: "an unbiased Monte Carlo estimate with a confidence interval.",
    VolumeMethod.ELLIPSOIDS: "between an inscribed and a circumscribed ellipsoid; no estimate.",
    VolumeMethod.UNBOUNDED: "infinite, since the set is unbounded within its affine hull.",
    VolumeMethod.EMPTY: "the empty set.",
    VolumeMethod.UNDECIDED: "nothing: whether the set is bounded, or its affine hull, is open; bound it with a domain.",
}


@dataclass(frozen=True)
class Volume:
    """The volume of a polyhedron relative to its affine hull, as natural logarithms.

    A volume means nothing without its dimension: it is in units of length to the power of `dimension`.

    Attributes:
        log_lower: the logarithm is at least this, with the given confidence.
        log_estimate: the logarithm as estimated; nan where there are only bounds.
        log_upper: the logarithm is at most this, with the given confidence.
        dimension: of the affine hull, as found in floats; -1 for the empty set.
        dimension_proved: whether that is proved.
        method: how it was found.
        confidence: probability that the interval holds the volume; 1 where no chance is involved.
    """

    log_lower: float
    log_estimate: float
    log_upper: float
    dimension: int
    dimension_proved: bool
    method: VolumeMethod
    confidence: float = 1.0

    @property
    def estimate(self) -> float:
        """The volume itself; 0 or inf where it leaves the range of floats."""
        try:
            return math.exp(self.log_estimate)
        except OverflowError:
            return math.inf

    def __str__(self) -> str:
        """A line with the interval and the dimension.

        >>> print(Volume(-1.0, -0.5, 0.0, 3, True, VolumeMethod.ANNEALING, 0.95))
        3-dimensional volume exp(-0.5), within exp(-1) and exp(0) with 95% confidence (annealing)
        """
        if self.log_lower == self.log_upper:
            return f"{self.dimension}-dimensional volume exp({self.log_estimate:.6g}) ({self.method})"
        chance = "" if self.confidence == 1.0 else f" with {100 * self.confidence:.4g}% confidence"
        middle = "" if math.isnan(self.log_estimate) else f" exp({self.log_estimate:.6g}),"
        return (
            f"{self.dimension}-dimensional volume{middle} within exp({self.log_lower:.6g}) and "
            f"exp({self.log_upper:.6g}){chance} ({self.method})"
        )
