"""Each term by which bounds of singular values are reduced is needed, and as large as the theorem says.

Slacks are asked about sums of so many terms that they can be seen, or with a coarse unit roundoff (`coarse`); a bound
may then not exceed what the worst rounding leaves, and has to come near it.
"""

from __future__ import annotations

import math
from fractions import Fraction
from unittest.mock import patch

import numpy as np
import pytest
from scipy import sparse

from coarse import coarsen
from flushing import flushing
from rigor.nearly_dependent_rows import ILL_CONDITIONED, SMALL, nearly_dependent
from unrelu.errors import TooLarge
from unrelu.rigor import normal_band, singular
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import UNDERFLOW
from unrelu.rigor.singular import bound_from_gram, proved_slack, proves_full_rank, smallest_singular_value_bound

LEAST = 2.0**-1074
U = Fraction(1, 2**53)


def exact_gamma(n: int) -> Fraction:
    return n * U / (1 - n * U)


def needed_slack(frobenius: float, p: int, n: int) -> Fraction:
    """What the Gram matrix, its factorisation and the shift of its diagonal lose (Higham, theorem 10.5)."""
    square = Fraction(frobenius) ** 2
    trace = square * (1 + exact_gamma(n))
    factored = exact_gamma(2 * p + 2)  # a reciprocal pivot takes a rounding more for each product
    of_rounding = exact_gamma(n) * square + (factored / (1 - factored) + U) * trace
    return of_rounding + p * Fraction(UNDERFLOW) * (n * (3 + Fraction(frobenius)) + 2 * p * (3 + trace))


@pytest.mark.parametrize("frobenius", [0.0, LEAST, 2.0**-600, 2.0**-510, 0.3, 1.0, 2.0**60])
@pytest.mark.parametrize(("p", "n"), [(1, 1), (1, 3000), (3000, 1), (50, 70), (7, 2**40), (2**40, 7), (2**50, 2**50)])
def test_the_slack_of_a_cholesky_factorisation_is_what_the_theorem_asks_for(frobenius: float, p: int, n: int) -> None:
    needed = needed_slack(frobenius, p, n)
    slack = Fraction(proved_slack(frobenius, p, n))
    assert needed <= slack
    assert slack <= needed * (16 if min(p, n) == 1 and max(p, n) < 10 else 1.1) + 50 * p * (p + n) * Fraction(
        UNDERFLOW
    ) * (5 + Fraction(frobenius) ** 2)


@pytest.mark.parametrize("frobenius", [0.3, 1.0, 2.0**60])
@pytest.mark.parametrize("rows", [1, 40, 300])
def test_the_slack_of_a_band_is_what_the_theorem_asks_for(frobenius: float, rows: int) -> None:
    # Each row uses two neighbours, so that the band has one diagonal and a column `2 rows` terms.
    d = 6
    A = np.zeros((rows * (d - 1), d))
    for k in range(len(A)):
        A[k, k % (d - 1) : k % (d - 1) + 2] = 1.0
    normal = NormalBand(sparse.csr_array(A))
    assert (normal.width, normal.terms) == (1, 2 * rows)
    square = Fraction(frobenius) ** 2
    factored = exact_gamma(2 * (normal.width + 1) + 2)
    needed = square * (exact_gamma(normal.terms) + (factored / (1 - factored) + U) * (1 + exact_gamma(normal.terms)))
    assert needed <= Fraction(normal.slack(frobenius)) <= needed * (1.05 if rows == 300 else 4)
    of_nothing = Fraction(normal.slack(0.0)) / Fraction(UNDERFLOW)
    assert 3 * d * (normal.terms + 2 * (normal.width + 1)) <= of_nothing <= 40 * d * (normal.terms + 12)
    wide = NormalBand(sparse.csr_array(np.ones((1, 200))))
    assert Fraction(wide.slack(0.0)) >= 3 * 200 * (1 + 2 * 200) * Fraction(UNDERFLOW)
    assert needed_slack(1.0, 200, 1) * Fraction(19, 20) <= Fraction(wide.slack(1.0)) <= 2 * needed_slack(1.0, 200, 1)


@pytest.mark.parametrize("part", [0.05, 0.2, 0.5, 0.8, 0.95, 1.5])
@pytest.mark.parametrize("cross", [0.0, 0.5])
def test_a_gram_matrix_proves_what_its_worst_rounding_leaves(part: float, cross: float) -> None:
    gram, frobenius, n = np.array([[1.0, cross], [cross, 1.0]]), 2.0, 2**48
    least = 1 - cross
    frobenius = math.sqrt(part * least / float(exact_gamma(n)))
    bound = bound_from_gram(gram, frobenius, n)
    left = least * (1 - part)
    assert bound**2 <= max(0.0, left)
    if part < 0.85:
        assert bound**2 >= 0.5 * (0.9 * least - part * least) - 1e-3
        assert (bound > 0) == (part < 0.9)


