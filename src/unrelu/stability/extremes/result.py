"""The ends of a spectrum, each value with what it proves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Claim(StrEnum):
    """What is known about a singular value besides its residuals; all up to rounding of the size `eps * sigma_1`.

    A small residual shows that some singular value is near, not which one it is.
    """

    COMPLETE = "one of a complete decomposition, so that it is the one it is called"
    AT_MOST = "an upper bound of the one it is called, counted from the smallest (Courant-Fischer)"
    AT_LEAST = "a lower bound of the one it is called, counted from the largest (Courant-Fischer)"
    NEAR = "near a singular value, as far as its residuals say"


@dataclass(frozen=True, eq=False)
class SingularTriplet:
    """A singular value s of J, approximately, with unit vectors u and v.

    Attributes:
        value: s, which is ||J v|| up to rounding.
        left: u, (m,) float64.
        right: v, (d,) float64.
        left_residual: `||J' u - s v||`.
        right_residual: `||J v - s u||`.
        claim: what else is known.
        converged: whether both residuals are at most `rtol * s`.
    """

    value: float
    left: np.ndarray
    right: np.ndarray
    left_residual: float
    right_residual: float
    claim: Claim
    converged: bool

    @property
    def distance(self) -> float:
        """Some singular value of J lies within this of `value` (Weyl, for [[0, J], [J', 0]])."""
        return math.hypot(self.left_residual, self.right_residual) / math.sqrt(2)


@dataclass(frozen=True, eq=False)
class ExtremeSingularValues:
    """Several of the largest and of the smallest non-structural singular values of a Jacobian J.

    Non-structural are those that sizes and removed neurons do not force to be 0: as many as the structural rank.

    Attributes:
        layer: name of the node where the prefix ends.
        shape: (m, d) of J.
        structural_rank: how many singular values are non-structural.
        largest: descending.
        smallest: ascending: the first is the smallest that was found.
        floor: no non-structural singular value is below it, by a Cholesky factorisation with all its rounding
            accounted for (that of J's own entries is not); None where there is no such proof.
        method: how they were computed, in words.
        n_products: of J or J' with a vector.
        seconds: on the clock.
    """

    layer: str
    shape: tuple[int, int]
    structural_rank: int
    largest: tuple[SingularTriplet, ...]
    smallest: tuple[SingularTriplet, ...]
    floor: float | None
    method: str
    n_products: int
    seconds: float

    @property
    def condition_number(self) -> float:
        """The largest over the smallest value found; a lower bound, up to rounding, unless the latter is only near one.

        NaN where there are no non-structural singular values.
        """
        if not self.smallest:
            return math.nan
        return self.largest[0].value / self.smallest[0].value if self.smallest[0].value > 0 else math.inf
