"""A-priori bounds on rounding errors, valid for any order of summation.

The model is IEEE double precision rounded to nearest, with or without fused multiply-add:
`fl(x op y) = (x op y)(1 + delta) + eta`, `|delta| <= u`, `|eta| <= UNDERFLOW`
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapters 2 and 3).
Every bound here is itself computed in floating point and enlarged by more than its own rounding.
"""

from __future__ import annotations

import math

import numpy as np

from unrelu.rigor.matrices import Matrix, most_terms, uses_row

UNIT = 2.0**-53
"""u, the unit roundoff of float64."""

UNDERFLOW = 2.0**-1022
"""More than one operation can lose to underflow, flush-to-zero included."""


def gamma(n: int) -> float:
    """An upper bound of `gamma_n = n u / (1 - n u)`.

    Raises:
        OverflowError: if n u is not below 1/2, where the bound says nothing.
    """
    if n * UNIT >= 0.5:
        raise OverflowError(f"no rounding bound for sums of {n} terms")
    return n * UNIT / (1 - n * UNIT) * (1 + 4 * UNIT)


def enlarged(value: float, roundings: int) -> float:
    """At least the exact value of a sum of non-negative terms that was computed with so many roundings."""
    return (value * (1 + 2 * gamma(roundings + 2))) + (roundings + 2) * UNDERFLOW


def norm_above(vector: np.ndarray) -> float:
    """At least the 2-norm of a vector; inf where it overflows or is not a number."""
    values = np.abs(np.ravel(vector))
    largest = float(values.max(initial=0.0))
    if largest == 0.0:
        return 0.0
    if not math.isfinite(largest):
        return math.inf
    # A power of two, so that no square overflows and what underflows is negligible.
    scale = 2.0 ** -max(math.frexp(largest)[1], -1000)
    total = float(np.sum(np.square(values * scale)))
    return enlarged(math.sqrt(enlarged(total, values.size + 1)), 2) / scale + UNDERFLOW


def norm_below(vector: np.ndarray) -> float:
    """At most the 2-norm of a vector, and never negative."""
    above = norm_above(vector)
    if not math.isfinite(above) or above < 2.0**-900:  # no claim where underflow may have been at work
        return 0.0
    return above * (1 - 8 * gamma(np.size(vector) + 4))


def row_norms_above(matrix: Matrix) -> np.ndarray:
    """At least the 2-norm of each row, for rows of ordinary size (between 2^-500 and 2^500), else inf.

    Args:
        matrix: (m, d).

    Returns:
        (m,).
    """
    squares = _row_squares(matrix)
    norms = np.sqrt(squares) * (1 + 2 * gamma(most_terms(matrix) + 4))
    ordinary = (squares > 2.0**-1000) & (squares < 2.0**1000)
    zero = squares == 0
    zero[zero] = np.logical_not(uses_row(matrix[zero]))
    return np.where(zero, 0.0, np.where(ordinary, norms, np.inf))


def _row_squares(matrix: Matrix) -> np.ndarray:
    if isinstance(matrix, np.ndarray):
        return np.einsum("ij,ij->i", matrix, matrix)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    with np.errstate(over="ignore", under="ignore"):  # seen by the caller
        return np.bincount(rows, matrix.data * matrix.data, minlength=matrix.shape[0])


def frobenius_above(matrix: Matrix) -> float:
    """At least the Frobenius norm of a matrix; inf where it overflows or is not a number."""
    by_rows = norm_above(row_norms_above(matrix))
    if math.isfinite(by_rows):
        return by_rows
    return norm_above(matrix if isinstance(matrix, np.ndarray) else matrix.data)


def sum_above(values: np.ndarray) -> float:
    """At least the sum of non-negative numbers."""
    return enlarged(float(np.sum(values)), np.size(values))
