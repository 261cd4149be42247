"""Proofs about cones, sign systems and radii against exact answers, where numbers are of every size."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from exact_oracle import cone_is_trivial, fractions
from extreme_numbers import LEAST, NUMBERS, TAME, dot, matrices, vectors
from unrelu.cones.decide import decide_cone
from unrelu.cones.proofs import Cone, Direction, ExactMultipliers, Multipliers
from unrelu.cones.proofs.multipliers import residual_bound
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissibility import admissibility
from unrelu.preimages.certificates.motzkin import Motzkin
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.preimages.certificates.witness import Witness
from unrelu.preimages.questions import preimage
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.singular import smallest_singular_value_bound

POWERS = st.sampled_from([-1070, -1000, -500, -60, 0, 1, 52, 400, 1000])
SMALL = st.integers(-2, 2).map(float)


def cone_of(A: np.ndarray, equal: np.ndarray, whole: bool = True) -> Cone:
    return Cone(ScaledRows(A if whole else sparse.csr_array(A)), equal, ~equal)


@given(matrices(3, 2), vectors(3), st.booleans())
def test_residuals_are_bounded(A, v, whole):
    cone = cone_of(A, np.zeros(3, dtype=bool), whole)
    bound = residual_bound(cone, v)
    rows = ScaledRows(A).matrix
    assert not math.isfinite(bound) or square_of_sum(rows, v) <= Fraction(bound) ** 2


def square_of_sum(rows: np.ndarray, v: np.ndarray) -> Fraction:
    return sum((dot(column, v) ** 2 for column in rows.T), Fraction(0))


@settings(max_examples=200)
@given(matrices(4, 2), st.lists(st.booleans(), min_size=4, max_size=4).map(np.array), vectors(4), vectors(2), st.data())
def test_no_certificate_proves_what_is_false(A, equal, v, z, data):
    truth = cone_is_trivial(fractions(A[equal]), fractions(A[~equal]), 2)
    cone = cone_of(A, equal, data.draw(st.booleans()))
    held = data.draw(st.lists(st.sampled_from([0, 1, 2, 3]), max_size=2, unique=True))
    held = np.array([i for i in held if not equal[i]], dtype=np.intp)
    multipliers = Multipliers(np.where(equal, v, np.abs(v)))
    for certificate in (multipliers, Direction(z, held), Direction(z, np.flatnonzero(~equal))):
        assert not certificate.verify(cone) or certificate.trivial is truth


def test_multipliers_whose_products_overflow_prove_nothing():
    A = np.array([[0.0, 0.0], [0.0, 0.0], [5e-324, 5.260135901548374e210], [0.0, 0.0]])
    for whole in (False, True):
        cone = cone_of(A, np.array([False, True, False, False]), whole)
        assert not Multipliers(np.array([5e-324, 0.0, 2.0**500, 5e-324])).verify(cone)


@settings(max_examples=100)
@given(matrices(4, 2, SMALL), st.lists(st.booleans(), min_size=4, max_size=4).map(np.array), st.data())
def test_rows_times_powers_of_two_are_decided_as_before(A, equal, data):
    truth = cone_is_trivial(fractions(A[equal]), fractions(A[~equal]), 2)
    powers = np.array(data.draw(st.lists(POWERS, min_size=4, max_size=4)))
    scaled = np.ldexp(A, powers[:, None])
    decision = decide_cone(cone_of(scaled, equal))
    assert decision.holds is truth
    assert decision.certificate is not None
    assert decision.certificate.verify(cone_of(scaled, equal))


def line_ends(A: np.ndarray, b: np.ndarray, inactive: np.ndarray, lower: float, upper: float) -> bool:
    """Whether one number keeps all signs, exactly."""
    low, high = Fraction(lower), Fraction(upper)
    low_open = high_open = False
    for a, c, off in zip(A[:, 0].tolist(), b.tolist(), inactive.tolist(), strict=True):
        if a == 0:
            if (c > 0) == off:
                return False
            continue
        end = -Fraction(c) / Fraction(a)
        if (a > 0) == off:  # x <= end, or x < end
            if end < high or (end == high and not off):
                high, high_open = end, not off
        elif end > low or (end == low and not off):
            low, low_open = end, not off
    return low < high or (low == high and not low_open and not high_open)


@settings(max_examples=200)
@given(
    matrices(2, 1),
    vectors(2),
    st.lists(st.booleans(), min_size=2, max_size=2).map(np.array),
    st.sampled_from([(0.0, 1.0), (-1e-300, 1e300), (-1.0, 0.0), (5.0, 1e10)]),
    vectors(2),
    NUMBERS,
    st.sampled_from([0.0, 1e-300, 1.0]),
)
def test_no_sign_certificate_proves_what_is_false(A, b, inactive, ends, v, x, origin):
    domain = Polyhedron(lower=ends[0], upper=ends[1], origin=np.array([origin]))
    system = SignSystem(A, b, inactive, domain)
    truth = line_ends(A, b, inactive, *ends)
    assert not Motzkin(np.abs(v)).verify(system) or not truth
    assert not Witness(np.array([x])).verify(system) or truth
    found = admissibility(ReLULayer(A, b), inactive, Box(*ends))
    assert found.admissible is truth
    assert found.verify()


def test_sums_that_overflow_on_the_way_prove_nothing():
    """Both rows hold at x = 0.1; math.fsum raises where partial sums overflow."""
    system = SignSystem(
        np.array([[1e308], [1e308]]),
        np.array([-1e300, -1e300]),
        np.zeros(2, dtype=bool),
        Polyhedron(lower=[0.0], upper=1.0),
    )
    assert not Motzkin(np.array([1e308, 1e308])).verify(system)


@given(NUMBERS.filter(bool), st.one_of(TAME, NUMBERS).map(abs).filter(bool))
def test_no_input_with_features_near_lies_beyond_the_radius(a, eps):
    """`ReLU(a x + b)` with b > eps at 0: `|a x| <= eps` wherever the features are that near."""
    b = 2.0 * eps
    if math.isfinite(b):
        radius = preimage(ReLULayer(np.array([[a]]), np.array([b])), at=np.zeros(1)).stability_radius(eps).radius
        assert not math.isfinite(radius) or Fraction(radius) * abs(Fraction(a)) >= Fraction(eps)


def test_without_noise_a_proved_point_has_radius_0_whatever_proves_it():
    A = np.array([[1.0, 1.0, -1.0], [0.0, 1.0, -2.0], [-1.0, -1.0, 2.0], [-2.0, -2.0, -1.0]])
    A[1, 2], A[2, 0], A[3, 2] = -1.9999999999999998, -0.9999999999999999, -0.9999999999999999
    found = preimage(ReLULayer(A, np.zeros(4)), at=np.zeros(3))
    assert isinstance(found.singleton_decision.certificate, ExactMultipliers)
    assert found.certificate.verify()
    assert found.stability_radius(0.0).radius == 0.0
    assert found.stability_radius(1e-3).radius > 0
    line = preimage(ReLULayer(np.array([[1.0, 1.0]]), np.ones(1)), at=np.zeros(2))
    assert line.stability_radius(0.0).radius == math.inf


def test_huge_rows_end_in_answers_not_in_exceptions():
    layer = ReLULayer(np.full((1, 4), 1.7e308), np.array([1.0]))
    found = preimage(layer, at=np.zeros(4), domain=Box(-1, 1))
    assert found.certificate.verify()
    assert found.nearest(np.ones(4)).bound == pytest.approx(4.0)
    assert smallest_singular_value_bound(layer.dense_weight) == np.finfo(np.float64).max  # it is 3.4e308


def test_the_least_float_is_a_weight_like_others():
    found = preimage(ReLULayer(np.array([[LEAST]]), np.array([0.0])), at=np.array([1.0]))
    assert found.singleton is True
    assert found.certificate.verify()
