"""One step of a walk: a proximal program over linear rows that may be broken for a price."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg

if TYPE_CHECKING:
    from unrelu.metamerism.walk.distances import Distance, Slopes

STEPS = 60
"""Newton steps of one program."""

CLOSE = 1e-11
"""Rows of unit size are kept within this."""

SOFTENING = 1e-9
"""How far a row gives for a multiplier of 1, in units of x for rows of unit size; it keeps all systems regular."""

MOST = 1e4
"""Largest multiplier: what breaking a row of unit size by 1 costs."""


@dataclass(frozen=True, eq=False)
class ElasticSolution:
    """What a program ended with.

    Attributes:
        point: (d,) z, within the box exactly.
        multipliers: (m,) of the rows.
        residual: by how much the worst row that may not be broken is broken there.
    """

    point: np.ndarray
    multipliers: np.ndarray
    residual: float


def solve_elastic(
    distance: Distance,
    center: np.ndarray,
    reach: float,
    rows: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    start: np.ndarray,
    *,
    gram: np.ndarray | None = None,
    close: float = CLOSE,
    deadline: float = math.inf,
) -> ElasticSolution:
    """Minimise `distance(z) + |z - center|^2 / (2 reach)` subject to `low <= rows (z - center) <= high`.

    The dual has one unknown for each row and is concave with continuous slopes, as the minimum over z for given
    multipliers is a proximal map in closed form. It is maximised by a semismooth Newton method with
    Levenberg-Marquardt damping (Li, Sun and Toh, A highly efficient semismooth Newton augmented Lagrangian method for
    solving Lasso problems, 2018). Multipliers are bounded, which makes the program elastic: rows that contradict each
    other are broken as little as can be, for a price.

    Args:
        distance: what is made small, and the box.
        center: (d,).
        reach: positive.
        rows: (m, d) of unit size, or 0.
        low: (m,), -inf for none.
        high: (m,), inf for none.
        start: (m,) first multipliers.
        gram: (m, m) `rows rows'`, or near it, where it is known: it saves time.
        close: rows of unit size are kept within this.
        deadline: of `time.monotonic`.
    """
    dual = _Dual(distance, center, reach, rows, low, high, gram)
    multipliers = np.clip(start, dual.least, dual.most)
    at = dual.at(multipliers)
    damping = 1e-3
    for _ in range(STEPS):
        moving = dual.moving(multipliers, at.slope)
        if np.abs(at.slope[moving]).max(initial=0.0) < close or time.monotonic() > deadline:
            break
        system = dual.system(moving, at.slopes)
        accepted = False
        for attempt in range(14):
            step = _solved(system, damping * reach, at.slope[moving])
            if step is not None:
                changed = multipliers.copy()
                changed[moving] += step
                changed = np.clip(changed, dual.least, dual.most)
                changed[(changed * multipliers < 0) & dual.loose] = 0.0
                found = dual.at(changed)
                gain = float(at.slope @ (changed - multipliers))
                if found.value >= at.value + 1e-2 * gain - 1e-13 * abs(at.value):
                    accepted = True
                    damping = max(damping / 10, 1e-14) if attempt == 0 else damping
                    multipliers, at = changed, found
                    break
            damping = max(damping * 8, 1e-13)
        if not accepted:
            break
    moving = dual.moving(multipliers, at.slope)
    return ElasticSolution(at.point, multipliers, float(np.abs(at.slope[moving]).max(initial=0.0)))


@dataclass(frozen=True, eq=False)
class _At:
    """The dual at some multipliers: its value, its slope, and the point behind them."""

    value: float
    slope: np.ndarray
    point: np.ndarray
    slopes: Slopes


class _Dual:
    def __init__(
        self,
        distance: Distance,
        center: np.ndarray,
        reach: float,
        rows: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
        gram: np.ndarray | None,
    ) -> None:
        self.gram = gram
        self.distance, self.center, self.reach = distance, center, reach
        self.rows, self.low, self.high = rows, low, high
        self.least = np.where(np.isfinite(low), -MOST, 0.0)
        self.most = np.where(np.isfinite(high), MOST, 0.0)
        self.loose = low < high

    def at(self, multipliers: np.ndarray) -> _At:
        z, slopes = self.distance.proximal(self.center - self.reach * (multipliers @ self.rows), self.reach)
        moved = z - self.center
        s = self.rows @ moved
        end = np.where(multipliers > 0, self.high, np.where(multipliers < 0, self.low, np.clip(s, self.low, self.high)))
        slope = s - end - SOFTENING * multipliers
        primal = self.distance.value(z) + float(moved @ moved) / (2 * self.reach)
        value = primal + float(multipliers @ (s - end)) - SOFTENING / 2 * float(multipliers @ multipliers)
        return _At(value, slope, z, slopes)

    def moving(self, multipliers: np.ndarray, slope: np.ndarray) -> np.ndarray:
        """(m,) bool, the multipliers that are free to follow their slope."""
        held = ((multipliers <= self.least) & (slope <= 0)) | ((multipliers >= self.most) & (slope >= 0))
        return ~held & ~((multipliers == 0) & (slope == 0) & self.loose)

    def system(self, moving: np.ndarray, slopes: Slopes) -> np.ndarray:
        """The negative generalised Hessian, on what moves."""
        rows = self.rows[moving]
        slope = float(slopes.diagonal.max(initial=0.0))
        still = np.flatnonzero(slopes.diagonal == 0)
        alike = bool(((slopes.diagonal == 0) | (slopes.diagonal == slope)).all())
        if self.gram is not None and alike and 2 * len(still) < len(slopes.diagonal):
            part = rows[:, still]
            matrix = self.reach * slope * (self.gram[np.ix_(moving, moving)] - part @ part.T)
        else:
            there = np.flatnonzero(slopes.diagonal)
            part = rows[:, there]
            matrix = (part * (self.reach * slopes.diagonal[there])) @ part.T
        if slopes.spike is not None:
            spike = rows @ slopes.spike
            matrix += self.reach * np.outer(spike, spike)
        matrix[np.diag_indices_from(matrix)] += SOFTENING
        return matrix


def _solved(system: np.ndarray, damping: float, right: np.ndarray) -> np.ndarray | None:
    damped = system.copy()
    damped[np.diag_indices_from(damped)] += damping
    try:
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(damped, overwrite_a=True, check_finite=False), right)
    except scipy.linalg.LinAlgError:
        return None
