"""For each unit of a layer an interval of pre-activations with one feature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.network.units import Units


@dataclass(frozen=True, eq=False)
class FeatureIntervals:
    """An interval of pre-activations t for each unit, at whose ends `|f_i(t) - y_i| <= eps_i` stops to hold.

    Going right along piece k, a unit with a positive slope s leaves the band at `s t + o = y + eps`, with a negative
    one at `y - eps`; going left the other way round. Without a tolerance that is a kink where the unit is constant on
    the other side of it.

    Attributes:
        below: (m,) bool, whether there is a lower end.
        above: (m,) bool, whether there is an upper end.
        lower_piece: (m,) the piece of the unit on which the lower end lies, if there is one.
        upper_piece: (m,) the same of the upper end.
        lower_kink: (m,) bool, whether the lower end is the kink right of `lower_piece`, without a tolerance.
        upper_kink: (m,) bool, whether the upper end is the kink left of `upper_piece`, without a tolerance.
        single: (m,) bool, whether both ends are the same number.
    """

    below: np.ndarray
    above: np.ndarray
    lower_piece: np.ndarray
    upper_piece: np.ndarray
    lower_kink: np.ndarray
    upper_kink: np.ndarray
    single: np.ndarray

    def at(self, index: int) -> FeatureIntervals:
        """Those of one point of many."""
        return FeatureIntervals(
            self.below[index],
            self.above[index],
            self.lower_piece[index],
            self.upper_piece[index],
            self.lower_kink[index],
            self.upper_kink[index],
            self.single[index],
        )


def intervals_around(units: Units, states: np.ndarray, piece: np.ndarray, tolerance: np.ndarray) -> FeatureIntervals:
    """The intervals that numbers with the feature lie in.

    Between neighbouring kinks a unit is monotone, so on its way right from a number within the band it leaves it on the
    piece left of the first kink that is outside, and goes on for ever where it ends as a constant inside.

    Args:
        units: the functions.
        states: (K, ..., m) -1, 0 or 1: whether a unit is below the band at its kinks, within it, or above; at kinks at
            infinity on its way there.
        piece: (..., m) on which piece the numbers are; of two that meet there, either.
        tolerance: (m,) eps.
    """
    K = len(states)
    shape = piece.shape
    above = np.broadcast_to(units.slopes[K] != 0, shape)
    below = np.broadcast_to(units.slopes[0] != 0, shape)
    upper, lower = np.full(shape, K, dtype=np.int16), np.zeros(shape, dtype=np.int16)
    for k in reversed(range(K)):
        left = (states[k] != 0) & (piece <= k)
        upper, above = np.where(left, np.int16(k), upper), above | left
    for k in range(K):
        left = (states[k] != 0) & (piece > k)
        lower, below = np.where(left, np.int16(k + 1), lower), below | left
    return _with_ends(states, below, above, lower, upper, tolerance)


def enclosing_intervals(units: Units, states: np.ndarray, tolerance: np.ndarray) -> tuple[FeatureIntervals, np.ndarray]:
    """The least intervals that hold all pre-activations with the features, and of how many parts these are.

    Along the line, from kink to kink, each step into the band begins a part and each step out of it ends one; a step
    from below to above, or back, does both.

    Args:
        units: the functions.
        states: (K, ..., m), as for `intervals_around`.
        tolerance: (m,) eps.

    Returns:
        The intervals, which mean nothing where there is no part; and (..., m) numbers of parts.
    """
    K = len(states)
    first = np.where(units.slopes[0] == 0, states[0], -np.sign(units.slopes[0]))
    last = np.where(units.slopes[K] == 0, states[K - 1], np.sign(units.slopes[K]))
    seen = [first.astype(np.int8), *states, last.astype(np.int8)]
    parts = (seen[0] == 0).astype(np.int16)
    shape = states[0].shape
    lower, upper = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.int16)
    for k in reversed(range(K + 1)):
        enters = (seen[k] != 0) & (seen[k + 1] != seen[k])
        lower = np.where(enters, np.int16(k), lower)
        parts = parts + enters
    for k in range(K + 1):
        upper = np.where((seen[k + 1] != 0) & (seen[k] != seen[k + 1]), np.int16(k), upper)
    return _with_ends(states, seen[0] != 0, seen[-1] != 0, lower, upper, tolerance), parts


def _with_ends(
    states: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    tolerance: np.ndarray,
) -> FeatureIntervals:
    K, sharp = len(states), tolerance == 0
    lower_kink, upper_kink = np.zeros(lower.shape, dtype=bool), np.zeros(lower.shape, dtype=bool)
    for k in range(K):
        within = sharp & (states[k] == 0)
        lower_kink |= within & (lower == k) & below
        upper_kink |= within & (upper == k + 1) & above
    crossing = lower == upper  # neither end is a kink: these are never on one piece
    one_kink = lower_kink & upper_kink & (upper == lower + 1)
    return FeatureIntervals(
        below, above, lower, upper, lower_kink, upper_kink, sharp & below & above & (crossing | one_kink)
    )
