"""Where directions inside a cone are looked for, and the closing formulas of their proofs, compared with fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from coarse import coarsen
from unrelu.cones.cone import Cone
from unrelu.cones.proofs import Direction, Multipliers, direction, multipliers
from unrelu.rigor.scaled_rows import ScaledRows

NONE = np.zeros(0, dtype=int)
FEW = pytest.mark.parametrize("few", [False, True])


def cone(rows: list[list[float]], equal: list[int], unequal: list[int], *, few: bool = False) -> Cone:
    matrix = np.array(rows, dtype=float)
    chosen = np.zeros((2, len(rows)), dtype=bool)
    chosen[0, equal], chosen[1, unequal] = True, True
    return Cone(ScaledRows(sparse.csr_array(matrix) if few else matrix), chosen[0], chosen[1])


@FEW
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_single_coordinate_without_end_is_no_direction(value: float, few: bool) -> None:
    about = cone([[1.0, 0.0, 2.0]], [], [0], few=few)
    assert Direction(np.array([0.0, 1.0, 0.0]), NONE).verify(about)
    assert not Direction(np.array([0.0, value, 0.0]), NONE).verify(about)


@FEW
def test_an_equality_may_be_held(few: bool) -> None:
    about = cone([[1.0, 1.0, 0.0], [0.0, 1.0, -1.0]], [0], [1], few=few)
    z = np.array([1.0, -1.0, 1.0])
    for held in ([], [0], [0, 1]):
        assert Direction(z, np.array(held, dtype=int)).verify(about) == (1 not in held)


@FEW
def test_coordinates_where_a_direction_is_zero_say_nothing_about_the_others(few: bool) -> None:
    """Rows of a block on which z is zero hold; those of its own block are all asked."""
    rows = [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    assert Direction(np.array([1.0, -1.0, 0.0, 0.0]), NONE).verify(cone(rows, [0, 1], [], few=few))
    for equal, unequal in (([0, 1], []), ([1], [0]), ([0], [1])):
        assert not Direction(np.array([1.0, 1.0, 0.0, 0.0]), NONE).verify(cone(rows, equal, unequal, few=few))


@FEW
def test_rows_off_the_support_hold_whatever_the_correction(few: bool) -> None:
    """The correction stays within the coordinates of z, so that the last row stays exactly 0."""
    rows = [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]
    nearly = np.array([1.0, -1.0 + 2.0**-10, 0.0, 0.0])
    assert Direction(nearly, NONE).verify(cone(rows, [0], [1], few=few))
    touched = [[1.0, 1.0, 0.0, 0.0], [2.0**-12, 0.0, 1.0, 1.0]]
    assert not Direction(nearly, NONE).verify(cone(touched, [0], [1], few=few))


@FEW
def test_a_coordinate_that_is_zero_may_have_to_move(few: bool) -> None:
    """Within its own coordinates z cannot be corrected, two independent rows of two; within its block it can."""
    rows = [
        [1.0, 1.0, 1.0, 0.0],
        [1.0, 2.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 0.0, 2.0],
        [0.0, 0.0, 0.0, 3.0],
    ]
    z = np.array([2.0, -1.0, -1.0, 0.0]) + np.array([0.0, 0.0, 2.0**-10, 0.0])
    assert Direction(z, NONE).verify(cone(rows, [0, 1, 2, 3, 4], [], few=few))
    # With the third coordinate at 0, only members of the block with a third coordinate are near.
    thin = [[1.0, 1.0, 1.0, 0.0], [1.0, 1.0 + 2.0**-12, 0.0, 0.0], *rows[2:]]
    assert Direction(np.array([1.0, -1.0, 0.0, 0.0]), NONE).verify(cone(thin, [0, 1, 2, 3, 4], [], few=few))


@FEW
def test_the_size_of_a_direction_and_of_its_rows_count_among_the_roundings(
    monkeypatch: pytest.MonkeyPatch, few: bool
) -> None:
    """16 rows of a Hadamard matrix, of norms 8 and together 32, and another row as z, of norm 4: `gamma 32 4 / 8`."""
    H = np.ones((1, 1))
    for _ in range(6):
        H = np.block([[H, H], [H, -H]])
    about = cone((H[:16]).tolist(), list(range(16)), [], few=few)
    for factor in (1.02, 0.7):
        coarsen(monkeypatch, direction, factor / 4 / 64)
        # The length of z is 4 as well, so that gamma decides at 1/4, or a tenth below.
        assert Direction(H[20], NONE).verify(about) == (factor < 1)


R = [0.1, 0.3, 1.0, 0.7, 1e-3, 2.0**-500, 3.3e-308, 5e-324, 1.1e300]
S = [3.0, 0.7, 0.1, 1.9, 49.0]


@pytest.mark.parametrize("s", S)
@pytest.mark.parametrize("r", R)
def test_a_distance_is_no_less_than_its_residual_over_the_singular_value(
    monkeypatch: pytest.MonkeyPatch, r: float, s: float
) -> None:
    for error in (0.0, r / 3, r * 2.0**-53):
        monkeypatch.setattr(direction, "smallest_singular_value_bound", lambda _: s)
        monkeypatch.setattr(direction, "norm_above", lambda _: r)
        monkeypatch.setattr(direction, "gamma", lambda _: 0.0)
        monkeypatch.setattr(direction, "lost", lambda *_, error=error: error)
        found = Fraction(direction._distance_to_null_space(np.array([[1.0, 1.0]]), np.array([0.5, 0.5])))
        exact = (Fraction(r) + Fraction(error)) / Fraction(s)
        assert exact <= found <= exact * (1 + Fraction(1, 2**48)) + 2 * Fraction(2) ** -1022


@pytest.mark.parametrize("distance", [0.1, 0.3, 0.7 + 2.0**-53, 1 / 3])
@pytest.mark.parametrize("norm", [1.1, 0.9, 1 / 3, 0.123])
@pytest.mark.parametrize("error", [0.0, 0.1, 1 / 7])
def test_an_inequality_falls_by_the_whole_slack_and_no_more(
    monkeypatch: pytest.MonkeyPatch, distance: float, norm: float, error: float
) -> None:
    """With all bounds as given, `a.z + norm distance + error` decides by its exact sign to within 2^-48."""
    about = cone([[1.0, 1.0, 1.0]], [], [0])
    monkeypatch.setattr(direction, "_distance_to_null_space", lambda *_: distance)
    monkeypatch.setattr(direction, "norm_below", lambda _: 10.0)
    monkeypatch.setattr(direction, "gamma", lambda _: 0.0)
    monkeypatch.setattr(direction, "lost", lambda *_: error / 2)
    monkeypatch.setattr(type(about.rows), "norms", np.array([norm]))
    slack = Fraction(norm) * Fraction(distance) + Fraction(error / 2) * (1 + Fraction(norm))
    scale = about.rows.matrix[0, 0]
    for step in range(-24, 25):
        total = float(slack) + step * math.ulp(float(slack))
        z = np.array([0.5, -0.5, -total / scale])  # a power of two
        holds = direction._has_member_nearby(about, z, np.zeros(1, dtype=bool), np.ones(3, dtype=bool))
        if Fraction(total) < slack:
            assert not holds
        if Fraction(total) > slack * (1 + Fraction(1, 2**48)):
            assert holds


@pytest.mark.parametrize("s", S)
@pytest.mark.parametrize("lam", [1.0, 0.3, 7.7, 1 / 3])
def test_multipliers_decide_by_the_exact_product_of_two_bounds(
    monkeypatch: pytest.MonkeyPatch, s: float, lam: float
) -> None:
    about = cone([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [], [0, 1, 2, 3])
    monkeypatch.setattr(ScaledRows, "column_bound_of", lambda *_: s)
    monkeypatch.setattr(ScaledRows, "sharper_column_bound_of", lambda *_: s)
    exact = Fraction(s) * Fraction(lam)
    for step in range(-40, 41):
        rho = float(exact) * (1 + step * 2.0**-52)
        monkeypatch.setattr(multipliers, "residual_bound", lambda *_, rho=rho: rho)
        holds = Multipliers(np.full(4, lam)).verify(about)
        if Fraction(rho) >= exact:
            assert not holds
        if Fraction(rho) < exact * (1 - Fraction(1, 2**48)):
            assert holds


@pytest.mark.parametrize("r", R)
@pytest.mark.parametrize("error", [0.1, 1 / 3, 2.0**-53, 2.0**-54, 1.1e-300])
def test_a_residual_is_no_less_than_its_two_parts(monkeypatch: pytest.MonkeyPatch, r: float, error: float) -> None:
    about = cone([[1.0, 0.0]], [], [0])
    monkeypatch.setattr(multipliers, "norm_above", lambda _: r)
    monkeypatch.setattr(multipliers, "gamma", lambda _: 1.0)
    monkeypatch.setattr(multipliers, "sum_above", lambda _: error)
    monkeypatch.setattr(multipliers, "lost", lambda *_: 0.0)
    exact = Fraction(r) + Fraction(error)
    assert (
        exact
        <= Fraction(multipliers.residual_bound(about, np.ones(1)))
        <= exact * (1 + Fraction(1, 2**48)) + Fraction(1, 2**1000)
    )


@FEW
def test_multipliers_of_rows_that_are_left_out_are_numbers_too(few: bool) -> None:
    rows = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [1.0, 1.0]]
    for value in (0.0, math.nan, math.inf):
        values = np.array([1.0, 1.0, 1.0, 1.0, value])
        assert Multipliers(values).verify(cone(rows, [], [0, 1, 2, 3], few=few)) == (value == 0.0)
