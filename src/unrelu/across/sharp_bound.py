"""Proved bounds of the smallest singular value of a small matrix, sharp to a few roundings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, UNIT, frobenius_above, gamma, lost, norm_above, norm_below
from unrelu.rigor.singular import smallest_singular_value_bound


@dataclass(frozen=True)
class SmallestValue:
    """The smallest singular value of a matrix with at least as many rows as columns.

    Attributes:
        value: as computed.
        below: proved lower bound, 0 where none was found.
        above: proved upper bound.
    """

    value: float
    below: float
    above: float


def smallest_value(matrix: np.ndarray) -> SmallestValue:
    """Enclose `sigma_d` of a matrix (m, d), m >= d.

    From above by `||A v|| / ||v||` for the computed singular vector. From below, with the computed `A = U S V'` and
    `X = V S^-1`: `sigma_min(A) >= sigma_min(A X) / ||X||`, where A X is orthonormal up to rounding.

    In a thread that does not compute as `is_ieee` demands, nothing is proved.
    """
    _, values, vectors = np.linalg.svd(matrix, full_matrices=False)
    if not is_ieee():
        return SmallestValue(float(values[-1]), 0.0, math.inf)
    coarse = smallest_singular_value_bound(matrix)
    return SmallestValue(float(values[-1]), max(coarse, _below(matrix, values, vectors)), _above(matrix, vectors[-1]))


def _above(matrix: np.ndarray, v: np.ndarray) -> float:
    sizes, length = np.abs(matrix), norm_below(v)
    with np.errstate(over="ignore", invalid="ignore"):  # to infinity, or not a number: nothing is proved then
        error = 2 * gamma(v.size + 2) * (sizes @ np.abs(v)) + lost(v.size, float(sizes.max()), 1.0)
        product = norm_above(matrix @ v)
    return (product + norm_above(error)) / length * (1 + 8 * UNIT) + UNDERFLOW if length else math.inf


def _below(matrix: np.ndarray, values: np.ndarray, vectors: np.ndarray) -> float:
    m, d = matrix.shape
    if not values[-1] > 2.0**-400 or not values[0] < 2.0**400:  # no claim where squares under- or overflow
        return 0.0
    X = vectors.T / values
    Y = matrix @ X
    size, size_X, size_Y = frobenius_above(matrix), frobenius_above(X), frobenius_above(Y)
    product_error = 2 * gamma(d + 2) * size * size_X + m * d * lost(d, size, size_X)
    off = frobenius_above(Y.T @ Y - np.eye(d)) + 2 * gamma(m + 3) * (size_Y * size_Y + d)
    if not off < 0.5:
        return 0.0
    least = math.sqrt(1 - off * (1 + 8 * UNIT)) * (1 - 8 * UNIT) - product_error
    skew = frobenius_above(vectors @ vectors.T - np.eye(d)) + 2 * gamma(d + 3) * (frobenius_above(vectors) ** 2 + d)
    of_X = math.sqrt(1 + skew) / float(values[-1]) * (1 + 8 * UNIT) + 2 * UNIT * size_X
    return max(0.0, least / of_X * (1 - 8 * UNIT))
