"""Each condition of each proof about a cone, on the wrong side by a little, and on the right side by a little.

Slacks are asked about with a coarse unit roundoff (see `coarse`): a checker that bounds its errors holds for any.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from coarse import coarsen
from flushing import flushing
from unrelu.cones.cone import Cone
from unrelu.cones.proofs import (
    Counting,
    Direction,
    Enclosed,
    ExactDirection,
    ExactMultipliers,
    FullRank,
    LocalCounting,
    Multipliers,
    direction,
    exact,
    multipliers,
)
from unrelu.cones.proofs.multipliers import residual_bound
from unrelu.rigor.scaled_rows import ScaledRows

NONE = np.zeros(0, dtype=int)


def cone(rows: list[list[float]], equal: list[int], unequal: list[int], *, few: bool = False) -> Cone:
    """A cone of rows as they are: those of B and those of G; others are left out."""
    matrix = np.array(rows, dtype=float)
    chosen = np.zeros((2, len(rows)), dtype=bool)
    chosen[0, equal], chosen[1, unequal] = True, True
    return Cone(ScaledRows(sparse.csr_array(matrix) if few else matrix), chosen[0], chosen[1])


FEW = pytest.mark.parametrize("few", [False, True])


@FEW
def test_counting_needs_fewer_equalities_than_coordinates_and_no_more_rows(few: bool) -> None:
    rows = [[1.0, 0.0, 1.0], [0.0, 1.0, 2.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [2.0, 1.0, 5.0]]
    assert Counting().verify(cone(rows, [0, 1], [2], few=few))
    assert Counting().verify(cone(rows, [0, 1], [2, 3], few=few))  # a row of zeros does not count
    assert Counting().verify(cone(rows, [0, 3, 1], [], few=few))
    assert Counting().verify(cone(rows, [], [0, 1, 2], few=few))
    assert Counting().verify(cone(rows, [0], [0, 1, 2], few=few))  # a row in both counts once
    assert not Counting().verify(cone(rows, [0, 1, 2], [], few=few))
    assert not Counting().verify(cone(rows, [0, 1], [2, 4], few=few))
    assert not Counting().verify(cone(rows, [], [0, 1, 2, 4], few=few))


@FEW
def test_local_counting_counts_the_rows_that_use_its_coordinates(few: bool) -> None:
    rows = [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 3.0]]
    assert LocalCounting(np.array([0, 1])).verify(cone(rows, [0, 1, 3], [2], few=few))
    assert LocalCounting(np.array([0, 1])).verify(cone(rows, [0, 1], [0, 2], few=few))
    assert LocalCounting(np.array([0, 1])).verify(cone(rows, [0], [1, 2, 3], few=few))
    assert LocalCounting(np.array([1, 0, 1])).verify(cone(rows, [0, 1], [0, 2], few=few))
    assert not LocalCounting(np.array([0, 1])).verify(cone(rows, [0, 2], [1], few=few))
    assert not LocalCounting(np.array([0, 1])).verify(cone(rows, [0], [2, 4], few=few))
    assert not LocalCounting(np.array([2])).verify(cone(rows, [0], [1, 3], few=few))
    assert not LocalCounting(NONE).verify(cone(rows, [0], [1], few=few))
    for wrong in ([3], [-1], [0, 7], [[0, 1]]):
        assert not LocalCounting(np.array(wrong)).verify(cone(rows, [0, 1], [2], few=few))


@FEW
def test_enclosure_needs_both_signs_of_every_coordinate(few: bool) -> None:
    rows = [[2.0, 0.0], [-3.0, 0.0], [0.0, 5.0], [0.0, -7.0], [1.0, 1.0], [-1.0, 1.0]]
    assert Enclosed().verify(cone(rows, [], [0, 1, 2, 3], few=few))
    assert Enclosed().verify(cone(rows, [0], [2, 3], few=few))
    assert Enclosed().verify(cone(rows, [1, 3], [], few=few))
    assert Enclosed().verify(cone(rows, [1, 3], [4, 5], few=few))
    for left_out in range(4):
        assert not Enclosed().verify(cone(rows, [4], [k for k in (0, 1, 2, 3, 5) if k != left_out], few=few))
    assert not Enclosed().verify(cone(rows, [0, 1], [4, 5], few=few))
    assert not Enclosed().verify(cone(rows, [], [0, 1, 4, 5], few=few))


def test_full_rank_is_about_the_equalities() -> None:
    rows = [[1.0, 2.0], [3.0, 4.0], [2.0, 4.0]]
    assert FullRank().verify(cone(rows, [0, 1], []))
    assert not FullRank().verify(cone(rows, [0, 2], []))
    assert not FullRank().verify(cone(rows, [0], [1]))


TRIANGLE = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]


@FEW
def test_exact_multipliers_need_signs_a_sum_of_zero_and_rank(few: bool) -> None:
    triangle = cone(TRIANGLE, [], [0, 1, 2], few=few)
    scaled = tuple(int(4 / scale) for scale in (1.0, 1.0, 1.0))
    assert ExactMultipliers(scaled).verify(triangle)
    assert not ExactMultipliers(tuple(-value for value in scaled)).verify(triangle)
    assert not ExactMultipliers((1, 1, 2)).verify(triangle)
    assert not ExactMultipliers((1, 2, 1)).verify(triangle)
    assert not ExactMultipliers((1, 1)).verify(triangle)
    assert not ExactMultipliers((1, 1, 1, 1)).verify(triangle)
    # G z = 0 for all z in K, and a line is left.
    line = cone([[1.0, 0.0], [-1.0, 0.0]], [], [0, 1], few=few)
    assert not ExactMultipliers((1, 1)).verify(line)
    flat = cone([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]], [2], [0, 1], few=few)
    assert not ExactMultipliers((1, 1, 0)).verify(flat)
    one_zero = cone([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [], [0, 1, 2], few=few)
    assert not ExactMultipliers((0, 1, 1)).verify(one_zero)  # the first row is an inequality still
    assert ExactMultipliers((0, 1, 1)).verify(cone([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [0], [1, 2], few=few))
    assert ExactMultipliers((-1, 1, 1)).verify(cone([[0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]], [0], [1, 2], few=few))
    # Rows that the cone leaves out give no rank and may have any multiplier.
    assert not ExactMultipliers((1, 1, 0)).verify(cone([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]], [], [0, 1], few=few))
    assert ExactMultipliers((1, 1, 1, 9)).verify(cone([*TRIANGLE, [1.0, 1.0]], [], [0, 1, 2], few=few))


def test_exact_proofs_about_large_sparse_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*TRIANGLE, [1.0, 0.0]]
    monkeypatch.setattr(exact, "DENSE_SIZE", 7)
    assert ExactMultipliers((1, 1, 1, 0)).verify(cone(rows, [], [0, 1, 2]))
    assert not ExactMultipliers((1, 1, 1, 0)).verify(cone(rows, [], [0, 1, 2], few=True))
    monkeypatch.setattr(exact, "DENSE_SIZE", 8)
    assert ExactMultipliers((1, 1, 1, 0)).verify(cone(rows, [], [0, 1, 2], few=True))
    # Of a direction only the rows count that have a number where it has one, and these coordinates.
    monkeypatch.setattr(exact, "DENSE_SIZE", 1)
    assert ExactDirection((0, -1)).verify(cone(rows, [0], [1]))
    assert not ExactDirection((0, -1)).verify(cone(rows, [0], [1], few=True))
    monkeypatch.setattr(exact, "DENSE_SIZE", 2)
    assert ExactDirection((0, -1)).verify(cone(rows, [0], [1], few=True))


@FEW
def test_an_exact_direction_keeps_equalities_and_inequalities(few: bool) -> None:
    rows = [[1.0, 1.0], [-1.0, -1.0], [1.0, 2.0], [0.25, -3.0]]
    assert ExactDirection((1, -1)).verify(cone(rows, [0], [2], few=few))
    assert ExactDirection((1, -1)).verify(cone(rows, [], [0, 1, 2], few=few))
    assert not ExactDirection((-1, 1)).verify(cone(rows, [0], [2], few=few))
    assert not ExactDirection((-1, 1)).verify(cone(rows, [], [0, 1, 2], few=few))
    assert not ExactDirection((-2, 1)).verify(cone(rows, [0], [], few=few))
    assert not ExactDirection((0, 0)).verify(cone(rows, [0], [], few=few))
    assert not ExactDirection((1, -1, 0)).verify(cone(rows, [0], [], few=few))
    assert not ExactDirection((1,)).verify(cone(rows, [], [], few=few))


# A square of four rows of norm 1, of which the singular value is sqrt(2).
SQUARE = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]


def given_square(values: list[float], *, few: bool = False, equal: tuple[int, ...] = ()) -> bool:
    unequal = [k for k in range(4) if k not in equal]
    return Multipliers(np.array(values)).verify(cone(SQUARE, list(equal), unequal, few=few))


@FEW
def test_multipliers_are_to_exceed_the_correction(few: bool) -> None:
    # The residual is (excess, 0), the correction at most excess / sqrt(2), and the least multiplier 1.
    assert given_square([1.0, 1.0, 1.0, 1.0], few=few)
    assert given_square([1.0, 2.2, 1.0, 1.0], few=few)  # 0.85, of a singular value that may be found as 0.9 of its own
    assert given_square([1.0, 1.0, 2.2, 1.0], few=few)
    assert not given_square([1.0, 2.5, 1.0, 1.0], few=few)
    assert not given_square([1.0, 1.0, 1.0, 2.5], few=few)
    assert given_square([100.0, 100.0, 3.0, 4.0], few=few)
    assert not given_square([100.0, 103.0, 1.0, 1.0], few=few)
    assert not given_square([0.0, 0.0, 1.0, 1.0], few=few)
    assert not given_square([-1.0, -1.0, 1.0, 1.0], few=few)
    assert given_square([0.0, 0.0, 1.0, 1.0], few=few, equal=(0, 1))
    assert not given_square([-3.0, 0.0, 1.0, 1.0], few=few, equal=(0, 1))
    assert not given_square([3.0, 0.0, 1.0, 1.0], few=few, equal=(0, 1))
    assert given_square([-3.0, -3.0, 1.0, 1.0], few=few, equal=(0, 1))


def test_multipliers_without_inequalities_or_of_another_shape_prove_nothing() -> None:
    assert not Multipliers(np.zeros(4)).verify(cone(SQUARE, [0, 1, 2, 3], []))
    for values in (np.ones(3), np.ones((4, 1)), np.array([1.0, 1.0, 1.0, np.nan]), np.array([1.0, np.inf, 1.0, 1.0])):
        assert not Multipliers(values).verify(cone(SQUARE, [], [0, 1, 2, 3]))
    # Rows that the cone leaves out have no part in the sum, nor in the rank.
    assert Multipliers(np.array([1.0, 1.0, 1.0, 1.0, 50.0])).verify(cone([*SQUARE, [1.0, 1.0]], [], [0, 1, 2, 3]))
    assert not Multipliers(np.array([1.0, 1.0, 1.0, 1.0])).verify(cone(SQUARE, [], [0, 1]))
    huge = np.array([1e308, 1e308, 1.0, 1.0]) * 1.7
    assert not Multipliers(huge).verify(cone(SQUARE, [], [0, 1, 2, 3]))


@FEW
def test_the_rounding_of_the_sum_counts_against_multipliers(monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    # gamma_m sum |v_i| ||a_i||: with mu on both sides of a coordinate, which cancel.
    terms = 2 if few else 4
    for values in ([1.0, 1.0, 1.0, 1.0], [50.0, 50.0, 1.0, 1.0], [-50.0, -50.0, 1.0, 1.0]):
        equal = (0, 1) if values[0] < 0 else ()
        size = sum(abs(value) for value in values)
        coarsen(monkeypatch, multipliers, 1.01 * math.sqrt(2) / size / terms)
        assert not given_square(values, few=few, equal=equal)
        coarsen(monkeypatch, multipliers, math.sqrt(2) / size / terms / 4)
        assert given_square(values, few=few, equal=equal)


def test_the_rounding_of_the_sum_counts_the_sizes_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[0.99] * 9 + [0.5], [-0.99] * 9 + [-0.5]]
    long = cone(rows, [], [0, 1])
    coarsen(monkeypatch, multipliers, 2.0**-10)
    exact_size = 2 * math.hypot(*rows[0])
    assert 2 * 2.0**-10 * exact_size <= residual_bound(long, np.ones(2)) <= 4.1 * 2.0**-10 * exact_size
    assert residual_bound(long, np.array([1.0, -1.0])) >= 2 * math.hypot(*rows[0])


def test_what_underflow_takes_counts_against_multipliers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Both coordinates lose, in proportion to the sizes of multipliers and rows.
    for factor in (0.9, 0.2):
        monkeypatch.setattr(multipliers, "lost", lambda _, *sizes, factor=factor: factor * math.prod(sizes))
        assert given_square([1.0, 1.0, 1.0, 1.0]) == (factor < 0.5)
        assert residual_bound(cone(SQUARE, [], [0, 1, 2, 3]), np.full(4, 3.0)) >= 2 * 3.0 * 0.5 * factor


@pytest.mark.parametrize("below", [True, False])
def test_the_last_comparison_is_rounded_against_multipliers(monkeypatch: pytest.MonkeyPatch, below: bool) -> None:
    """With rho and s known exactly, the product `s lam` may not be rounded up to more than rho."""
    s, lam = 1 + 2.0**-30, 1 + 2.0**-23 + 2.0**-52
    monkeypatch.setattr(ScaledRows, "column_bound_of", lambda *_: s)
    rho = s * lam  # as computed, which exceeds the exact product by a little or falls below it
    rho *= 1 - 2.0**-40 if below else 1.0
    monkeypatch.setattr(multipliers, "residual_bound", lambda *_: math.nextafter(rho, 0))
    assert given_square([lam] * 4) == below


def test_a_singular_value_of_zero_or_a_residual_without_end_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for rho in (math.inf, math.nan):
        monkeypatch.setattr(multipliers, "residual_bound", lambda *_, rho=rho: rho)
        assert not given_square([1.0] * 4)
    monkeypatch.setattr(multipliers, "residual_bound", lambda *_: -1.0)
    monkeypatch.setattr(ScaledRows, "column_bound_of", lambda *_: 0.0)
    assert not given_square([1.0] * 4)


@FEW
def test_a_direction_has_to_be_longer_than_its_correction(few: bool) -> None:
    """z is nearly all correction: `||C z|| / s` is 1 of a length of 1 and a little."""
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert not Direction(np.array([0.5, 0.5, 0.01]), NONE).verify(cone(rows, [0, 1], [], few=few))
    assert not Direction(np.array([0.5, 0.5, 0.0]), NONE).verify(cone(rows, [0, 1], [], few=few))
    # In a unit of 1e-300 the last coordinate is as long as the others.
    assert Direction(np.array([0.5, 0.5, 1e-300]), NONE).verify(cone(rows, [0, 1], [], few=few))
    assert Direction(np.array([0.5, 0.5, 0.7]), NONE).verify(cone(rows, [0, 1], [], few=few))


@FEW
def test_a_direction_falls_below_each_inequality_by_what_the_correction_may_add(few: bool) -> None:
    # z is 0.1 off the plane z_0 = 0, so that rows of norm sqrt(2)/... may rise by 0.1 of their norm.
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    for fall, holds in ((0.2, True), (0.13, True), (0.09, False), (1e-9, False), (-0.2, False)):
        z = np.array([0.1, -fall, 1.0])
        assert Direction(z, NONE).verify(cone(rows, [0], [1], few=few)) == holds
    for fall, held in ((0.0, [1]), (0.01, [1]), (-0.01, [1])):
        assert Direction(np.array([0.1, -fall, 1.0]), np.array(held)).verify(cone(rows, [0], [1], few=few))
    # A row that is both an equality and an inequality is an equality.
    assert Direction(np.array([0.1, 0.05, 1.0]), NONE).verify(cone(rows, [0, 1], [1], few=few))
    # A row that is held has to be one of the cone.
    assert not Direction(np.array([0.1, 0.0, 1.0]), np.array([1])).verify(cone(rows, [0], [], few=few))
    for held in ([2], [-1]):
        assert not Direction(np.array([0.0, -1.0, 1.0]), np.array(held)).verify(cone(rows, [0], [1], few=few))


@FEW
def test_the_rounding_of_products_counts_against_a_direction(monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    rows = [[1.0] * 60 + [0.0] * 4]
    z, terms = np.array([-0.5] * 31 + [0.5] * 33), 60 if few else 64
    one = cone(rows, [], [0], few=few)
    size = float(one.rows.norms[0]) * float(np.linalg.norm(z))
    value = float(np.abs(one.rows.matrix @ z)[0])
    for factor in (1.01, 0.2):
        coarsen(monkeypatch, direction, factor * value / size / terms)
        assert Direction(z, NONE).verify(one) == (factor < 1)


def test_the_underflow_of_products_counts_against_a_direction(monkeypatch: pytest.MonkeyPatch) -> None:
    one, z = cone([[1.0, 1.0, 1.0]], [], [0]), np.array([-0.25, -0.25, 0.25])
    value = float(np.abs(one.rows.matrix @ z)[0]) * 2  # of the direction at its own scale, at most 1
    for factor in (1.1, 0.3):
        # The loss of a product, and that times the size of the row.
        monkeypatch.setattr(
            direction, "lost", lambda *_, factor=factor: factor * value / (1 + float(one.rows.norms[0]))
        )
        assert Direction(z, NONE).verify(one) == (factor < 1)


@FEW
def test_the_rounding_of_the_residual_counts_against_a_direction(monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    # Two equalities: C z = 0 as computed, and may be off by gamma ||C|| ||z||, of which the length is an inequality.
    rows = [[1.0, 1.0, 1.0, 0.0], [1.0, -1.0, 0.0, 1.0]]
    z, two = np.array([0.5, -0.5, 0.0, -1.0]), cone(rows, [0, 1], [], few=few)
    C = two.rows.matrix if isinstance(two.rows.matrix, np.ndarray) else two.rows.matrix.toarray()
    assert not (C @ z).any()
    s, size, terms = np.linalg.svd(C)[1][-1], np.linalg.norm(C), 3 if few else 4
    for factor in (1.01, 0.2):
        # ||z|| > gamma ||C|| ||z|| / s
        coarsen(monkeypatch, direction, factor * s / size / terms)
        assert Direction(z, NONE).verify(two) == (factor < 1)
    coarsen(monkeypatch, direction, 0.0)
    for factor in (1.01, 0.2):
        loss = factor * s * float(np.linalg.norm(np.ldexp(z, -1))) / 2
        monkeypatch.setattr(direction, "lost", lambda *sizes, loss=loss: loss * (len(sizes) == 3))
        assert Direction(z, NONE).verify(two) == (factor < 1)


def test_a_direction_as_long_as_its_correction_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    z, free = np.array([0.375, 0.5]), cone([[1.0, 0.0]], [0], [])
    for distance, longer in ((0.625, False), (0.625 * (1 + 2.0**-50), False), (0.625 * (1 - 2.0**-40), True)):
        monkeypatch.setattr(direction, "_distance_to_null_space", lambda *_, found=distance: found)
        assert Direction(z, NONE).verify(free) == longer


def test_as_many_rows_as_coordinates_leave_no_direction() -> None:
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1e-9]]
    assert not Direction(np.array([1e-12, 1e-12, 1.0]), NONE).verify(cone(rows, [0, 1, 2], []))
    assert not Direction(np.array([1e-12, 1e-12, 1.0]), NONE).verify(cone([*rows, rows[0]], [0, 1, 2, 3], []))
    # Copies, opposites and rows of zeros count once or not at all.
    again = [rows[0], rows[1], rows[0], [-1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    for few in (False, True):
        assert Direction(np.array([1e-12, 1e-12, 1.0]), NONE).verify(cone(again, [0, 1, 2, 3, 4], [], few=few))


@FEW
def test_coordinates_that_are_zero_may_stay_so(few: bool) -> None:
    """Equalities on other coordinates hold, though their rows are dependent; those shared are checked."""
    rows = [
        [0.0, 0.0, 1.0, 1.0],
        [0.0, 0.0, 1.0, 2.0],
        [0.0, 0.0, 3.0, 1.0],
        [1.0, 1.0, 0.0, 0.0],
        [1.0, 0.0, 5.0, 0.0],
    ]
    z = np.array([1.0, -1.0, 0.0, 0.0])
    assert Direction(z, NONE).verify(cone(rows, [0, 1, 2, 3], [], few=few))
    assert Direction(-z, NONE).verify(cone(rows, [0, 1, 2, 3], [4], few=few))
    assert not Direction(z, NONE).verify(cone(rows, [0, 1, 2, 3], [4], few=few))
    assert not Direction(z, NONE).verify(cone(rows, [0, 1, 2, 3, 4], [], few=few))
    assert not Direction(np.array([1.0, 1.0, 0.0, 0.0]), NONE).verify(cone(rows, [0, 1, 2, 3], [], few=few))


@FEW
def test_a_unit_vector_has_exact_products(few: bool) -> None:
    rows = [[0.0, 3.0], [1.0, -1e-300], [1.0, 0.0]]
    assert Direction(np.array([0.0, 1e-308]), NONE).verify(cone(rows, [2], [1], few=few))
    assert not Direction(np.array([0.0, -1e-308]), NONE).verify(cone(rows, [2], [1], few=few))
    assert Direction(np.array([0.0, -1e308]), NONE).verify(cone(rows, [2], [0], few=few))
    assert not Direction(np.array([0.0, 1e308]), NONE).verify(cone(rows, [2], [0], few=few))
    assert not Direction(np.array([0.0, 1.0]), NONE).verify(cone(rows, [1], [], few=few))
    assert not Direction(np.array([0.0, -1.0]), NONE).verify(cone(rows, [1], [], few=few))


def test_directions_of_another_shape_or_without_end_prove_nothing() -> None:
    free = cone([[1.0, 0.0, 0.0]], [0], [])
    assert Direction(np.array([0.0, 1.0, 1.0]), NONE).verify(free)
    for z in ([0.0, 1.0], [0.0, 0.0, 0.0], [0.0, np.nan, 1.0], [0.0, np.inf, 1.0], [[0.0, 1.0, 1.0]]):
        assert not Direction(np.array(z), NONE).verify(free)


def test_no_proof_is_passed_where_subnormal_numbers_are_flushed() -> None:
    square, free = cone(SQUARE, [], [0, 1, 2, 3]), cone([[1.0, 0.0, 0.0]], [0], [])
    true = [
        (Multipliers(np.ones(4)), square),
        (ExactMultipliers((1, 1, 1, 1)), square),
        (Enclosed(), square),
        (FullRank(), cone(SQUARE, [0, 2], [])),
        (Counting(), free),
        (LocalCounting(np.array([1])), free),
        (ExactDirection((0, 1, 0)), free),
        (Direction(np.array([0.0, 1.0, 1.0]), NONE), free),
    ]
    assert all(proof.verify(about) for proof, about in true)
    with flushing():
        assert not any(proof.verify(about) for proof, about in true)


@FEW
def test_columns_that_a_cone_does_not_use_are_those_of_its_own_rows(few: bool) -> None:
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    assert cone(rows, [0], [1], few=few).unused_columns.tolist() == [2]
    assert cone(rows, [0], [2], few=few).unused_columns.tolist() == [1, 2]
    assert cone(rows, [0], [1, 2], few=few).unused_columns.tolist() == [2]
    assert cone(rows, [], [1], few=few).unused_columns.tolist() == [0, 2]
    assert cone(rows, [0, 1, 2], [], few=few).unused_columns.tolist() == [2]
    assert cone(rows, [], [0, 1, 2], few=few).uses_all_rows
    assert cone(rows, [0, 2], [1], few=few).uses_all_rows
    assert not cone(rows, [0, 1], [1], few=few).uses_all_rows
