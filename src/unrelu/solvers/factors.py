"""Cholesky factors straight from LAPACK, for small matrices by the thousand, where checks cost more than the work."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import get_lapack_funcs

from unrelu.rigor.rounding import norm_above
from unrelu.rigor.singular import proved_slack

_potrf, _trtrs, _potrs, _posv = get_lapack_funcs(("potrf", "trtrs", "potrs", "posv"), dtype=np.float64)


def lower_factor(gram: np.ndarray) -> np.ndarray:
    """The lower Cholesky factor of a symmetric matrix (n, n), which is overwritten; above the diagonal is anything.

    Raises:
        numpy.linalg.LinAlgError: if it is not positive definite in floating point.
    """
    if not len(gram):
        return np.zeros((0, 0), order="F")
    factor, info = _potrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if info != 0:
        raise np.linalg.LinAlgError("the matrix is not positive definite")
    return factor


def solve_lower(factor: np.ndarray, right: np.ndarray, *, transposed: bool = False) -> np.ndarray:
    """`L^-1 B`, or `L'^-1 B`, for a factor with positive diagonal (n, n) and B (n,) or (n, k)."""
    if not len(factor) or not right.size:
        return right
    return _trtrs(factor, right, lower=1, trans=int(transposed))[0]


def solve_with_factor(factor: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`(L L')^-1 B` for a factor with positive diagonal (n, n) and B (n,) or (n, k)."""
    if not len(factor) or not right.size:
        return right
    return _potrs(factor, right, lower=1)[0]


def solve_positive(matrix: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """`M^-1 b` for a positive definite M (n, n), which is overwritten; None where it is not, in floating point."""
    _, solution, info = _posv(matrix.T, right, lower=1, overwrite_a=1)
    return solution if info == 0 else None


def least_singular_value(factor: np.ndarray) -> float:
    """An estimate of that of rows whose Gram matrix has this factor, by inverse iteration; inf for no rows."""
    if not len(factor):
        return float("inf")
    vector = np.random.default_rng(0).standard_normal(len(factor))
    for _ in range(3):
        vector /= norm(vector)
        vector = solve_with_factor(factor, vector)
    return norm(vector) ** -0.5


def told_from_zero(estimate: float, norms: np.ndarray, n: int) -> float:
    """A singular value of rows of these norms, estimated by a Gram matrix; 0 where that cannot tell it from 0.

    Dependent rows have Gram matrices that pass for positive definite, with least singular values of about 1e-8.

    Args:
        estimate: the value.
        norms: (p,), the norms of the rows.
        n: terms in each inner product of the Gram matrix.
    """
    return estimate if estimate**2 > 2 * proved_slack(norm_above(norms), len(norms), n) else 0.0


def norm(vector: np.ndarray) -> float:
    """The 2-norm of a vector, up to rounding."""
    return math.sqrt(vector @ vector)
