"""Membership of float points, against rational arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.exact_membership import bound_signs, contains_exactly
from unrelu.polyhedra.polyhedron import Polyhedron

_NUMBERS = st.lists(st.one_of(st.integers(-2, 2).map(float), st.floats(-1, 1)), min_size=7, max_size=7)


@given(_NUMBERS)
def test_signs_are_those_of_rational_arithmetic(numbers: list[float]) -> None:
    row, origin, point, value = numbers[:2], numbers[2:4], numbers[4:6], numbers[6]
    products = (Fraction(a) * (Fraction(x) - Fraction(o)) for a, x, o in zip(row, point, origin, strict=True))
    exact = sum(products, Fraction(0)) - Fraction(value)
    sign = bound_signs(np.array([row]), np.array([value]), np.array(origin), np.array(point))
    assert sign.tolist() == [(exact > 0) - (exact < 0)]
    inside = Polyhedron(A_ub=np.array([row]), b_ub=np.array([value]), origin=np.array(origin))
    assert contains_exactly(inside, np.array(point)) is (exact <= 0)
    on = Polyhedron(A_eq=np.array([row]), b_eq=np.array([value]), origin=np.array(origin))
    assert contains_exactly(on, np.array(point)) is (exact == 0)


@pytest.mark.parametrize(
    ("point", "inside"),
    [(0.0, True), (1.0, True), (-1e-300, False), (np.nextafter(1.0, 2.0), False), (np.nan, False), (np.inf, False)],
)
def test_bounds_are_exact(point: float, inside: bool) -> None:
    assert contains_exactly(Box(0, 1).in_space(2), np.array([0.5, point])) is inside


def test_an_origin_is_not_subtracted_in_floats() -> None:
    # 1 + 2^-53 - 1 is 0 in floats.
    origin = np.array([-(2.0**-53)])
    polyhedron = Polyhedron(A_ub=np.ones((1, 1)), b_ub=np.ones(1), origin=origin)
    assert not contains_exactly(polyhedron, np.ones(1))
    assert contains_exactly(polyhedron, np.array([1 - 2.0**-53]))


def test_an_origin_counts_in_every_coordinate() -> None:
    for origin, inside in (([1.0, 0.0], True), ([0.0, 1.0], True), ([0.0, 0.0], False)):
        P = Polyhedron(A_ub=np.array([[1.0, 1.0]]), b_ub=np.zeros(1), origin=np.array(origin))
        assert contains_exactly(P, np.array([0.5, 0.25])) == inside


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_is_outside(odd: float) -> None:
    assert not contains_exactly(Polyhedron(lower=np.full(2, -math.inf)), np.array([odd, 0.0]))
    assert not contains_exactly(Polyhedron(lower=np.full(2, -math.inf)), np.array([0.0, odd]))
