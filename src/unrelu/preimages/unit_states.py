"""Where pre-activations lie among the kinks of their units, and where the kinks lie about a feature: exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import sparse

from unrelu.network.layer import ReLULayer
from unrelu.network.units import Units
from unrelu.rigor.matrices import SparseRows, row_numbers
from unrelu.rigor.rounding import UNDERFLOW, UNIT, row_norms_above
from unrelu.rigor.signs import enclosed_values, exact_dot, exact_signs_batch


@dataclass(frozen=True, eq=False)
class UnitStates:
    """Of the units of a layer at n points.

    Attributes:
        sides: (K, n, m) int8, the signs of `a_i.x + b_i` minus each kink; -1 at a kink at infinity.
        piece: (n, m) the piece that `a_i.x + b_i` lies on; of two that meet there the constant one, if there is one
            and no tolerance.
        states: (K, n, m) int8, whether the unit at each kink lies below `y_i - eps_i`, within, or above
            `y_i + eps_i`, y being the features at the point.
    """

    sides: np.ndarray
    piece: np.ndarray
    states: np.ndarray


def states_at(layer: ReLULayer, points: np.ndarray, tolerance: np.ndarray) -> UnitStates:
    """Decide all of that in exact arithmetic on the given floats.

    Args:
        layer: the layer.
        points: (n, d).
        tolerance: (m,) eps.
    """
    units, norms = layer.units, row_norms_above(layer.weight)
    sides = _sides(layer, points, norms)
    K = len(sides)
    piece = (sides > 0).sum(axis=0, dtype=np.int16)
    sharp = tolerance == 0
    for k in range(K):
        # At a kink: the constant piece without a tolerance, else the other one, whose value is rounded once less.
        moves = (sides[k] == 0) & np.where(sharp, units.slopes[k + 1] == 0, units.slopes[k] == 0)
        piece = np.where(moves, np.int16(k + 1), piece)
    states = _of_monotone(units, sides, piece)
    compared = np.flatnonzero(~sharp | units.falls)
    if compared.size:
        states[:, :, compared] = _compared(layer, points, tolerance, norms, compared, piece)
    return UnitStates(sides, piece, states)


def states_about(units: Units, features: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """(K, m) int8, the same for given features (m,)."""
    zero = np.zeros(features.size)
    return _against(
        units,
        np.arange(features.size),
        features[None],
        zero[None],
        tolerance,
        lambda _, unit: Fraction(float(features[unit])),
    )[:, 0]


def _sides(layer: ReLULayer, points: np.ndarray, norms: np.ndarray) -> np.ndarray:
    units, A, b = layer.units, layer.weight, layer.bias
    found = []
    for kinks in units.kinks:
        real = np.isfinite(kinks)
        if not kinks[real].any():
            signs = exact_signs_batch(A, b, points, norms)
        else:
            # b counts as the weight of a coordinate that is 1, so that b - t is not rounded.
            extended = np.column_stack([A, b]) if isinstance(A, np.ndarray) else _with_column(A, b)
            ones = np.ones((len(points), 1))
            signs = exact_signs_batch(extended, -np.where(real, kinks, 0.0), np.hstack([points, ones]))
        found.append(signs if real.all() else np.where(real, signs, np.int8(-1)))
    return np.stack(found)


def _of_monotone(units: Units, sides: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Without a tolerance: kinks on the right lie above the feature, but for those of a constant piece."""
    states = np.negative(sides)
    constant = np.take_along_axis(units.slopes, np.asarray(piece, dtype=np.int64), axis=0) == 0
    if constant.any():
        last = piece >= np.isfinite(units.kinks).sum(axis=0)
        for k, kinks in enumerate(units.kinks):
            states[k][constant & ((piece == k) | (piece == k + 1) | np.isinf(kinks) & last)] = 0
    return states


def _compared(
    layer: ReLULayer,
    points: np.ndarray,
    tolerance: np.ndarray,
    norms: np.ndarray,
    chosen: np.ndarray,
    piece: np.ndarray,
) -> np.ndarray:
    """(K, n, |chosen|) states of units, from their features at the points."""
    A, b, units = layer.weight, layer.bias, layer.units
    values, errors = enclosed_values(A, b, points, norms)
    place = piece.astype(np.int64)
    slope, offset = (np.take_along_axis(part, place, axis=0)[:, chosen] for part in (units.slopes, units.offsets))
    with np.errstate(over="ignore", invalid="ignore"):
        t = np.where(slope == 0, 0.0, values[:, chosen])
        y = slope * t + offset
        size = np.abs(slope * t) + np.abs(offset)
        off = np.abs(slope) * np.where(slope == 0, 0.0, errors[:, chosen]) * (1 + 4 * UNIT) + 4 * UNIT * size
        off = np.where((slope == 0) & (offset == 0), 0.0, off + 4 * UNDERFLOW)

    def exact(point: int, unit: int) -> Fraction:
        s, o = (Fraction(part[piece[point, unit], unit]) for part in (units.slopes, units.offsets))
        if not s:
            return o
        columns, numbers = row_numbers(A, unit)
        return s * (exact_dot(numbers, points[point, columns]) + Fraction(float(b[unit]))) + o

    return _against(units, chosen, y, off, tolerance, exact)


def _against(
    units: Units,
    chosen: np.ndarray,
    y: np.ndarray,
    error: np.ndarray,
    tolerance: np.ndarray,
    exact: Callable[[int, int], Fraction],
) -> np.ndarray:
    """(K, n, |chosen|) where units at their kinks lie about a band.

    Args:
        units: all of them.
        chosen: indices of those that count.
        y: (n, |chosen|) features, rounded.
        error: (n, |chosen|) by how much these may be off.
        tolerance: (m,) eps.
        exact: the feature of a point and a unit, exactly.
    """
    K = len(units.kinks)
    eps = tolerance[chosen]
    states = np.zeros((K, *y.shape), dtype=np.int8)
    for k in range(K):
        real, last = np.isfinite(units.kinks[k, chosen]), units.slopes[K, chosen]
        height = units.heights[k, chosen]
        with np.errstate(over="ignore", invalid="ignore"):
            size = np.abs(height) + np.abs(y) + eps
            rounding = (error + units.height_errors[k, chosen]) * (1 + 4 * UNIT) + 8 * UNIT * size + 4 * UNDERFLOW
            over, under = (height - y) - eps, (height - y) + eps
            sure = (np.abs(over) > rounding) & (np.abs(under) > rounding) & np.isfinite(over) & np.isfinite(under)
            found = (over > 0).astype(np.int8) - (under < 0).astype(np.int8)
        ends = ~real & (last != 0)  # on its way to infinity
        found = np.where(ends, np.sign(last).astype(np.int8), found)
        for point, j in np.argwhere(~(sure | ends)):
            unit = int(chosen[j])
            at = units.height(k, unit) if real[j] else Fraction(float(units.offsets[K, unit]))
            gap, band = at - exact(int(point), unit), Fraction(float(eps[j]))
            found[point, j] = int(gap > band) - int(gap < -band)
        states[k] = found
    return states


def _with_column(A: SparseRows, b: np.ndarray) -> SparseRows:
    return sparse.csr_array(sparse.hstack([A, sparse.csr_array(b[:, None])], format="csr"))
