"""The consistent values of two unknowns, from outside and from inside, as rectangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Paving:
    """Rectangles over two unknowns: all of the consistent values lie in the outer ones; the inner ones hold no others.

    Attributes:
        inputs: the numbers of the two unknowns.
        outer_lower: (k, 2) float64, of rectangles that together hold the two unknowns of every consistent input.
        outer_upper: (k, 2).
        inner_lower: (l, 2) float64, of those of them whose every point belongs to a consistent input, proved.
        inner_upper: (l, 2).
        members: (n, 2) float64, the two unknowns of consistent inputs that are known.
        stopped: why it ended before all rectangles were as small as asked: "time limit", "interrupted", or "".
    """

    inputs: tuple[int, int]
    outer_lower: np.ndarray
    outer_upper: np.ndarray
    inner_lower: np.ndarray
    inner_upper: np.ndarray
    members: np.ndarray
    stopped: str

    @property
    def outer_area(self) -> float:
        """Of all consistent values together, at most, but for rounding."""
        return float((self.outer_upper - self.outer_lower).prod(axis=1).sum())

    @property
    def inner_area(self) -> float:
        """The same, at least."""
        return float((self.inner_upper - self.inner_lower).prod(axis=1).sum())

    def __repr__(self) -> str:
        """A line with the areas."""
        i, j = self.inputs
        why = f", {self.stopped}" if self.stopped else ""
        return f"Paving(inputs {i} and {j}: area {self.inner_area:.4g} to {self.outer_area:.4g}{why})"
