"""Bounds against fractions where squares, products and quotients under- and overflow."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from exact_oracle import determinant
from extreme_numbers import LEAST, NUMBERS, TAME, dot, matrices, square, vectors
from unrelu.rigor.rounding import combined, lost, norm_above, norm_below, row_norms_above, times_power_below
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_signs_batch
from unrelu.rigor.singular import proves_full_rank, smallest_singular_value_bound

GREATEST = Fraction(np.finfo(np.float64).max)


@given(vectors(3))
def test_norms_enclose_and_are_close(values: np.ndarray) -> None:
    exact = square(values)
    assert Fraction(norm_below(values)) ** 2 <= exact
    for above in (norm_above(values), row_norms_above(values[None])[0], row_norms_above(sparse.csr_array([values]))[0]):
        if math.isfinite(above):
            assert exact <= Fraction(above) ** 2
            assert max(Fraction(above) - Fraction(2) ** -1015, 0) ** 2 <= exact * (1 + Fraction(1, 10**12))
            assert (above == 0) == (exact == 0)
        else:
            assert exact > GREATEST**2 * (1 - Fraction(1, 10**12))


@given(st.one_of(NUMBERS, TAME).map(abs), st.integers(-2100, 2100))
def test_a_power_of_two_rounds_down_to_the_next_float(value: float, exponent: int) -> None:
    exact = Fraction(value) * Fraction(2) ** exponent
    found = times_power_below(value, exponent)
    assert Fraction(found) <= exact
    above = math.nextafter(found, math.inf)
    assert not math.isfinite(above) or Fraction(above) > exact


@given(matrices(2, 3), vectors(2), vectors(3))
def test_signs_are_exact(A: np.ndarray, b: np.ndarray, x: np.ndarray) -> None:
    exact = [dot(row, x) + Fraction(float(offset)) for row, offset in zip(A, b, strict=True)]
    signs = [(value > 0) - (value < 0) for value in exact]
    assert exact_signs_batch(A, b, x[None]).tolist() == [signs]
    assert exact_signs_batch(sparse.csr_array(A), b, x[None]).tolist() == [signs]


@given(matrices(3, 2, st.one_of(TAME, NUMBERS.filter(lambda x: abs(x) < 1))), vectors(3))
def test_sums_of_rows_lose_no_more_than_is_said(A: np.ndarray, v: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        found = combined(A, v)
    for j, value in enumerate(found):
        size = dot(np.abs(A[:, j]), np.abs(v))
        if np.isfinite(value):
            off = abs(Fraction(float(value)) - dot(A[:, j], v))
            assert off <= Fraction(2) ** -50 * size + Fraction(lost(3, float(np.abs(v).max())))


def is_at_most_the_least_singular_value(s: float, M: np.ndarray) -> bool:
    """Exactly: `H - s^2 I` is positive semidefinite for the Gram matrix H of the smaller side, two or one."""
    rows = M if M.shape[0] <= M.shape[1] else M.T
    gram = [[dot(u, v) - (Fraction(s) ** 2 if i == j else 0) for j, v in enumerate(rows)] for i, u in enumerate(rows)]
    return all(gram[i][i] >= 0 for i in range(len(gram))) and determinant(gram) >= 0


@given(st.sampled_from([(1, 2), (2, 2), (2, 3), (3, 2)]).flatmap(lambda shape: matrices(*shape)))
def test_no_bound_exceeds_the_least_singular_value(M: np.ndarray) -> None:
    for each in (M, sparse.csr_array(M)):
        bound = smallest_singular_value_bound(each)
        assert is_at_most_the_least_singular_value(bound, M)
        if bound > 0 or proves_full_rank(each):
            assert determinant_of_gram(M) > 0


def determinant_of_gram(M: np.ndarray) -> Fraction:
    rows = M if M.shape[0] <= M.shape[1] else M.T
    return determinant([[dot(u, v) for v in rows] for u in rows])


def test_a_bound_that_would_round_up_to_the_least_float_is_rounded_down() -> None:
    M = np.array([[1.0, 1.0], [0.0, 1.0]]) * LEAST  # the least singular value is 0.618 of the least float
    assert smallest_singular_value_bound(M) == 0.0
    assert proves_full_rank(M)
    assert smallest_singular_value_bound(4 * M) == 2 * LEAST  # 2.47, rounded down


@given(st.sampled_from([(2, 2), (3, 2), (2, 3)]).flatmap(lambda shape: matrices(*shape, numbers=TAME)), st.data())
def test_rows_times_powers_of_two_are_as_provable(M: np.ndarray, data: st.DataObject) -> None:
    powers = data.draw(st.lists(st.sampled_from([-990, -400, -30, 0, 26, 480, 990]), min_size=len(M), max_size=len(M)))
    scaled = np.ldexp(M, np.array(powers)[:, None])
    full = determinant_of_gram(M) > 0
    assert proves_full_rank(M) == proves_full_rank(scaled) == full
    bound = smallest_singular_value_bound(scaled)
    assert (bound > 0) == full
    assert is_at_most_the_least_singular_value(bound, scaled)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("row", [[1e300, 1e-300], [1e150, 1e-300], [1e-300, 1e300]])
def test_rows_that_no_power_of_two_makes_ordinary_end_in_an_answer(row: list[float], whole: bool) -> None:
    M = np.array([row, [1.0, 1.0], [1.0, -1.0]])
    rows = ScaledRows(M if whole else sparse.csr_array(M))
    every = np.ones(3, dtype=bool)
    assert is_at_most_the_least_singular_value(rows.column_bound_of(every), rows.matrix if whole else M)
    assert rows.proves_full_column_rank(every)


def test_products_that_round_up_to_the_least_float_do_not_change_a_sign() -> None:
    # Three times 0.625 of the least float, each rounded up to it, less twice the least float.
    A, x, b = np.full((1, 3), 5 * 2.0**-500), np.full((1, 3), 2.0**-577), np.array([-2 * LEAST])
    assert exact_signs_batch(A, b, x).tolist() == [[-1]]
