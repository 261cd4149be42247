"""Proved lower bounds of the least singular value of sparse matrices with a few small ones."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg
from scipy import sparse

from unrelu.rigor.matrices import SparseRows
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import UNDERFLOW, frobenius_above, gamma, lost, norm_above
from unrelu.rigor.singular import bound_from_gram

MOST = 32
"""Small singular values that are dealt with apart from the others, at most."""

_STEPS = 4  # of inverse iteration; the choice of columns needs no more

_LEAST, _MOST = 2.0**-250, 2.0**250  # of what is squared

_UP, _DOWN = 1 + 2.0**-45, 1 - 2.0**-45  # more than the few roundings of a formula


def deflated_bound(matrix: SparseRows, normal: NormalBand, chosen: np.ndarray) -> float:
    """A proved lower bound of `sigma_d` of chosen rows M where `M'M` alone says nothing; 0 if none is found.

    Let F be a few columns without which M is well-conditioned, S the others, and `N = M T` for the d x |F| matrix T
    that is the identity on F and on S what makes `M_S' N` nearly zero; let X be such that `W = N X` has nearly
    orthonormal columns. With `a = sigma(M_S)^2`, `b = sigma(W)^2` and `c = ||M_S' W||`, the least eigenvalue of the
    Gram matrix of `[M_S, W]` is at least that of `[[a, -c], [-c, b]]`, whose eigenvalues have the product `a b - c^2`
    and the sum `a + b`. If the product is positive, W has full rank, every z is `(z_S, 0) + T X u`, and

        sigma(M) >= sqrt((a b - c^2) / (a + b)) / (1 + ||T X||) .

    Args:
        matrix: (m, d) the rows.
        normal: its normal matrices.
        chosen: (m,) bool, the rows of M.
    """
    M: SparseRows = sparse.csr_array(matrix[chosen])
    size = frobenius_above(M)
    columns = _columns_that_are_nearly_dependent(M, normal, chosen, size) if size < _MOST else None
    if columns is None:
        return 0.0
    of_others = normal.least_singular_value(chosen, size, without=columns)
    if of_others == 0.0:
        return 0.0
    T = normal.complement(chosen, columns)
    N = M @ T
    terms = int(np.diff(M.indptr).max(initial=0))
    # How far N and then W, as computed, are from M T and M T X.
    of_T = frobenius_above(T)
    off = 2 * gamma(terms + 2) * frobenius_above(abs(M) @ np.abs(T)) + N.size * lost(terms, size, of_T)
    try:
        X = scipy.linalg.solve_triangular(np.linalg.qr(N, mode="r"), np.eye(len(columns)), check_finite=False)
    except np.linalg.LinAlgError:
        return 0.0
    if not np.isfinite(X).all():
        return 0.0
    W, size_X = N @ X, frobenius_above(X)
    k = len(columns)
    of_N = frobenius_above(N)
    off = (off * size_X + gamma(k + 2) * of_N * size_X + W.size * lost(k, of_N, size_X)) * _UP
    of_W = (bound_from_gram(W.T @ W, frobenius_above(W), len(W)) - off) * _DOWN
    others = np.ones(M.shape[1], dtype=bool)
    others[columns] = False
    across = (W.T @ M)[:, others]
    of_W_itself = frobenius_above(W)
    mixed = (norm_above(across) + gamma(normal.terms + 2) * of_W_itself * size + off * size) * _UP
    mixed += across.size * lost(normal.terms, of_W_itself, size)
    if min(of_others, of_W) < _LEAST:  # no claim where squares may underflow
        return 0.0
    a, b = of_others * of_others, of_W * of_W
    squared = (a * b * _DOWN - (mixed * mixed * _UP + UNDERFLOW)) / (a + b) * _DOWN
    reach = (frobenius_above(T @ X) + gamma(k + 2) * of_T * size_X + T.size * lost(k, of_T, size_X)) * _UP
    return math.sqrt(squared) / (1 + reach) * _DOWN if squared > 0 else 0.0


def _columns_that_are_nearly_dependent(
    M: SparseRows, normal: NormalBand, chosen: np.ndarray, size: float
) -> np.ndarray | None:
    """As many columns as there are small singular values, on which their vectors are large; None for too many."""
    V = normal.small_vectors(chosen, min(MOST, M.shape[1]), size, _STEPS)
    if V is None:
        return None
    products = M @ V
    values, rotation = np.linalg.eigh(products.T @ products)
    n_small = int((values < 1e3 * normal.slack(size)).sum())
    if not 0 < n_small < len(values):
        return None
    factors = scipy.linalg.qr((V @ rotation[:, :n_small]).T, mode="r", pivoting=True, check_finite=False)
    return np.sort(factors[-1][:n_small])
