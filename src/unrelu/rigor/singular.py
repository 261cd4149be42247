"""Proved lower bounds of the smallest singular value."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from unrelu.errors import TooLarge
from unrelu.exact.modular import proves_full_column_rank
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.inverse_iteration import least_eigenvalue_estimate
from unrelu.rigor.matrices import Matrix, times_powers
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import UNDERFLOW, UNIT, frobenius_above, gamma, lost, times_power_below

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

    Where that fails, `M = D S` with rows of S of size 1 and D diagonal, of powers of two, is tried by its rows: then
    `sigma_min(M) >= min D sigma_min(S)`, since `||M x|| = ||D S x|| >= min D ||S x||` and
    `||M'y|| = ||S'D y|| >= sigma_min(S) ||D y||`. S is the same for all multiples of the rows by powers of two.

    Of a sparse matrix the Gram matrix is factored as a band matrix, see `NormalBand`; a small one is also tried as a
    dense one.

    Args:
        matrix: (p, n) float64.

    Returns:
        A number s with `0 <= s <= sigma_min`; s > 0 proves full rank. 0 in a thread that does not compute as the
        bounds assume, see `is_ieee`.
    """
    if not is_ieee():
        return 0.0
    if min(matrix.shape) == 0:
        return math.inf
    largest = _largest_of_rows(matrix)
    greatest = float(largest.max())
    if not 0.0 < greatest < math.inf:
        return 0.0
    exponent = math.frexp(greatest)[1]
    bound = times_power_below(_bound_of(times_powers(matrix, np.full(len(largest), -exponent))), exponent)
    if bound == 0.0 and (exponents := _row_exponents(largest)) is not None:
        bound = times_power_below(_bound_of(times_powers(matrix, -exponents)), int(exponents.min()))
    return bound


def proves_full_rank(matrix: Matrix) -> bool:
    """Whether full rank (that of the smaller side) is proved; cheaper than the bound where that is all one needs.

    Beyond the condition numbers of the bound (about 1e14), matrices that are not too large are tried modulo a prime.
    """
    if not isinstance(matrix, np.ndarray):
        return smallest_singular_value_bound(matrix) > 0
    p, n = sorted(matrix.shape)
    if p == 0 or not is_ieee():
        return p == 0
    largest = _largest_of_rows(matrix)
    greatest = float(largest.max())
    if not 0.0 < greatest < math.inf:
        return False
    scaled = times_powers(matrix, np.full(len(matrix), -math.frexp(greatest)[1]))
    assert isinstance(scaled, np.ndarray)
    wide = scaled if len(scaled) == p else scaled.T
    gram = wide @ wide.T
    gram.flat[:: p + 1] -= 2 * proved_slack(frobenius_above(wide), p, n)
    try:
        np.linalg.cholesky(gram)
    except np.linalg.LinAlgError:
        if _bound_by_preconditioning(wide) > 0:
            return True
        exponents = _row_exponents(largest)
        if exponents is not None and _bound_of(times_powers(matrix, -exponents)) > 0:
            return True
        return _has_full_rank_modulo_a_prime(matrix if len(matrix) == p else matrix.T)
    return True


def _largest_of_rows(matrix: Matrix) -> np.ndarray:
    found = abs(matrix).max(axis=1)
    return found if isinstance(found, np.ndarray) else found.toarray().ravel()


def _row_exponents(largest: np.ndarray) -> np.ndarray | None:
    """Those of the powers of two next to the rows' greatest numbers; None where they are all the same."""
    exponents = np.where(largest > 0, np.frexp(largest)[1], np.frexp(largest.max())[1])
    return None if (exponents == exponents[0]).all() else exponents


def _bound_of(matrix: Matrix) -> float:
    """The bound for numbers of at most 1, less what scaling may have lost to underflow (Weyl)."""
    p, n = matrix.shape
    if not isinstance(matrix, np.ndarray):
        tall = matrix if p >= n else matrix.T.tocsr()
        try:
            bound = NormalBand(tall).least_singular_value(np.ones(max(p, n), dtype=bool), frobenius_above(matrix))
        except TooLarge:
            bound = 0.0
        if bound == 0.0 and p * n <= DENSE_SIZE:
            return _bound_of(matrix.toarray())
    else:
        wide = matrix if p <= n else matrix.T
        bound = bound_from_gram(wide @ wide.T, frobenius_above(wide), wide.shape[1])
        if bound == 0.0:
            bound = _bound_by_preconditioning(wide)
    return max(0.0, bound - p * n * UNDERFLOW)


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
    trace = frobenius * frobenius * (1 + gamma(n + 4))
    cholesky = gamma(2 * p + 8)
    factor = gamma(n + 2) + cholesky / (1 - cholesky) + 2 * UNIT
    # A number of the factor is at most the root of the trace; a quotient that underflows is multiplied by its pivot.
    underflow = p * (lost(n, 2 * frobenius) + lost(2 * p, 3 * trace))
    return factor * trace * (1 + 64 * UNIT) + underflow


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
    return least_eigenvalue_estimate(lambda v: scipy.linalg.cho_solve((factor, True), v, check_finite=False), len(gram))


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
    of_wide = frobenius_above(wide)
    error = gamma(p + 2) * size * of_wide * (1 + 8 * UNIT) + p * n * lost(p, size, of_wide)
    bound = bound_from_gram(gram, frobenius, n) - error
    return max(0.0, bound / size * (1 - 8 * UNIT) - UNDERFLOW) if bound > 0 else 0.0
