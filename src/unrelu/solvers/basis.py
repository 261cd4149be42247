"""Where a linear program of bounded unknowns stands."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass(eq=False)
class Basis:
    """Where a program stands: which unknowns are basic, and at which of their bounds the others are.

    Attributes:
        basic: (m,) int64.
        is_basic: (n + m,) bool.
        at_upper: (n + m,) bool.
        inverse: (m, m) float64, of the basic columns.
        values: (m,) float64, of the basic unknowns.
        reduced: (n + m,) float64, reduced costs.
        weights: (m,) float64, squared norms of the rows of the inverse.
        lower: (n + m,) float64.
        upper: (n + m,) float64.
        ways: (n + m,) float64, 1 where an unknown may rise, -1 where it may fall, 0 where it is basic or has no width.
        age: steps since the inverse was computed.
    """

    basic: np.ndarray
    is_basic: np.ndarray
    at_upper: np.ndarray
    inverse: np.ndarray
    values: np.ndarray
    reduced: np.ndarray
    weights: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    ways: np.ndarray
    age: int = 0

    def copy(self) -> Basis:
        """The same, to go on with while this one stays as it is."""
        arrays = {each.name: getattr(self, each.name).copy(order="K") for each in fields(self) if each.name != "age"}
        return Basis(**arrays, age=self.age)
