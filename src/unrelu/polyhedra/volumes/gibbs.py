"""Gibbs sweeps of many chains at once, for a Gaussian cut off by a round body."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from unrelu.polyhedra.volumes.round_body import RoundBody

_CACHE = 2**20
"""Bytes that a block of chains may use."""

_MARGIN = 1e-12
"""Relative distance that points keep from the facets, so that rounding does not carry them across."""


class GibbsChains:
    """Independent chains in `{ v : A v <= 1 }`, each moved by exact draws of one coordinate given the others.

    Every draw leaves `exp(-a ||v||^2 / 2)` on the body invariant (Geman and Geman, 1984). All chains take the same
    coordinate at the same time, so that one step is a few operations on an array of slacks.

    Attributes:
        points: (n, c) float64, one column a chain.
    """

    def __init__(self, body: RoundBody, points: np.ndarray, rng: np.random.Generator) -> None:
        """Start from points inside the body, (n, c)."""
        self.points = points.copy()
        self._rows = body.rows
        self._columns = np.ascontiguousarray(body.rows.T)[:, :, None]
        self._rng = rng

    def sweep(self, precision: float) -> None:
        """Draw every coordinate once, in random order, for the Gaussian of this precision a >= 0."""
        n, chains = self.points.shape
        order, uniform = self._rng.permutation(n), self._rng.random((n, chains))
        # Blocks of chains whose slacks stay in the cache.
        width = max(1, _CACHE // (16 * len(self._rows)))
        for start in range(0, chains, width):
            part = slice(start, start + width)
            self._sweep_block(self.points[:, part], uniform[:, part], order, precision)

    def _sweep_block(self, points: np.ndarray, uniform: np.ndarray, order: np.ndarray, precision: float) -> None:
        slack = 1.0 - self._rows @ points
        work = np.empty_like(slack)
        for j in order:
            column = self._columns[j]
            # How many times a unit of the coordinate uses up each slack; the body being bounded, both signs occur.
            np.divide(column, slack, out=work)
            value = points[j]
            low = value + (1 - _MARGIN) / work.min(axis=0)
            high = value + (1 - _MARGIN) / work.max(axis=0)
            moved = _draw(uniform[j], np.minimum(low, value), np.maximum(high, value), precision)
            np.multiply(column, moved - value, out=work)
            slack -= work
            points[j] = moved


def _draw(uniform: np.ndarray, low: np.ndarray, high: np.ndarray, precision: float) -> np.ndarray:
    """Draws from N(0, 1/precision) cut off to [low, high], by inversion; uniform where the Gaussian is flat there."""
    flat = low + uniform * (high - low)
    if precision == 0.0:
        return flat
    root = np.sqrt(precision)
    # The lower tail is the accurate one.
    mirrored = low > 0
    a, b = np.where(mirrored, -high, low) * root, np.where(mirrored, -low, high) * root
    below, above = ndtr(a), ndtr(b)
    drawn = ndtri(below + uniform * (above - below)) / root
    drawn = np.where(mirrored, -drawn, drawn)
    # Where the interval is too short or too far out for the distribution function, the density hardly varies on it.
    useful = np.isfinite(drawn) & (above - below > 1e-9 * above)
    return np.clip(np.where(useful, drawn, flat), low, high)