def test_a_gram_matrix_that_is_not_finite_or_not_definite_proves_nothing() -> None:
    for gram in (np.diag([1.0, np.inf]), np.full((1, 1), np.nan), np.diag([1.0, 0.0]), np.diag([1.0, -1.0])):
        assert bound_from_gram(gram, 1.0, 1) == 0.0
    assert bound_from_gram(np.eye(2), math.inf, 1) == 0.0
    assert bound_from_gram(np.eye(2), math.nan, 1) == 0.0
    assert bound_from_gram(np.diag([1e-300, 1e-300]) * 1e-10, 1e-155, 1) == 0.0


def test_a_shift_that_is_too_great_is_not_believed() -> None:
    """An estimate of the least eigenvalue need not be one: only a factorisation that ends proves anything."""
    for estimate in (1.0, 1.5, 5.0, 20.0):
        with patch.object(singular, "_least_eigenvalue_estimate", lambda _, found=estimate: found):
            bound = bound_from_gram(np.eye(3), 2.0, 3)
        assert bound**2 <= 1.0
        assert bound**2 >= {1.0: 0.89, 1.5: 0.74, 5.0: 0.49, 20.0: 0.0}[estimate]
        assert (bound > 0) == (estimate < 10)
    band = NormalBand(sparse.csr_array(np.eye(3)))
    for estimate in (1.0, 1.5, 5.0, 20.0):
        with patch.object(NormalBand, "_least_eigenvalue_estimate", lambda *_, found=estimate: found):
            bound = band.least_singular_value(np.ones(3, dtype=bool), 2.0)
        assert bound**2 <= 1.0
        assert bound**2 >= {1.0: 0.89, 1.5: 0.74, 5.0: 0.49, 20.0: 0.0}[estimate]
        assert (bound > 0) == (estimate < 10)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.6, 0.95, 2.0])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_preconditioned_bound_is_less_the_rounding_of_the_product(
    monkeypatch: pytest.MonkeyPatch, part: float, transposed: bool
) -> None:
    # X M is orthonormal, and may be off by gamma_2 ||X|| ||M||.
    M = ILL_CONDITIONED
    coarsen(monkeypatch, singular, part / (2 * OF_INVERSE * float(np.linalg.norm(M))), lambda n: n == 4)
    bound = smallest_singular_value_bound(M.T if transposed else M)
    assert bound * OF_INVERSE <= max(0.0, 1 - part) * (1 + 1e-6)
    assert (bound > 0) == (part < 0.45)


OF_INVERSE = float(np.linalg.norm(np.linalg.inv(np.linalg.qr(ILL_CONDITIONED)[1])))


@pytest.mark.parametrize("part", [0.05, 0.3, 0.9])
def test_a_preconditioned_bound_is_less_what_underflow_takes(monkeypatch: pytest.MonkeyPatch, part: float) -> None:
    # The product by X, whose size is 2^30, loses to each of four numbers.
    monkeypatch.setattr(singular, "lost", lambda _, *sizes: part / 2 if max(sizes) > 2.0**29 else 0.0)
    bound = smallest_singular_value_bound(ILL_CONDITIONED)
    assert bound * OF_INVERSE <= (1 - part) * (1 + 1e-6)
    assert (bound > 0) == (part < 0.4)


@pytest.mark.parametrize("factor", [0.3, 20.0])
@pytest.mark.parametrize("shape", [(3, 8), (8, 3)])
def test_full_rank_needs_more_than_the_slack(
    monkeypatch: pytest.MonkeyPatch, factor: float, shape: tuple[int, int]
) -> None:
    M = np.diag([0.5, 0.5, 2.0**-10]) @ np.eye(3, max(shape))  # of the Gram matrix the least eigenvalue is 2^-20
    M = M if shape == M.shape else M.T
    for name in ("_bound_by_preconditioning", "_bound_of"):
        monkeypatch.setattr(singular, name, lambda _: 0.0)
    monkeypatch.setattr(singular, "_has_full_rank_modulo_a_prime", lambda _: False)
    coarsen(monkeypatch, singular, 2.0**-20 / (0.5 * (8 + 2 * 3 + 1)) / factor)
    assert proves_full_rank(M) == (factor > 1)


def test_rows_of_different_sizes_have_a_rank_without_any_prime(monkeypatch: pytest.MonkeyPatch) -> None:
    M = np.array([[1.0, 1.0, 0.0], [2.0**-300, -(2.0**-300), 2.0**-300], [2.0**200, 0.0, 0.0]])
    monkeypatch.setattr(singular, "MODULAR_SIZE", 0)
    assert proves_full_rank(M)
    monkeypatch.setattr(singular, "_bound_of", lambda _: 0.0)
    assert not proves_full_rank(M)


