"""The input whose outputs are nearest to the measured ones, in units of their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class BestFit:
    """The least misfit `sum(((F(x) - y) / sigma)^2)` over a box, for Gaussian errors of outputs: where, and how small.

    Attributes:
        point: (d,) float64, the best input that is known.
        misfit: there, in exact arithmetic and rounded up.
        least: no input of the box has a smaller misfit, proved.
        lower: (d,) float64: all inputs with a misfit of `misfit` or less lie between this,
        upper: (d,) float64, and this, proved.
        reached: whether `misfit` and `least` are as near as was asked.
        seconds: that it took.
        stopped: why it ended before they were: "time limit", "interrupted", "rounding", or "".
    """

    point: np.ndarray
    misfit: float
    least: float
    lower: np.ndarray
    upper: np.ndarray
    reached: bool
    seconds: float
    stopped: str

    @property
    def gap(self) -> float:
        """How much smaller the least misfit may be."""
        return self.misfit - self.least

    def __repr__(self) -> str:
        """A line with the misfit."""
        why = f", {self.stopped}" if self.stopped else ""
        with np.printoptions(precision=6, threshold=8):
            return f"BestFit({self.point}, misfit {self.misfit:.4g}, at least {self.least:.4g}{why})"
