"""Each condition of the exact proofs about systems, on the wrong side by one unit and on the right side."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from unrelu.exact.hull import ExactHull
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.integers import gram, integer_rows, products, smallest
from unrelu.exact.member import ExactMember
from unrelu.exact.modular import inverse, proves_full_column_rank, reduced
from unrelu.exact.system import ExactSystem

INF = math.inf


def system(
    ub: list[tuple[list[float], float]],
    eq: list[tuple[list[float], float]],
    lower: list[float],
    upper: list[float],
    strict: list[bool] | None = None,
) -> ExactSystem:
    d = len(lower)
    return ExactSystem.of(
        np.array([row for row, _ in ub], dtype=float).reshape(-1, d),
        [value for _, value in ub],
        np.array([row for row, _ in eq], dtype=float).reshape(-1, d),
        [value for _, value in eq],
        lower,
        upper,
        None if strict is None else np.array(strict),
    )


def fractions(*values: object) -> tuple[Fraction, ...]:
    return tuple(Fraction(str(value)) for value in values)


# x_0 + 2 x_1 <= 3, x_0 - x_1 = 1/2, 0 <= x_0 <= 2, x_1 free
PLAIN = system([([1.0, 2.0], 3.0)], [([1.0, -1.0], 0.5)], [0.0, -INF], [2.0, INF])


def test_a_member_keeps_every_row() -> None:
    assert ExactMember(fractions("4/3", "5/6")).verify(PLAIN)  # tight
    assert ExactMember(fractions(0, "-1/2")).verify(PLAIN)
    assert not ExactMember(fractions("4001/3000", "2501/3000")).verify(PLAIN)
    assert not ExactMember(fractions(1, "0.6")).verify(PLAIN)
    assert not ExactMember(fractions(1, "0.4")).verify(PLAIN)
    assert not ExactMember(fractions("-0.001", "-0.501")).verify(PLAIN)
    high = system([], [], [0.0], [2.0])
    assert ExactMember(fractions(2)).verify(high)
    assert not ExactMember(fractions("2.001")).verify(high)
    assert not ExactMember(fractions(0, 0, 0)).verify(PLAIN)
    assert not ExactMember(fractions(0)).verify(PLAIN)
    strict = system([([1.0, 2.0], 3.0)], [([1.0, -1.0], 0.5)], [0.0, -INF], [2.0, INF], [True])
    assert not ExactMember(fractions("4/3", "5/6")).verify(strict)
    assert ExactMember(fractions(1, "1/2")).verify(strict)
    fixed = system([], [], [0.25], [0.25])
    assert ExactMember(fractions("1/4")).verify(fixed)
    assert not ExactMember(fractions("0.2")).verify(fixed)
    assert not ExactMember(fractions("0.3")).verify(fixed)


def infeasible(ub: object, eq: object, lower: object, upper: object) -> ExactInfeasible:
    return ExactInfeasible(*(fractions(*part) for part in (ub, eq, lower, upper)))  # type: ignore[misc]


def test_contradictions_need_signs_a_sum_of_zero_and_less_than_zero() -> None:
    # x_0 + x_1 <= h against x_0 >= 1, x_1 = 1/3
    for h, strict, holds in ((1.25, False, True), (1.5, False, False), (1.0 + 1 / 3, False, False)):
        about = system([([1.0, 1.0], h)], [([0.0, 1.0], 1 / 3)], [1.0, -INF], [INF, INF], [strict])
        right = h < 1 + Fraction(1 / 3)
        assert infeasible([1], [-1], [1, 0], [0, 0]).verify(about) == right
        assert right or not holds
    about = system([([1.0, 1.0], 1.25)], [([0.0, 1.0], 0.5)], [1.0, -INF], [INF, INF])
    true = infeasible([1], [-1], [1, 0], [0, 0])
    assert true.verify(about)
    assert infeasible(["1/7"], ["-1/7"], ["1/7", 0], [0, 0]).verify(about)
    for wrong in (
        replace(true, ub=fractions(-1)),
        replace(true, ub=fractions(2)),
        replace(true, eq=fractions(1)),
        replace(true, lower=fractions(0, 0)),
        replace(true, lower=fractions(1, 1)),  # there is no such bound
        replace(true, upper=fractions(1, 0)),
        infeasible([1], [0], [1, 1], [0, 0]),
        infeasible([-1], [1], [-1, 0], [0, 0]),
        infeasible([0], [0], [0, 0], [0, 0]),
        replace(true, ub=fractions(1, 0)),
        replace(true, eq=()),
        replace(true, lower=fractions(1)),
        replace(true, upper=fractions(0, 0, 0)),
    ):
        assert not wrong.verify(about)


def test_contradictions_of_bounds() -> None:
    # x <= 1 by its bound and -x <= -2 as a row
    about = system([([-1.0], -2.0)], [], [-INF], [1.0])
    assert infeasible([1], [], [0], [1]).verify(about)
    assert not infeasible([1], [], [1], [0]).verify(about)
    assert not infeasible([1], [], [-1], [0]).verify(about)
    assert not infeasible([1], [], [0], [1]).verify(system([([-1.0], -2.0)], [], [-INF], [2.0]))
    assert infeasible([1], [], [0], [1]).verify(system([([-1.0], -2.0)], [], [-INF], [2.0], [True]))
    assert not infeasible([0], [], [0], [0]).verify(system([([-1.0], -2.0)], [], [-INF], [2.0], [True]))
    assert not infeasible([1], [], [0], [1]).verify(system([([-1.0], -2.0)], [], [-INF], [2.5], [True]))
    # A fixed coordinate may take a multiplier of either sign, at its lower or its upper bound.
    fixed = system([([1.0], 0.0), ([-1.0], -2.0)], [], [1.0], [1.0])
    assert infeasible([1, 0], [], [1], [0]).verify(fixed)
    assert infeasible([0, 1], [], [0], [1]).verify(fixed)
    assert not infeasible([1, 0], [], [0], [1]).verify(fixed)
    # x <= 0 by one row, x = 1 by fixed bounds as 1/4 does not: scales of rows are undone
    quarters = system([([0.25], 0.5)], [], [2.25], [3.0])
    assert infeasible([4], [], [1], [0]).verify(quarters)
    assert not infeasible([1], [], [1], [0]).verify(quarters)
    made = ExactInfeasible.of(quarters, [quarters.scales[1], 0, 0])
    assert made.ub == fractions(quarters.scales[0] * quarters.scales[1])


def test_hulls_are_tight_where_they_say_and_strict_elsewhere() -> None:
    # x_0 + x_1 <= 1 and -x_0 - x_1 <= -1 are tight everywhere, x_0 >= 0 is not.
    about = system([([1.0, 1.0], 1.0), ([-1.0, -1.0], -1.0)], [], [0.0, -INF], [INF, INF])
    true = ExactHull(1, fractions("1/2", "1/2"), (1, 1, 0))
    assert true.verify(about)
    assert true.implicit(about) == [0, 1]
    for wrong in (
        replace(true, dimension=2),
        replace(true, dimension=0),
        replace(true, point=fractions(0, 1)),
        replace(true, point=fractions("1/2", "1/3")),
        replace(true, point=fractions("-1/2", "3/2")),
        replace(true, point=fractions("1/2")),
        replace(true, multipliers=(0, 0, 0)),
        replace(true, multipliers=(-1, -1, 0)),
        replace(true, multipliers=(1, 2, 0)),
        replace(true, multipliers=(1, 1)),
        replace(true, multipliers=(1, 1, 0, 0)),
        replace(true, multipliers=(1, 1, 1)),
    ):
        assert not wrong.verify(about)
    full = system([([1.0, 1.0], 1.0)], [], [0.0, 0.0], [INF, INF])
    assert ExactHull(2, fractions("1/4", "1/4"), (0, 0, 0)).verify(full)
    assert not ExactHull(1, fractions("1/4", "1/4"), (0, 0, 0)).verify(full)
    assert not ExactHull(2, fractions("1/2", "1/2"), (0, 0, 0)).verify(full)
    held = system([([1.0, 0.0], 1.0)], [([1.0, 1.0], 1.0), ([2.0, 2.0], 2.0)], [-INF, -INF], [INF, INF])
    assert ExactHull(1, fractions(0, 1), (0, 0, 0)).verify(held)
    assert ExactHull(1, fractions(0, 1), (0, -2, 1)).verify(held)  # equalities may have any sign
    assert not ExactHull(1, fractions(0, 1), (0, -2, 2)).verify(held)
    assert not ExactHull(1, fractions(1, 0), (0, 0, 0)).verify(held)
    assert not ExactHull(1, fractions(0, 2), (0, 0, 0)).verify(held)
    assert not ExactHull(0, fractions(0, 1), (0, 0, 0)).verify(held)


@pytest.mark.parametrize("exponent", [-1074, -60, 0, 52, 900])
def test_rows_become_integers_without_loss(exponent: int) -> None:
    matrix = np.array([[2.0**exponent, -0.75], [3.0, 5 * 2.0**exponent], [0.0, 0.0]])
    for given, whole in zip(matrix.tolist(), integer_rows(matrix), strict=True):
        used = [k for k in range(2) if given[k]]
        scales = {Fraction(whole[k]) / Fraction(given[k]) for k in used}
        assert len(scales) <= 1
        assert all(scale > 0 for scale in scales)
        assert [whole[k] for k in range(2) if k not in used] == [0] * (2 - len(used))
    assert integer_rows(np.zeros((1, 0))) == [[]]


def test_products_of_integers_are_exact_at_every_size() -> None:
    for size in (1, 2**26, 2**30, 2**200):
        rows = [[size + 1, -3, 2 * size], [7, size - 1, -size], [0, 1, size]]
        exact = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in rows] for u in rows]
        assert gram(rows) == exact
        assert products(rows, rows[0]) == exact[0]
    big = 2**26 - 1  # the largest of which three squares may not be exact
    assert gram([[big, big, big, big, big, big]]) == [[6 * big * big]]
    assert gram([]) == []
    assert smallest([6, -9, 0]) == (2, -3, 0)
    assert smallest([0, 0]) == (0, 0)


@pytest.mark.parametrize("n", [1, 3, 31, 33, 65])
def test_a_rank_is_proved_of_all_columns_or_not_at_all(n: int) -> None:
    rng = np.random.default_rng(n)
    M = rng.integers(-9, 10, (n, n)).astype(float) + 100 * np.eye(n)
    assert proves_full_column_rank(M, n)
    assert proves_full_column_rank(M.astype(int).tolist(), n)
    assert proves_full_column_rank(np.vstack([np.zeros((2, n)), M]), n)
    assert not proves_full_column_rank(M[1:], n)
    for j in {0, n // 2, n - 1}:
        dependent = M.copy()
        dependent[:, j] = 0.0 if n == 1 else 3 * M[:, (j + 1) % n]
        assert not proves_full_column_rank(dependent, n)
        assert not proves_full_column_rank(dependent.astype(int).tolist(), n)
    # 2^-1074 and 2^1000 are numbers like others.
    assert proves_full_column_rank(np.array([[2.0**-1074, 2.0**1000], [1.0, 0.0]]), 2)
    assert not proves_full_column_rank(np.array([[2.0**-1074, 2.0**-1073], [2.0**500, 2.0**501]]), 2)
    for prime in (8388593, 8388587):
        # One prime divides the determinant; the other proves it not to be 0.
        assert proves_full_column_rank([[prime, 0], [0, 1]], 2)
    assert not proves_full_column_rank([[8388593 * 8388587]], 1)  # no proof, though it is not 0


@pytest.mark.parametrize("prime", [8388593, 8388587])
def test_inverses_modulo_a_prime(prime: int) -> None:
    rng = np.random.default_rng(0)
    swapped = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0], [-3.0, 0.0, 0.0]])
    for matrix in (swapped, reduced(rng.integers(-(10**6), 10**6, (9, 9)).astype(float), prime)):
        found = inverse(matrix, prime)
        assert found is not None
        product = [
            [sum(int(a) * int(b) for a, b in zip(row, col, strict=True)) % prime for col in found.T] for row in matrix
        ]
        assert product == np.eye(len(matrix), dtype=int).tolist()
    assert inverse(np.array([[1.0, 2.0], [2.0, 4.0]]), prime) is None
