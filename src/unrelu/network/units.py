"""The piecewise linear functions of one number that the units of a layer are."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.errors import InputError
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.operators import Shape
from unrelu.operators.kinked import Kinked
from unrelu.rigor.rounding import UNDERFLOW, UNIT


@dataclass(frozen=True, eq=False)
class Units(FrozenArrays):
    """The functions f_i of m units, each continuous and in as few pieces as it has.

    Left of its first kink a unit is `slopes[0] t + offsets[0]`, right of kink k `slopes[k + 1] t + offsets[k + 1]`. A
    unit with fewer kinks than another one has its last ones at infinity, and on both sides of these the same line.

    Attributes:
        kinks: (K, m) float64, ascending, K at least 1.
        slopes: (K + 1, m) float64; of two neighbours at a kink that is finite either slope or offset differ.
        offsets: (K + 1, m) float64.
    """

    kinks: np.ndarray
    slopes: np.ndarray
    offsets: np.ndarray

    @classmethod
    def of(cls, activation: Kinked, shape: Shape) -> Units:
        """The units of an activation on samples of a shape, in C order.

        Raises:
            InputError: if a number is not finite, kinks do not ascend, or pieces do not meet exactly at a kink.
        """
        f = activation.pieces()
        columns = np.stack(
            [
                np.broadcast_to(each.detach().cpu().numpy().astype(np.float64), shape).reshape(-1)
                for each in (*f.kinks, *f.slopes, *f.offsets)
            ]
        )
        n = len(f.kinks)
        different, place = _distinct(columns)
        lines = [_simplest(column[:n], column[n : 2 * n + 1], column[2 * n + 1 :]) for column in different.T.tolist()]
        most = max(1, *(len(kinks) for kinks, _, _ in lines))
        kinks = np.array([[*k, *[np.inf] * (most - len(k))] for k, _, _ in lines])
        slopes = np.array([[*s, *[s[-1]] * (most + 1 - len(s))] for _, s, _ in lines])
        offsets = np.array([[*o, *[o[-1]] * (most + 1 - len(o))] for _, _, o in lines])
        made = tuple(np.ascontiguousarray(each.T[:, place]) for each in (kinks, slopes, offsets))
        freeze(made)
        return cls(*made)

    @cached_property
    def falls(self) -> np.ndarray:
        """(m,) bool, whether some piece has a negative slope; the others are monotone."""
        return np.asarray((self.slopes < 0).any(axis=0))

    @cached_property
    def open_above(self) -> np.ndarray:
        """(m,) bool, whether all numbers with one value may have a lower end only.

        That is so right of a kink where it is constant; and one that falls may have others below.
        """
        return np.asarray(((self.slopes[1:] == 0) & np.isfinite(self.kinks)).any(axis=0) | self.falls)

    @cached_property
    def heights(self) -> np.ndarray:
        """(K, m) the values at the kinks, rounded; the last offset where a kink is at infinity."""
        with np.errstate(invalid="ignore"):
            values = self.slopes[:-1] * self.kinks + self.offsets[:-1]
        return np.where(np.isfinite(self.kinks), values, self.offsets[-1])

    @cached_property
    def height_errors(self) -> np.ndarray:
        """(K, m) by how much these may be off."""
        with np.errstate(invalid="ignore"):
            sizes = np.abs(self.slopes[:-1] * self.kinks) + np.abs(self.offsets[:-1])
        return np.where(np.isfinite(self.kinks) & (sizes > 0), 4 * UNIT * sizes + UNDERFLOW, 0.0)

    def height(self, k: int, unit: int) -> Fraction:
        """The value at a finite kink, exactly."""
        return Fraction(self.slopes[k, unit]) * Fraction(self.kinks[k, unit]) + Fraction(self.offsets[k, unit])

    def exactly(self, unit: int, t: Fraction) -> Fraction:
        """The value of one unit, exactly."""
        k = int(sum(bool(t > kink) for kink in self.kinks[:, unit]))
        return Fraction(self.slopes[k, unit]) * t + Fraction(self.offsets[k, unit])

    def values(self, t: np.ndarray) -> np.ndarray:
        """`f(t)` in float64, (n, m) or (m,)."""
        found = _line(t, self.slopes[0], self.offsets[0])
        for kink, slope, offset in zip(self.kinks, self.slopes[1:], self.offsets[1:], strict=True):
            found = np.where(t > kink, _line(t, slope, offset), found)
        return found

    def equals(self, other: Units) -> bool:
        """Whether all units are the same functions."""
        pairs = ((self.kinks, other.kinks), (self.slopes, other.slopes), (self.offsets, other.offsets))
        return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def _line(t: np.ndarray, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return np.where(slope == 0, 0.0, t) * slope + offset


def _distinct(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different columns, and which of them each one is."""
    if bool((columns == columns[:, :1]).all()):
        return columns[:, :1], np.zeros(columns.shape[1], dtype=np.int64)
    different, place = np.unique(columns, axis=1, return_inverse=True)
    return different, place.reshape(-1)


def _simplest(
    kinks: list[float], slopes: list[float], offsets: list[float]
) -> tuple[list[float], list[float], list[float]]:
    """The same function without pieces of no length, and without kinks at which nothing changes."""
    if not np.isfinite([*kinks, *slopes, *offsets]).all():
        raise InputError("an activation has kinks, slopes or offsets that are NaN or infinite.")
    if any(right < left for left, right in itertools.pairwise(kinks)):
        raise InputError("the kinks of an activation do not ascend; see that no lower bound exceeds its upper bound.")
    ends: list[float] = []
    lines = [(slopes[0] + 0.0, offsets[0] + 0.0)]  # -0 is 0
    for k, kink in enumerate(kinks):
        line = (slopes[k + 1] + 0.0, offsets[k + 1] + 0.0)
        if k + 1 < len(kinks) and kinks[k + 1] == kink:
            continue
        if line == lines[-1]:
            continue
        at = [Fraction(slope) * Fraction(kink) + Fraction(offset) for slope, offset in (lines[-1], line)]
        if at[0] != at[1]:
            raise InputError(
                f"the pieces of an activation do not meet at its kink {kink:g}: one ends at {float(at[0])!r}, the next "
                f"begins at {float(at[1])!r}; only continuous activations have preimages of closed sets."
            )
        ends.append(kink + 0.0)
        lines.append(line)
    return ends, [slope for slope, _ in lines], [offset for _, offset in lines]
