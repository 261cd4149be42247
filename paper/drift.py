"""Why preimages are infinite where random rows would make them finite: the rows of a trained layer drift together.

Wendel's theorem asks for independent rows, each as likely as its negative. The mean is the simplest asymmetry. (To take
it away and decide again proves nothing: rows whose sum is 0 never lie in an open half-space, whatever they are.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

import unrelu as ur


@dataclass(frozen=True)
class Drift:
    """The inactive rows of a layer at an input, in the directions that the active ones leave free.

    Attributes:
        n_active: active rows.
        n_free: dimension D of the directions that they leave free.
        n_rows: number n of inactive rows.
        drift: delta, see `drift`.
        ratio: `n half_space(delta) / D`: below 1 Gaussian rows with this drift make the preimage infinite.
    """

    n_active: int
    n_free: int
    n_rows: int
    drift: float
    ratio: float


def measured(layer: ur.ReLULayer, x: np.ndarray) -> Drift | None:
    """Measure the drift.

    None if active rows leave under 2 directions free, or inactive ones are too few for a covariance.

    Args:
        layer: a dense layer.
        x: (d,), what it is fed.
    """
    A, b = layer.dense_weight, layer.bias
    active = A @ x + b > 0
    n_active = int(active.sum())
    n_free = A.shape[1] - n_active
    if n_free < 2:
        return None
    free = np.linalg.qr(A[active].T, mode="complete")[0][:, n_active:]
    rows = unit_rows(A[~active] @ free)  # lengths do not matter to the kind
    delta = drift(rows)
    if delta is None:
        return None
    ratio = len(rows) * half_space(delta) / n_free
    return Drift(n_active, n_free, len(rows), delta, ratio)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows (n, D), none of them 0, divided by their lengths."""
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def drift(rows: np.ndarray) -> float | None:
    """The length of the mean `mu` of rows with covariance `S`, measured by it: `sqrt(mu' S^-1 mu)`.

    Estimated without bias for the square (Hotelling's T^2 of Gaussian rows); 0 where that is negative.

    Args:
        rows: (n, D); None if n is at most D + 2.
    """
    n, D = rows.shape
    if n <= D + 2:
        return None
    mean = rows.mean(axis=0)
    statistic = mean @ np.linalg.solve(np.cov(rows, rowvar=False), mean)
    return float(np.sqrt(max(0, (n - D - 2) / (n - 1) * statistic - D / n)))


def half_space(delta: float) -> float:
    """The number h for which n Gaussian rows in R^D with drift delta lie in a half-space if `n h < D`, and not if > D.

    For large n and D, from Gordon's inequality: `h = min over t >= 0 of E max(0, Z - t (delta + G))^2` with independent
    standard Gaussian Z and G. Without drift it is 1/2 and the statement Wendel's theorem; numbers of this form
    also say when logistic regression has no maximum (Candès and Sur 2020).
    """

    def expected(t: float) -> float:
        mean, deviation = -t * delta, np.hypot(1, t)
        density = np.exp(-((mean / deviation) ** 2) / 2) / np.sqrt(2 * np.pi)
        return (mean**2 + deviation**2) * ndtr(mean / deviation) + mean * deviation * density

    return float(min(0.5, minimize_scalar(expected, bounds=(0, 50), method="bounded").fun))
