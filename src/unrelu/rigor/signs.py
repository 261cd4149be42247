"""Exact signs of `a.x + b` for the given floats."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from unrelu.rigor.arithmetic import require_ieee
from unrelu.rigor.matrices import Matrix, most_terms, row_numbers
from unrelu.rigor.rounding import gamma, lost, norm_above, row_norms_above


def exact_signs(matrix: Matrix, offset: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The sign of every `a_i.x + b_i` in exact arithmetic on the given floats.

    Rows whose computed value exceeds its rounding error bound are decided by it, the others by integers.

    Args:
        matrix: (m, d) float64, whole or sparse.
        offset: (m,) float64.
        point: (d,) float64.

    Returns:
        (m,) int8: -1, 0 or 1.

    Raises:
        UnprovableArithmetic: if this thread flushes subnormal numbers or does not round to nearest.
    """
    return exact_signs_batch(matrix, offset, point[None], row_norms_above(matrix))[0]


def exact_signs_batch(
    matrix: Matrix, offset: np.ndarray, points: np.ndarray, row_norms: np.ndarray | None = None
) -> np.ndarray:
    """`exact_signs` for many points.

    Args:
        matrix: (m, d).
        offset: (m,).
        points: (n, d).
        row_norms: (m,) upper bounds of the norms of the rows, if they are known.

    Returns:
        (n, m) int8.

    Raises:
        UnprovableArithmetic: if this thread flushes subnormal numbers or does not round to nearest.
    """
    values, errors = enclosed_values(matrix, offset, points, row_norms)
    certain = (np.abs(values) > errors) & np.isfinite(values)
    # What is not certain, and what overflows, is decided by integers.
    signs = np.sign(np.nan_to_num(values)).astype(np.int8)
    for k, i in np.argwhere(~certain):
        columns, numbers = row_numbers(matrix, int(i))
        signs[k, i] = exact_sign(numbers, float(offset[i]), points[k, columns])
    return signs


def enclosed_values(
    matrix: Matrix, offset: np.ndarray, points: np.ndarray, row_norms: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """`a_i.x + b_i` at many points in floats, and by how much each may be off; nothing is said of what overflows.

    Args:
        matrix: (m, d).
        offset: (m,).
        points: (n, d).
        row_norms: (m,) upper bounds of the norms of the rows, if they are known.

    Returns:
        (n, m) and (n, m) float64.

    Raises:
        UnprovableArithmetic: if this thread flushes subnormal numbers or does not round to nearest.
    """
    require_ieee()
    norms = row_norms_above(matrix) if row_norms is None else row_norms
    with np.errstate(over="ignore", invalid="ignore"):
        values = points @ matrix.T + offset
        # |fl(a.x + b) - (a.x + b)| <= gamma_(d+1) (|a|.|x| + |b|), and |a|.|x| <= ||a|| ||x||; d counts products.
        d = most_terms(matrix)
        sizes = np.array([norm_above(point) for point in points])
        g, little = gamma(d + 4), lost(d)  # what underflow may take: little (1 + |a| + |x|)
        errors = sizes[:, None] * (g * norms + little) + (g * np.abs(offset) + little * (1 + norms))
    return values, errors


def exact_sign(row: np.ndarray, offset: float, point: np.ndarray) -> int:
    """The sign of `row.point + offset`, by integers: -1, 0 or 1."""
    total = exact_dot(np.append(row, offset), np.append(point, 1.0))
    return (total > 0) - (total < 0)


def exact_dot(x: np.ndarray, y: np.ndarray) -> Fraction:
    """`x.y` of finite floats, exactly.

    Raises:
        UnprovableArithmetic: if this thread flushes subnormal numbers or does not round to nearest.
    """
    require_ieee()
    used = (x != 0) & (y != 0)
    if not used.any():
        return Fraction(0)
    mantissas_x, exponents_x = _integers(x[used])
    mantissas_y, exponents_y = _integers(y[used])
    exponents = exponents_x + exponents_y
    least = int(exponents.min())
    total = sum(
        (a * b) << (e - least)
        for a, b, e in zip(mantissas_x.tolist(), mantissas_y.tolist(), exponents.tolist(), strict=True)
    )
    return Fraction(total << least) if least >= 0 else Fraction(total, 1 << -least)


def nearest_float(value: Fraction) -> float:
    """The nearest float; infinite where there is none so large.

    >>> nearest_float(Fraction(10) ** 400)
    inf
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _integers(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers m and e with `values = m 2^e` exactly."""
    mantissas, exponents = np.frexp(values)
    return np.ldexp(mantissas, 53).astype(np.int64), exponents.astype(np.int64) - 53
