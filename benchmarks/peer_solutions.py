"""What another method finds of an inverse problem."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

APART = 1e-6
"""Solutions nearer to one another than this, in units of the box, count as one."""


@dataclass(frozen=True, eq=False)
class PeerSolutions:
    """Solutions and the time they took.

    Attributes:
        method: its name.
        points: (k, d), different ones, best first.
        residuals: (k,) largest `|F(x) - y|` of each, in units of the outputs' ranges.
        seconds: of wall clock.
        finished: whether the method ended by itself, not by its time limit.
        claims_all: whether it says that there are no others.
        seconds_to_each: (k,) when each solution was found, where the method finds one after another; else empty.
        runs: what it took: starts, programs.
    """

    method: str
    points: np.ndarray
    residuals: np.ndarray
    seconds: float
    finished: bool
    claims_all: bool
    seconds_to_each: tuple[float, ...]
    runs: int


def distinct(points: np.ndarray, residuals: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Indices of different solutions, of those that are near one another the one with the least residual.

    Args:
        points: (n, d).
        residuals: (n,).
        lower: (d,) of the box.
        upper: (d,) the same.
    """
    width = np.where(upper > lower, upper - lower, 1.0)
    kept: list[int] = []
    for k in np.argsort(residuals, kind="stable").tolist():
        if not kept or float(np.abs((points[kept] - points[k]) / width).max(axis=1).min()) > APART:
            kept.append(k)
    return np.array(kept, dtype=np.int64)