def test_sparse_matrices_have_a_bound_on_either_side(monkeypatch: pytest.MonkeyPatch) -> None:
    M = neighbours(12, 4, 0)
    monkeypatch.setattr(singular, "DENSE_SIZE", 0)
    for matrix in (M, M.T):
        bound = smallest_singular_value_bound(sparse.csr_array(matrix))
        assert 0.8 < bound / np.linalg.svd(M, compute_uv=False)[-1] <= 1
        assert proves_full_rank(sparse.csr_array(matrix))
    assert smallest_singular_value_bound(sparse.csr_array(nearly_dependent(SMALL))) == 0.0
    monkeypatch.setattr(singular, "DENSE_SIZE", 48)
    assert smallest_singular_value_bound(sparse.csr_array(nearly_dependent(SMALL))) > 0


def test_a_thread_that_flushes_gets_no_bound() -> None:
    assert smallest_singular_value_bound(np.eye(2)) > 0
    assert smallest_singular_value_bound(np.zeros((0, 3))) == math.inf
    with flushing():
        assert smallest_singular_value_bound(np.eye(2)) == 0.0
        assert not proves_full_rank(np.eye(2))
        assert proves_full_rank(np.zeros((0, 3)))


def test_products_that_shrink_into_nothing_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(singular, "bound_from_gram", lambda *_: 5 * UNDERFLOW)
    assert smallest_singular_value_bound(np.full((2, 2), 0.5)) == 1 * UNDERFLOW
    assert smallest_singular_value_bound(np.full((2, 3), 0.5)) == 0.0


def neighbours(m: int, d: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    A = np.zeros((m, d))
    for row in range(m):
        start = rng.integers(0, d - 1)
        A[row, start : start + 2] = rng.standard_normal(2)
    return A


@pytest.mark.parametrize("part", [0.1, 0.4, 0.6, 0.95, 1.5])
def test_a_band_proves_what_its_worst_rounding_leaves(monkeypatch: pytest.MonkeyPatch, part: float) -> None:
    A = np.vstack([np.eye(4), np.eye(4)]) / math.sqrt(2)
    normal, every = NormalBand(sparse.csr_array(A)), np.ones(8, dtype=bool)
    assert normal.terms == 2
    large = 2.0**10  # at least the Frobenius norm, and then the slack is gamma_n 2^20
    coarsen(monkeypatch, normal_band, part / (2.0**20 * 2))
    bound = normal.least_singular_value(every, large)
    assert bound**2 <= max(0.0, 1 - part)
    coarsen(monkeypatch, normal_band, part / (2.0**20 * (2 + 2 * 1 + 1)))
    assert not (normal.proves_full_column_rank(every, large) and part > 0.9)
    coarsen(monkeypatch, normal_band, part / (2.0**20 * 100))
    assert normal.proves_full_column_rank(every, large)
    assert normal.least_singular_value(every, large) ** 2 >= 0.9 - part / 3
    for frobenius in (math.inf, math.nan):
        assert normal.least_singular_value(every, frobenius) == 0.0
        assert not normal.proves_full_column_rank(every, frobenius)


def test_a_band_without_columns_counts_what_takes_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    A = np.diag([1.0, 1.0, 64.0, 64.0])
    normal, every = NormalBand(sparse.csr_array(A)), np.ones(4, dtype=bool)
    columns = np.array([2, 3])
    assert 0.9 < normal.least_singular_value(every, 100.0, without=columns) <= 1.0
    # What takes the place of the columns adds 2 x 64^2 to the trace.
    coarsen(monkeypatch, normal_band, 0.5 / (2 * 64**2))
    assert normal.least_singular_value(every, 0.0, without=columns) == 0.0
    coarsen(monkeypatch, normal_band, 0.01 / (2 * 64**2))
    assert 0 < normal.least_singular_value(every, 0.0, without=columns) ** 2 <= 1 - 0.01
    few = np.array([True, False, False, False])
    assert normal.least_singular_value(few, 1.0, without=np.array([1, 2, 3])) ** 2 <= 1.0
    assert normal.least_singular_value(few, 1.0) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_a_band_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    A = sparse.csr_array(neighbours(30, 9, seed))
    NormalBand(A)
    monkeypatch.setattr(normal_band, "BAND_LIMIT", 8 * 9 * 2 - 1)
    with pytest.raises(TooLarge):
        NormalBand(A)
    monkeypatch.setattr(normal_band, "BAND_LIMIT", 4 * 81 - 1)
    with pytest.raises(TooLarge, match="use too many columns"):
        NormalBand(sparse.csr_array(np.ones((1, 9))))
