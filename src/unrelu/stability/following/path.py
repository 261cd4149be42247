"""A path through linear regions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError
from unrelu.frozen_arrays import FrozenArrays

if TYPE_CHECKING:
    from unrelu.network.graph import Network


SAME = 1e-12
"""Velocities that differ by no more than this share count as the same: well above the rounding of their products."""


@dataclass(frozen=True)
class Flip:
    """What changes at a breakpoint.

    Attributes:
        layer: name of the ReLU layer or of the max pooling.
        neuron: the neuron's index in C order; that of the window for a max pooling.
        active: whether the neuron is active behind the breakpoint; None for a max pooling, which selects another
            coordinate there.
    """

    layer: str
    neuron: int
    active: bool | None


@dataclass(frozen=True)
class Breakpoint:
    """Where a path leaves one linear region for the next.

    Attributes:
        t: distance along the path, L2.
        error: how far the exact one may be from t, as estimated from the rounding errors. Where several neurons
            change within the error of each other they are one breakpoint, and it is that of all of them.
        flips: what changes; several where the path runs through a corner, or where rounding cannot tell.
    """

    t: float
    error: float
    flips: tuple[Flip, ...]


@dataclass(frozen=True, eq=False)
class RegionPath(FrozenArrays):
    """How the features move along a path that is straight in each linear region.

    In piece i the path is `points[i] + (t - starts[i]) directions[i]`, and the features are exactly
    `features[i] + (t - starts[i]) velocities[i]`, up to the rounding of these numbers.

    Attributes:
        starts: (k,) float64, distances at which the pieces begin; the first is 0.
        points: (k, *input_shape) float64, where they begin; the first is the point asked about.
        directions: (k, *input_shape) float64, of length 1; all the same for a straight path.
        features: (k, m) float64, F where the pieces begin.
        feature_errors: (k,) float64, estimate of the L2 error of each row of features.
        velocities: (k, m) float64, `J v` in each piece: the exact derivative of the features.
        breakpoints: one at the end of each piece, so that `breakpoints[i]` leads from piece i to the next; the last
            piece has none where it has no end.
        confirmed: (k,) bool, whether the pattern is proved a thousandth of its length inside both ends of the piece,
            and so, linear regions being convex, everywhere between; of a piece that has no end, whether it is proved
            from a thousandth of `1 + start` on for ever. The bounds that prove it grow with every layer.
        prefix: the network.
        stopped: why the path ends where it does.
    """

    starts: np.ndarray
    points: np.ndarray
    directions: np.ndarray
    features: np.ndarray
    feature_errors: np.ndarray
    velocities: np.ndarray
    breakpoints: tuple[Breakpoint, ...]
    confirmed: np.ndarray
    prefix: Network
    stopped: str

    @property
    def n_regions(self) -> int:
        """The number of linear regions that the path runs through."""
        return len(self.starts)

    @property
    def end(self) -> float:
        """How far the path is known; inf where its last piece has no end, or none was found if it is not confirmed."""
        return self.breakpoints[-1].t if len(self.breakpoints) == self.n_regions else math.inf

    @property
    def rate(self) -> float:
        """`||J v||` where the path begins: the local estimate of how fast the features move."""
        return float(np.linalg.norm(self.velocities[0]))

    @property
    def rates(self) -> np.ndarray:
        """(k,) `||J v||` in each piece."""
        return np.linalg.norm(self.velocities, axis=1)

    @property
    def exact_until(self) -> float:
        """Up to here the local estimate is exact: the first breakpoint behind which the features move otherwise."""
        moved = np.linalg.norm(self.velocities - self.velocities[0], axis=1)
        changed = np.flatnonzero(moved > SAME * max(self.rate, float(self.rates.max())))
        return float(self.starts[changed[0]]) if changed.size else self.end

    def point(self, t: float) -> np.ndarray:
        """The input at a distance along the path, of the input's shape.

        Raises:
            InputError: if t is not between 0 and the end.
        """
        i = self._piece(t)
        return self.points[i] + (t - self.starts[i]) * self.directions[i]

    def feature(self, t: float) -> np.ndarray:
        """The features there, (m,).

        Raises:
            InputError: if t is not between 0 and the end.
        """
        i = self._piece(t)
        return self.features[i] + (t - self.starts[i]) * self.velocities[i]

    def moved(self, t: float) -> float:
        """How far the features have moved: `||F(path(t)) - F(path(0))||`.

        Raises:
            InputError: if t is not between 0 and the end.
        """
        return float(np.linalg.norm(self.feature(t) - self.features[0]))

    def estimated(self, t: float) -> float:
        """How far the local estimate has them move: `t ||J v||`."""
        return t * self.rate

    def departs(self, by: float = 0.1) -> float:
        """The first distance at which the features have moved by more or less than the estimate, by this share of it.

        Exact within each piece, where the square of the distance is a quadratic function of t.

        Args:
            by: the share, > 0; 1 or more only tells of features that move more.

        Returns:
            The distance; inf if there is none on the path.

        Raises:
            InputError: if the share is not positive.
        """
        if not by > 0:
            raise InputError(f"the share of the estimate must be positive, not {by}.")
        if self.rate == 0:
            moving = np.flatnonzero(self.rates > 0)
            return float(self.starts[moving[0]]) if moving.size else math.inf
        for i, start in enumerate(self.starts):
            stop = self.breakpoints[i].t if i < len(self.breakpoints) else math.inf
            left, right = (1 + by) * self.rate, max(1 - by, 0.0) * self.rate
            offset = self.features[i] - self.features[0] - start * self.velocities[i]  # at t: offset + t velocity
            a, b, c = (float(x @ y) for x, y in _pairs(offset, self.velocities[i]))
            roots = [*_roots(c - left**2, 2 * b, a), *_roots(c - right**2, 2 * b, a)]
            # Where pieces meet, or the estimate is still exact, roots are rounding: the middle of what follows decides.
            for t in sorted({start, *(root for root in roots if start < root <= stop)}):
                following = [root for root in [*roots, stop] if root > t]
                ahead = min(following, default=math.inf)
                middle = (t + ahead) / 2 if math.isfinite(ahead) else 2 * t + 1
                ratio = math.sqrt(max(a + 2 * b * middle + c * middle**2, 0.0)) / (middle * self.rate)
                if t < stop and abs(ratio - 1) > by:
                    return float(t)
        return math.inf

    def _piece(self, t: float) -> int:
        if not 0 <= t <= self.end:
            raise InputError(f"the path runs from 0 to {self.end:g}; {t:g} is not on it.")
        return max(0, int(np.searchsorted(self.starts, t, side="right")) - 1)

    def __repr__(self) -> str:
        """A line that says how far it goes."""
        return f"RegionPath({self.n_regions} regions, up to {self.end:.4g}; exact until {self.exact_until:.4g})"


def _pairs(x: np.ndarray, y: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    return (x, x), (x, y), (y, y)


def _roots(a: float, b: float, c: float) -> list[float]:
    """The real roots of `a t^2 + b t + c`."""
    if a == 0:
        return [-c / b] if b else []
    square = b * b - 4 * a * c
    if square < 0:
        return []
    q = -0.5 * (b + math.copysign(math.sqrt(square), b))  # no cancellation
    return [q / a, *([c / q] if q else [])]
