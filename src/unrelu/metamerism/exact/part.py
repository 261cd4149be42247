"""Parts of the inputs with the same features that a search has to settle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unrelu.frontier.subproblems import Subproblems


@dataclass(frozen=True, eq=False)
class Part:
    """One sub-problem, with what is known of it.

    Attributes:
        bound: proved: what is made small is nowhere in the part less.
        problem: the box, and the sides on which numbers lie that units are fed.
        coordinate: of the farthest in L-infinity, which input alone counts, twice its number, and one more where it is
            to fall; else -1.
        basic: (m,) int64, the basis of the program that it comes from; None for none.
        at_upper: of the same.
    """

    bound: float
    problem: Subproblems
    coordinate: int = -1
    basic: np.ndarray | None = None
    at_upper: np.ndarray | None = None

    @property
    def lower(self) -> np.ndarray:
        """(d,) of the box."""
        return self.problem.lower[0].numpy()

    @property
    def upper(self) -> np.ndarray:
        """(d,) of the box."""
        return self.problem.upper[0].numpy()

    @property
    def low(self) -> np.ndarray:
        """(U,) of the numbers that units are fed."""
        return self.problem.low[0].numpy()

    @property
    def high(self) -> np.ndarray:
        """(U,) the same, from above."""
        return self.problem.high[0].numpy()

    @property
    def is_empty(self) -> bool:
        """Whether bounds contradict each other."""
        return bool((self.low > self.high).any())
