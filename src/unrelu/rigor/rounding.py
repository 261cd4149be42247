"""A-priori bounds on rounding errors, valid for any order of summation.

The model is IEEE double precision rounded to nearest, with or without fused multiply-add:
`fl(x op y) = (x op y)(1 + delta) + eta`, `|delta| <= u`, `|eta| <= UNDERFLOW`
(Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., chapters 2 and 3).
Every bound here is itself computed in floating point and enlarged by more than its own rounding. In a thread where the
model does not hold (`unrelu.rigor.arithmetic`) there are no bounds.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from unrelu.rigor.arithmetic import require_ieee
from unrelu.rigor.matrices import Matrix, most_terms, times_powers

UNIT = 2.0**-53
"""u, the unit roundoff of float64."""

UNDERFLOW = 2.0**-1022
"""More than one operation can lose to underflow, flush-to-zero included."""


def gamma(n: int) -> float:
    """An upper bound of `gamma_n = n u / (1 - n u)`.

    Raises:
        OverflowError: if n u is not below 1/2, where the bound says nothing.
        UnprovableArithmetic: if this thread does not compute in the way that the bound assumes.
    """
    require_ieee()
    if n * UNIT >= 0.5:
        raise OverflowError(f"no rounding bound for sums of {n} terms")
    return n * UNIT / (1 - n * UNIT) * (1 + 4 * UNIT)


def enlarged(value: float, roundings: int) -> float:
    """At least the exact value of a sum of non-negative terms that was computed with so many roundings."""
    return (value * (1 + 2 * gamma(roundings + 2))) + (roundings + 2) * UNDERFLOW


def lost(terms: int, *sizes: float) -> float:
    """More than underflow takes from an inner product of so many terms, in whatever thread of BLAS it is computed.

    A product, a sum and what is summed up so far can each lose `UNDERFLOW` where results are flushed to zero; where
    subnormal operands count as 0, a product loses `UNDERFLOW` times the other operand. Threads of BLAS that were
    started while a thread flushed go on doing so, and what they lose is bounded, not looked for.

    Args:
        terms: of the inner product.
        sizes: at least the greatest magnitudes of its operands; of those that may meet a subnormal one.
    """
    return 4 * (terms + 4) * UNDERFLOW * (1.0 + sum(sizes))


def combined(matrix: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
    """The sum of a matrix's rows, each times a multiplier, to within `lost(len(multipliers), max |multipliers|)`.

    Subnormal multipliers, as those of rows of 1e308 are, are left to this thread, since one of BLAS may read 0.
    """
    subnormal = (multipliers != 0) & (np.abs(multipliers) < UNDERFLOW)
    return np.einsum("ij,i->j", matrix, multipliers) if subnormal.any() else multipliers @ matrix


def times_power_below(value: float, exponent: int) -> float:
    """At most `value 2^exponent` for a value of at least 0, and the nearest such float."""
    try:
        found = math.ldexp(value, exponent)
    except OverflowError:
        return sys.float_info.max
    return math.nextafter(found, 0.0) if math.ldexp(found, -exponent) > value else found


def norm_above(vector: np.ndarray) -> float:
    """At least the 2-norm of a vector; inf where it overflows or is not a number."""
    require_ieee()
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
    """At least the 2-norm of each row; inf where it overflows or is not a number.

    Args:
        matrix: (m, d).

    Returns:
        (m,).
    """
    if matrix.shape[1] == 0:
        return np.zeros(matrix.shape[0])
    require_ieee()
    squares = _row_squares(matrix)
    growth = 1 + 2 * gamma(most_terms(matrix) + 4)
    # Smaller squares may have lost too much to underflow, or all.
    odd = np.flatnonzero(~((squares > 2.0**-900) & (squares < 2.0**1000)))
    norms = np.sqrt(squares) * growth
    if odd.size:
        norms[odd] = _odd_norms(matrix[odd], growth)
    return norms


def _odd_norms(matrix: Matrix, growth: float) -> np.ndarray:
    """At least the norms of rows that are zero, tiny, huge or not finite."""
    if isinstance(matrix, np.ndarray):
        largest = np.abs(matrix).max(axis=1)
    else:
        largest = abs(matrix).max(axis=1).toarray().ravel()
    exponents = np.frexp(largest)[1]
    with np.errstate(over="ignore"):  # to infinity, as it shall
        norms = np.ldexp(np.sqrt(_row_squares(times_powers(matrix, -exponents))) * growth, exponents)
    return np.where(largest == 0, 0.0, np.where(np.isfinite(largest), np.nextafter(norms, np.inf), np.inf))


def _row_squares(matrix: Matrix) -> np.ndarray:
    if isinstance(matrix, np.ndarray):
        return np.einsum("ij,ij->i", matrix, matrix)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    with np.errstate(over="ignore", under="ignore"):  # seen by the caller
        return np.bincount(rows, matrix.data * matrix.data, minlength=matrix.shape[0])


def frobenius_above(matrix: Matrix) -> float:
    """At least the Frobenius norm of a matrix; inf where it overflows or is not a number."""
    return norm_above(row_norms_above(matrix))


def sum_above(values: np.ndarray) -> float:
    """At least the sum of non-negative numbers."""
    return enlarged(float(np.sum(values)), np.size(values))
