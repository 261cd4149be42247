"""What a walk makes small, and its proximal maps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Slopes:
    """A generalised derivative of a proximal map: `diag(diagonal) + spike spike'`.

    Attributes:
        diagonal: (d,) at least 0.
        spike: (d,), or None where there is none.
    """

    diagonal: np.ndarray
    spike: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Distance(ABC):
    """A convex function of the input with a proximal map in closed form, in a box.

    Attributes:
        target: (d,).
        lower: (d,).
        upper: (d,).
    """

    target: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @abstractmethod
    def value(self, x: np.ndarray) -> float:
        """The function at a point (d,)."""

    @abstractmethod
    def proximal(self, v: np.ndarray, reach: float) -> tuple[np.ndarray, Slopes]:
        """The point of the box where `value(z) + |z - v|^2 / (2 reach)` is least, and how it moves with v.

        Args:
            v: (d,).
            reach: positive.
        """

    def clipped(self, z: np.ndarray, diagonal: np.ndarray) -> tuple[np.ndarray, Slopes]:
        """A point put into the box, where it does not move."""
        inside = (z > self.lower) & (z < self.upper)
        return np.clip(z, self.lower, self.upper), Slopes(np.where(inside, diagonal, 0.0))


@dataclass(frozen=True, eq=False)
class SumOfChanges(Distance):
    """`|x - target|_1`; its proximal map is soft thresholding."""

    def value(self, x: np.ndarray) -> float:
        """The L1 distance."""
        return float(np.abs(x - self.target).sum())

    def proximal(self, v: np.ndarray, reach: float) -> tuple[np.ndarray, Slopes]:
        """See `Distance`."""
        off = v - self.target
        z = self.target + np.sign(off) * np.maximum(np.abs(off) - reach, 0.0)
        return self.clipped(z, (np.abs(off) > reach).astype(np.float64))


@dataclass(frozen=True, eq=False)
class HalfSquare(Distance):
    """`|x - target|_2^2 / 2`."""

    def value(self, x: np.ndarray) -> float:
        """Half the square of the L2 distance."""
        return float(((x - self.target) ** 2).sum()) / 2

    def proximal(self, v: np.ndarray, reach: float) -> tuple[np.ndarray, Slopes]:
        """See `Distance`."""
        return self.clipped((v + reach * self.target) / (1 + reach), np.full(v.size, 1 / (1 + reach)))


@dataclass(frozen=True, eq=False)
class LargestChange(Distance):
    """`|x - target|_inf`: the box is cut to a cube about the target, whose size is found by bisection."""

    def value(self, x: np.ndarray) -> float:
        """The L-infinity distance."""
        return float(np.abs(x - self.target).max(initial=0.0))

    def proximal(self, v: np.ndarray, reach: float) -> tuple[np.ndarray, Slopes]:
        """See `Distance`; the cube's radius r solves `sum over what it cuts of (|v - target| - r) = reach`."""
        w = np.clip(v, self.lower, self.upper)
        outside = np.maximum(self.lower - self.target, self.target - self.upper).max(initial=0.0)
        least = max(0.0, float(outside))
        off = np.abs(w - self.target)
        # What the box holds already pulls with its distance from v, not from the box.
        pull = np.abs(v - self.target)
        order = np.sort(off)[::-1]
        radius = least
        if _pull(pull, off, least) > reach:
            low, high = least, float(order[0])
            for _ in range(100):
                middle = (low + high) / 2
                if not low < middle < high:
                    break
                low, high = (middle, high) if _pull(pull, off, middle) > reach else (low, middle)
            radius = high
        cut = off >= radius
        z = np.where(cut, self.target + np.sign(w - self.target) * radius, w)
        z = np.clip(z, self.lower, self.upper)
        moving = ~cut & (v > self.lower) & (v < self.upper)
        spike = None
        if radius > least and cut.any():
            spike = np.where(cut, np.sign(w - self.target), 0.0) / math.sqrt(int(cut.sum()))
        return z, Slopes(moving.astype(np.float64), spike)


@dataclass(frozen=True, eq=False)
class AlongSlope(Distance):
    """`slope'(x - target)`: a concave function, such as minus a distance, near a point.

    Attributes:
        slope: (d,).
    """

    slope: np.ndarray

    def value(self, x: np.ndarray) -> float:
        """The linear function."""
        return float(self.slope @ (x - self.target))

    def proximal(self, v: np.ndarray, reach: float) -> tuple[np.ndarray, Slopes]:
        """See `Distance`."""
        return self.clipped(v - reach * self.slope, np.ones(v.size))


def _pull(pull: np.ndarray, off: np.ndarray, radius: float) -> float:
    cut = off > radius
    return float((pull[cut] - radius).sum())
