"""Proved lower bounds of the smallest singular value."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from unrelu.errors import TooLarge
from unrelu.exact.modular import proves_full_column_rank
from unrelu.rigor.matrices import Matrix
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import UNDERFLOW, UNIT, frobenius_above, gamma

DENSE_SIZE = 2**22
"""Numbers, zeros included, up to which a sparse matrix is also tried as a dense one: 32 MiB."""

MODULAR_SIZE = 2**18
"""Numbers up to which a matrix that floats do not prove to have full rank is tried modulo a prime: 512 x 512."""


def smallest_singular_value_bound(matrix: Matrix) -> float:
    """A proved lower bound of the smallest singular value of a matrix of full rank; 0 where none is found.

    For a matrix of shape (p, n) this is `sigma_min(p, n)`, the last of the singular values counted up to
    the smaller side. Where the condition number allows (up to about 1e7) the Gram matrix H of the smaller side is
    formed and `H - c I` is shown to be positive semidefinite by a Cholesky factorisation that runs to its end
    (Rump, Verification of positive definiteness, BIT 46, 2006), and beyond that the same is done for `X M`, where
    X is an approximate inverse triangular factor: `sigma_min(M) >= sigma_min(X M) / ||X||`.

    Of a sparse matrix the Gram matrix is factored as a band matrix, see `NormalBand`; a small one is also tried as a
    dense one.

    Args:
        matrix: (p, n) float64.

    Returns:
        A number s with `0 <= s <= sigma_min`; s > 0 proves full rank.
    """
    if not isinstance(matrix, np.ndarray):
        p, n = matrix.shape
        if min(p, n) == 0:
            return math.inf
        tall = matrix if p >= n else matrix.T.tocsr()
        try:
            bound = NormalBand(tall).least_singular_value(np.ones(max(p, n), dtype=bool), frobenius_above(matrix))
        except TooLarge:
            bound = 0.0
        return bound if bound > 0 or p * n > DENSE_SIZE else smallest_singular_value_bound(matrix.toarray())
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    if wide.shape[0] == 0:
        return math.inf
    if not np.isfinite(wide).all():
        return 0.0
    largest = float(np.abs(wide).max())
    if largest == 0.0:
        return 0.0
    exponent = math.frexp(largest)[1]
    scaled = np.ldexp(wide, -exponent)
    bound = bound_from_gram(scaled @ scaled.T, frobenius_above(scaled), scaled.shape[1])
    if bound == 0.0:
        bound = _bound_by_preconditioning(scaled)
    return math.ldexp(bound, exponent)


def proves_full_rank(matrix: Matrix) -> bool:
    """Whether full rank (that of the smaller side) is proved; cheaper than the bound where that is all one needs.

    Beyond the condition numbers of the bound (about 1e14), matrices that are not too large are tried modulo a prime.
    """
    if not isinstance(matrix, np.ndarray):
        return smallest_singular_value_bound(matrix) > 0
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    p, n = wide.shape
    if p == 0 or not np.isfinite(wide).all():
        return p == 0
    largest = float(np.abs(wide).max())
    if largest == 0.0:
        return False
    scaled = np.ldexp(wide, -math.frexp(largest)[1])
    gram = scaled @ scaled.T
    gram.flat[:: p + 1] -= 2 * proved_slack(frobenius_above(scaled), p, n)
    try:
        np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return _bound_by_preconditioning(scaled) > 0 or _has_full_rank_modulo_a_prime(wide)
    return True


def _has_full_rank_modulo_a_prime(wide: np.ndarray) -> bool:
    """Whether full rank shows modulo a prime, which no condition number hinders; tried up to `MODULAR_SIZE` numbers."""
    return wide.size <= MODULAR_SIZE and proves_full_column_rank(wide.T, len(wide))


def proved_slack(frobenius: float, p: int, n: int) -> float:
    """How much the least eigenvalue of a computed Gram matrix must exceed zero to prove the exact one positive.

    If Cholesky factorisation of `fl(M M') - c I` (p rows of n numbers, `||M||_F <= frobenius`) runs
    to its end, then `lambda_min(M M') >= c - proved_slack`: the Gram matrix is computed to within
    `gamma_n |M||M|'`, whose norm is at most `gamma_n ||M||_F^2`; a completed factorisation is the exact one of a
    matrix within `gamma_(p+1) / (1 - gamma_(p+1)) trace` of its argument (Demmel; Higham, theorem 10.5), for which
    twice the number of roundings is taken, since fast implementations multiply by reciprocal pivots; and the shifted
    diagonal is rounded once.
    """
    trace = frobenius**2 * (1 + gamma(n + 4))
    cholesky = gamma(2 * p + 8)
    factor = gamma(n + 2) + cholesky / (1 - cholesky) + 2 * UNIT
    return factor * trace * (1 + 64 * UNIT) + (p + n) * p * UNDERFLOW


def bound_from_gram(gram: np.ndarray, frobenius: float, n: int) -> float:
    """A proved lower bound of `sigma_p(M)` from the computed Gram matrix of p rows; 0 where none is found.

    Args:
        gram: (p, p), `M M'` as computed in any order of summation.
        frobenius: at least the Frobenius norm of M.
        n: the number of terms in each inner product.
    """
    p = len(gram)
    if not np.isfinite(frobenius) or not np.isfinite(gram).all():
        return 0.0
    slack = proved_slack(frobenius, p, n)
    estimate = _least_eigenvalue_estimate(gram)
    for fraction in (0.9, 0.5, 0.1):
        shift = fraction * estimate
        if shift <= slack:
            return 0.0
        shifted = gram.copy()
        shifted.flat[:: p + 1] -= shift
        try:
            np.linalg.cholesky(shifted)
        except np.linalg.LinAlgError:
            continue
        # Rounded down by far more than the two operations and the root can lose.
        return math.sqrt((shift - slack) * (1 - 8 * UNIT)) * (1 - 8 * UNIT)
    return 0.0


def _least_eigenvalue_estimate(gram: np.ndarray) -> float:
    """The least eigenvalue by a few steps of inverse iteration; 0 where the matrix is not positive definite."""
    try:
        factor = np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        return 0.0
    vector = np.random.default_rng(0).standard_normal(len(gram))
    length = float(np.linalg.norm(vector))
    with np.errstate(over="ignore"):  # seen below
        for _ in range(6):
            vector = scipy.linalg.cho_solve((factor, True), vector / length, check_finite=False)
            length = float(np.linalg.norm(vector))
            if not UNDERFLOW < length < math.inf:  # its inverse is to be a number
                return 0.0
    return 1.0 / length


def _bound_by_preconditioning(wide: np.ndarray) -> float:
    p, n = wide.shape
    R = scipy.linalg.qr(wide.T, mode="r", check_finite=False)[0][:p]
    if not np.all(np.diag(R)):
        return 0.0
    X = scipy.linalg.solve_triangular(R, np.eye(p), check_finite=False).T
    if not np.isfinite(X).all():
        return 0.0
    # Equal rows leave pivots of 1e-17, 1e-34, 1e-51 and so on: what overflows then proves nothing, no reason to warn.
    with np.errstate(over="ignore", invalid="ignore"):
        nearly_orthonormal = X @ wide
        gram = nearly_orthonormal @ nearly_orthonormal.T
        size, frobenius = frobenius_above(X), frobenius_above(nearly_orthonormal)
    error = gamma(p + 2) * size * frobenius_above(wide) * (1 + 8 * UNIT) + p * n * UNDERFLOW
    bound = bound_from_gram(gram, frobenius, n) - error
    return bound / size * (1 - 8 * UNIT) if bound > 0 else 0.0
