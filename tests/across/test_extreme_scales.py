"""Bounds of the inverse's constants where features and weights are tiny or huge."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extreme_numbers import LEAST, NUMBERS, dot, matrices, square, vectors
from unrelu.across.full_regions import _constant_signs
from unrelu.across.inverse_lipschitz import inverse_lipschitz
from unrelu.across.look_alike_pair import look_alike_pair
from unrelu.across.sharp_bound import smallest_value
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron

ENDS = st.sampled_from([(0.0, 1.0), (-1e-300, 1e-300), (-1e300, 0.0), (1e-200, 2e-200), (-math.inf, 1.0)])


@settings(max_examples=200)
@given(matrices(2, 2), vectors(2), ENDS)
def test_a_sign_that_is_called_constant_is_that_at_every_corner(A, b, ends):
    signs = _constant_signs(A, b, Polyhedron(lower=ends[0], upper=ends[1], origin=np.zeros(2)))
    for row, offset, sign in zip(A, b, signs, strict=True):
        most, least = Fraction(float(offset)), Fraction(float(offset))
        for value in row.tolist():
            if value and math.isinf(ends[0]):
                assert sign == 0
                break
            corners = [Fraction(value) * Fraction(end if math.isfinite(end) else 0) for end in ends]
            most, least = most + max(corners), least + min(corners)
        else:
            assert sign <= 0 or least > 0
            assert sign >= 0 or most <= 0


@given(matrices(2, 1))
def test_the_smallest_value_of_a_column_is_its_norm(M):
    found, exact = smallest_value(M), square(M[:, 0])
    assert Fraction(found.below) ** 2 <= exact
    assert not math.isfinite(found.above) or exact <= Fraction(found.above) ** 2


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_no_ratio_of_a_pair_exceeds_its_bound(a, b, x, other):
    """Of `ReLU(a x + b)`, exactly."""
    if x == other:
        return
    before, after = (max(Fraction(0), dot([a, b], [point, 1.0])) for point in (x, other))
    network = Network.from_layers([(np.array([[a]]), np.array([b])), (np.eye(1), np.zeros(1))]).upto("relu1")
    if any(abs(dot([a, b], [point, 1.0])) > np.finfo(np.float64).max for point in (x, other)):
        return
    found = look_alike_pair(network, np.array([x]), np.array([other]))
    exact = abs(before - after) / abs(Fraction(x) - Fraction(other))
    assert not math.isfinite(found.ratio_bound) or exact <= Fraction(found.ratio_bound)


def test_a_ratio_that_underflows_is_not_0():
    """Zero would prove that no inverse is Lipschitz continuous."""
    network = Network.from_layers([(np.array([[1e-200]]), np.zeros(1)), (np.eye(1), np.zeros(1))]).upto("relu1")
    found = look_alike_pair(network, np.array([0.0]), np.array([1e190]))
    assert found.ratio_bound >= 1e-200
    same = Network.from_layers([(np.array([[1.0]]), np.zeros(1)), (np.eye(1), np.zeros(1))]).upto("relu1")
    assert look_alike_pair(same, np.array([-1.0]), np.array([-2.0])).ratio_bound == 0.0


@pytest.mark.parametrize("multiple", [1, 2, 3, 5])
def test_halves_of_the_least_floats_are_not_rounded_up(multiple):
    """`ReLU([a x; -a x])` has the constant `a / sqrt(2)`."""
    a = multiple * LEAST
    found = inverse_lipschitz(ReLULayer(np.array([[a], [-a]]), np.zeros(2)), n_starts=0)
    assert 2 * Fraction(found.lower) ** 2 <= Fraction(a) ** 2
    assert 2 * Fraction(found.upper) ** 2 >= Fraction(a) ** 2


def test_products_that_round_up_to_the_least_float_do_not_make_a_sign():
    # Three times 0.625 of the least float, each rounded up to it, less twice the least float.
    near = Polyhedron(lower=np.full(3, 2.0**-577), upper=2.0**-576)
    assert _constant_signs(np.full((1, 3), 5 * 2.0**-500), np.array([-2 * LEAST]), near).tolist() == [0]


def test_a_quotient_that_underflows_is_not_0():
    network = Network.from_layers([(np.array([[1e-300]]), np.zeros(1)), (np.eye(1), np.zeros(1))]).upto("relu1")
    assert look_alike_pair(network, np.array([-1e300]), np.array([1e-10])).ratio_bound > 0
