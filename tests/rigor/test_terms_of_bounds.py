"""Each term of the bounds on roundings is needed, and as large as the theorem says; against fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from coarse import Flushing, coarsen, lose
from unrelu.rigor import rounding, signs
from unrelu.rigor.matrices import Matrix
from unrelu.rigor.rounding import (
    UNDERFLOW,
    UNIT,
    combined,
    enlarged,
    frobenius_above,
    gamma,
    lost,
    norm_above,
    norm_below,
    row_norms_above,
    sum_above,
    times_power_below,
)

LEAST = 2.0**-1074
U = Fraction(1, 2**53)


def test_the_units_are_those_of_float64() -> None:
    assert np.finfo(np.float64).eps / 2 == UNIT
    assert np.finfo(np.float64).tiny == UNDERFLOW


@pytest.mark.parametrize("n", [0, *range(1, 300), 10**6, 10**6 + 1, 2**30 + 7, 2**51, 2**52 - 1])
def test_gamma_is_above_and_next_to_the_exact_value(n: int) -> None:
    exact = n * U / (1 - n * U)
    assert exact <= Fraction(gamma(n)) <= exact * (1 + 8 * U)


def test_gamma_ends_where_it_says_nothing() -> None:
    assert gamma(2**52 - 1) <= 1
    with pytest.raises(OverflowError, match="no rounding bound"):
        gamma(2**52)


@pytest.mark.parametrize("value", [0.0, LEAST, UNDERFLOW, 0.1, 1.0, 1.5, 1 - UNIT, 2.0**500])
@pytest.mark.parametrize("k", [0, 1, 2, 3, 7, 100, 2**20])
def test_enlarged_makes_up_for_all_roundings_and_little_more(value: float, k: int) -> None:
    # The least that k roundings, each down and each with underflow, may have made of an exact value.
    exact = Fraction(value) / (1 - U) ** min(k, 100) * (1 + max(0, k - 100) * U) + k * Fraction(UNDERFLOW)
    assert exact <= Fraction(enlarged(value, k))
    assert Fraction(enlarged(value, k)) <= Fraction(value) * (1 + (3 * k + 16) * U) + (2 * k + 8) * Fraction(UNDERFLOW)


@pytest.mark.parametrize("terms", [1, 2, 10, 1000])
@pytest.mark.parametrize("sizes", [(), (3.0,), (1.0, 2.0**40), (0.25, 0.5, 0.125)])
def test_underflow_takes_a_product_a_sum_what_was_summed_and_the_other_operand(
    terms: int, sizes: tuple[float, ...]
) -> None:
    taken = terms * Fraction(UNDERFLOW) * (3 + sum(Fraction(size) for size in sizes))
    assert taken <= Fraction(lost(terms, *sizes)) <= 30 * taken


def test_sums_of_rows_read_subnormal_multipliers_where_blas_may_not() -> None:
    matrix = np.array([[2.0**1000, 1.0], [3.0, 1.0]])
    for multipliers in (np.array([LEAST, 1.0]), np.array([-LEAST, 0.0]), np.array([-(UNDERFLOW - LEAST), 1.0])):
        found = combined(matrix, multipliers.view(Flushing))
        exact = [
            Fraction(m) * Fraction(a) + Fraction(n) * Fraction(b) for (a, b), m, n in _columns(matrix, multipliers)
        ]
        for value, truth in zip(np.asarray(found).tolist(), exact, strict=True):
            assert abs(Fraction(value) - truth) <= Fraction(gamma(4)) * abs(truth) + Fraction(lost(2, 1.0))


def _columns(matrix: np.ndarray, multipliers: np.ndarray) -> list[tuple[tuple[float, float], float, float]]:
    return [((float(column[0]), float(column[1])), float(multipliers[0]), float(multipliers[1])) for column in matrix.T]


@pytest.mark.parametrize("value", [0.0, LEAST, 3 * LEAST, UNDERFLOW, 0.7, 1.0, 1 + 2 * UNIT, 2.0**1000])
@pytest.mark.parametrize("exponent", [-2000, -1074, -1073, -1030, -1022, -3, 0, 5, 300, 1023, 1080, 3000])
def test_times_power_below_is_the_greatest_float_that_does_not_exceed(value: float, exponent: int) -> None:
    exact, found = Fraction(value) * Fraction(2) ** exponent, times_power_below(value, exponent)
    assert 0 <= Fraction(found) <= exact
    after = math.nextafter(found, math.inf)
    assert after == math.inf or Fraction(after) > exact


def sequential(values: np.ndarray) -> float:
    """The sum in the order given, which is as good as any."""
    total = 0.0
    for value in values.tolist():
        total += value
    return total


LOSING = [1.0] + [math.sqrt(UNIT) * (1 - 2**-20)] * 4000
"""A vector of which each square after the first is less than half a unit in the last place of the sum so far."""


def test_norms_hold_for_every_order_of_summation(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = np.array(LOSING)
    square = sum(Fraction(value) ** 2 for value in LOSING)
    monkeypatch.setattr(rounding.np, "sum", sequential)
    assert Fraction(norm_above(vector)) ** 2 >= square
    assert Fraction(sum_above(vector * vector)) >= sum(Fraction(value) for value in (vector * vector).tolist())
    assert Fraction(norm_above(-vector)) ** 2 >= square
    assert 0 < Fraction(norm_below(vector)) ** 2 <= square
    assert norm_above(vector) <= norm_below(vector) * (1 + 1e-11)


def test_norms_of_many_ones_and_of_one() -> None:
    for n in (1, 2, 100, 10**4, 10**6):
        assert norm_below(np.ones(n)) <= math.sqrt(n) <= norm_above(np.ones(n))
        assert norm_above(np.ones(n)) <= math.sqrt(n) * (1 + 8 * gamma(n + 8))
        assert norm_below(np.ones(n)) >= math.sqrt(n) * (1 - 16 * gamma(n + 8))


@pytest.mark.parametrize(
    "exponent", [-1074, -1060, -1022, -990, -895, -700, -535, -530, -500, -450, -30, 0, 499, 501, 700, 1000, 1023]
)
@pytest.mark.parametrize(
    "numbers", [[1.0], [1.0, 1.0], [3.0, -4.0], [-1.0, 0.5, 0.25], [0.0, -7.0], [0.7, -5.3], [5.1, 5.2, 5.3]]
)
def test_norms_enclose_at_every_scale(exponent: int, numbers: list[float]) -> None:
    vector = np.ldexp(np.array(numbers) / 8, exponent)
    square = sum(Fraction(value) ** 2 for value in vector.tolist())
    for matrix in (vector[None], sparse.csr_array(vector[None])):
        (above,) = row_norms_above(matrix)
        assert square <= Fraction(float(above)) ** 2
        assert float(above) <= math.hypot(*vector.tolist()) * (1 + 1e-14) + 2 * LEAST
    assert square <= Fraction(norm_above(vector)) ** 2
    assert norm_above(vector) <= math.hypot(*vector.tolist()) * (1 + 1e-14) + 3 * UNDERFLOW
    assert Fraction(norm_below(vector)) ** 2 <= square
    if exponent >= -895 and abs(vector).max() > 2.0**-899:
        assert norm_below(vector) >= math.hypot(*vector.tolist()) * (1 - 1e-13)


@pytest.mark.parametrize("exponent", [-620, 0, 620])
def test_norms_of_rows_hold_for_every_order_of_summation(exponent: int) -> None:
    several = np.ldexp(np.array([LOSING, [0.0] * 4000 + [2.0]]), exponent)
    square = sum(Fraction(value) ** 2 for value in LOSING)
    for matrix in (several, sparse.csr_array(several)):
        above = np.ldexp(row_norms_above(matrix), -exponent)
        assert Fraction(float(above[0])) ** 2 >= square
        assert 2.0 <= above[1] <= 2 * (1 + 1e-11)


def test_norms_of_rows_of_all_kinds_together() -> None:
    matrix = np.array([[0.0, 0.0], [1e-200, 0.0], [3.0, 4.0], [1e200, 1e200], [-1e308, 1e308], [LEAST, -LEAST]])
    for rows in (matrix, sparse.csr_array(matrix)):
        above = row_norms_above(rows)
        assert above[0] == 0.0
        np.testing.assert_allclose(above[1:5], [1e-200, 5.0, math.sqrt(2) * 1e200, math.sqrt(2) * 1e308], rtol=1e-14)
        assert 2 * LEAST <= above[5] <= 3 * LEAST
    assert row_norms_above(np.array([[1.0, np.inf], [np.nan, 1.0], [1.0, 0.0]])).tolist()[:2] == [math.inf, math.inf]
    assert row_norms_above(np.zeros((3, 0))).tolist() == [0.0, 0.0, 0.0]
    assert norm_above(np.zeros(0)) == norm_above(np.zeros(4)) == 0.0
    assert 5.0 <= frobenius_above(np.array([[3.0, 0.0], [0.0, -4.0]])) <= 5.0 * (1 + 1e-14)


def _row(values: list[float], *, few: bool) -> Matrix:
    row = np.array([values])
    return sparse.csr_array(row) if few else row


MARK = 77


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize(
    ("row", "offset", "point"),
    [
        ([1.0, 1.0, 1.0, 1.0], 0.0, [1.0, 1.0, 1.0, 1.0]),  # gamma |a||x|
        ([1.0, 0.0, 0.0, 0.0], 1.0, [1.0, 0.0, 0.0, 0.0]),  # gamma |b|
        ([1.0, 1.0, 1.0, 1.0], -3.0, [1.0, 1.0, 1.0, 1.0]),
        ([-1.0, -1.0, 1.0, -1.0], -1.0, [1.0, 1.0, 1.0, 1.0]),
        ([0.0, 0.0, 0.0, 1.0], 7.0, [0.0, 0.0, 0.0, 1.0]),
    ],
)
def test_a_sign_within_its_rounding_error_is_asked_of_integers(
    monkeypatch: pytest.MonkeyPatch, row: list[float], offset: float, point: list[float], few: bool
) -> None:
    value = abs(float(np.dot(row, point)) + offset)
    size = float(np.dot(np.abs(row), np.abs(point))) + abs(offset)
    terms = int(np.count_nonzero(row)) if few else 4
    monkeypatch.setattr(signs, "exact_sign", lambda *_: MARK)
    arguments = _row(row, few=few), np.array([offset]), np.array(point)
    # The error is gamma_(d+1) (|a||x| + |b|), for any unit roundoff.
    coarsen(monkeypatch, signs, 1.01 * value / size / (terms + 1))
    assert signs.exact_signs(*arguments).tolist() == [MARK]
    assert signs.exact_signs_batch(*arguments[:2], arguments[2][None]).tolist() == [[MARK]]
    coarsen(monkeypatch, signs, value / size / (terms + 1) / 10)
    assert signs.exact_signs(*arguments).tolist() == [np.sign(float(np.dot(row, point)) + offset)]


@pytest.mark.parametrize(("row", "offset", "point"), [(1.0, 0.0, 2.0**40), (2.0**40, 0.0, 1.0), (1.0, 1.0, 1.0)])
def test_a_sign_within_what_underflow_takes_is_asked_of_integers(
    monkeypatch: pytest.MonkeyPatch, row: float, offset: float, point: float
) -> None:
    monkeypatch.setattr(signs, "exact_sign", lambda *_: MARK)
    arguments = np.array([[row, 0.0]]), np.array([offset]), np.array([point, 0.0])
    value = row * point + offset
    # Two products, each of which loses one unit, and one times either operand.
    lose(monkeypatch, signs, value / (2 * (1 + row + point)))
    assert signs.exact_signs(*arguments).tolist() == [MARK]
    lose(monkeypatch, signs, value / (2 * (1 + row + point)) / 20)
    assert signs.exact_signs(*arguments).tolist() == [1]


def test_a_sign_that_overflows_is_asked_of_integers() -> None:
    row, point = np.array([1e200, 1e200, 1.0]), np.array([1e200, -1e200, -1.0])
    assert signs.exact_signs(row[None], np.zeros(1), point).tolist() == [-1]
    assert signs.exact_signs(row[None], np.ones(1), point).tolist() == [0]
    assert signs.exact_sign(row, 1.0, point) == 0
    assert signs.exact_signs(np.array([[1e200]]), np.array([-np.finfo(float).max]), np.array([-1e200])).tolist() == [-1]


def test_a_sum_that_overflows_on_its_way_may_have_the_other_sign() -> None:
    # 64 x 1.5 less 64 x 1.7, of which the first ones overflow.
    row, point = np.repeat([1.5e154, -1.7e154], 64), np.full(128, 1e154)
    assert signs.exact_signs(row[None], np.zeros(1), point).tolist() == [-1]
    assert signs.exact_signs_batch(row[None], np.zeros(1), -point[None]).tolist() == [[1]]


def test_exact_products_keep_what_is_large_and_what_is_small() -> None:
    x, y = np.array([1e300, 1.0, LEAST, 0.0]), np.array([1e300, -0.1, LEAST, np.pi])
    exact = sum((Fraction(a) * Fraction(b) for a, b in zip(x.tolist(), y.tolist(), strict=True)), Fraction(0))
    assert signs.exact_dot(x, y) == exact
    assert signs.exact_dot(x[:2], y[:2]) == Fraction(1e300) ** 2 - Fraction(0.1)
    assert signs.exact_dot(np.array([2.0**700]), np.array([3.0])) == 3 * 2**700
    assert signs.exact_dot(np.zeros(2), np.ones(2)) == 0 == signs.exact_dot(np.ones(2), np.zeros(2))
