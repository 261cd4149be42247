"""Radii within which exact members are proved to exist."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrelu.polyhedra.membership import member_radii, member_radius
from unrelu.polyhedra.polishing import polished
from unrelu.polyhedra.polyhedron import Polyhedron


def test_off_a_hyperplane_the_radius_is_the_distance() -> None:
    polyhedron = Polyhedron(A_eq=np.array([[3.0, 4.0]]), b_eq=np.zeros(1))
    radius = member_radius(polyhedron, np.array([0.3, 0.4]))
    assert 0.5 <= radius < 0.8  # the proved singular value is at least 0.9 of the true one in square


def test_a_member_with_slack_has_radius_zero() -> None:
    polyhedron = Polyhedron(A_ub=np.eye(2), b_ub=np.ones(2), lower=-1.0)
    assert member_radius(polyhedron, np.zeros(2)) == 0.0


def test_a_broken_inequality_is_corrected() -> None:
    polyhedron = Polyhedron(A_ub=np.array([[1.0, 0.0]]), b_ub=np.zeros(1))
    assert 1e-6 <= member_radius(polyhedron, np.array([1e-6, 0.0])) < 2e-6


def test_correcting_one_row_may_ask_for_another() -> None:
    # Moving onto x0 = 0 could break x0 + x1 <= 1e-7 - slack, which is then held too.
    polyhedron = Polyhedron(
        A_eq=np.array([[1.0, 0.0]]), b_eq=np.zeros(1), A_ub=np.array([[-1.0, 1.0]]), b_ub=np.array([1e-9])
    )
    point = np.array([1e-6, 1e-6])
    radius = member_radius(polyhedron, point)
    assert 1e-6 <= radius < 1e-5


def test_coordinates_at_or_near_their_bounds_do_not_move() -> None:
    row = np.array([[1.0, 1.0]])
    at_bound = Polyhedron(A_eq=row, b_eq=np.array([0.5]), lower=0.0, upper=1.0)
    # x0 is at its bound: x1 must make up for the residual alone, at sigma = 1 instead of sqrt 2.
    assert 1e-3 <= member_radius(at_bound, np.array([0.0, 0.501])) < 1.2e-3
    # Both at their bounds: nothing can move.
    assert member_radius(at_bound, np.array([0.0, 1.0])) == math.inf
    # x0 has less room than the radius, and so is held.
    assert 1e-3 <= member_radius(at_bound, np.array([1e-4, 0.4989])) < 1.2e-3


def test_outside_the_bounds_nothing_is_proved() -> None:
    assert member_radius(Polyhedron(lower=0.0, origin=np.zeros(1)), np.array([-1e-300])) == math.inf


def test_an_uncertain_right_hand_side_widens_the_radius() -> None:
    polyhedron = Polyhedron(A_ub=np.ones((1, 1)), b_ub=np.zeros(1))
    assert member_radius(replace(polyhedron, ub_error=np.array([0.5])), -np.ones(1)) == 0.0
    assert 0.25 <= member_radius(replace(polyhedron, ub_error=np.array([0.25])), np.zeros(1)) < 0.3
    line = Polyhedron(A_eq=np.ones((1, 1)), b_eq=np.zeros(1), eq_error=np.array([0.25]))
    assert 0.25 <= member_radius(line, np.zeros(1)) < 0.3


def test_what_overflows_proves_nothing() -> None:
    # 1e300 (sum of half of x - sum of the others) <= -1 is inf - inf at equal numbers, and broken there.
    for n, copies in ((1, 1), (1, 3), (2, 3), (32, 3)):
        row = 1e300 * np.repeat([1.0, -1.0], n)
        polyhedron = Polyhedron(A_ub=np.tile(row, (copies, 1)), b_ub=np.full(copies, -1.0))
        assert member_radius(polyhedron, np.full(2 * n, 1e300)) == math.inf
    # The norm of a row this small is not bounded, but a member with slack needs none.
    tiny = Polyhedron(A_ub=np.full((1, 2), 1e-200), b_ub=np.ones(1))
    assert member_radius(tiny, np.zeros(2)) == 0.0


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 4))
def test_nothing_is_ever_proved_of_an_empty_set(seed: int, d: int, n: int) -> None:
    """Rows that no point keeps: a non-negative combination of them says 0 <= -1."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (n, d)).astype(float)
    last = -rows.sum(axis=0)
    point = rng.integers(-1, 2, d).astype(float)
    right = rows @ point
    empty = Polyhedron(A_ub=np.vstack([rows, last]), b_ub=np.append(right, -right.sum() - 2.0**-40))
    assert member_radius(empty, point) == math.inf
    assert member_radius(empty, point + rng.normal(size=d) * 1e-9) == math.inf


def test_polishing_brings_a_rough_point_onto_the_rows_and_keeps_bounds() -> None:
    rng = np.random.default_rng(0)
    A, d = rng.normal(size=(5, 20)), 20
    origin = np.clip(rng.uniform(-0.5, 1.5, d), 0, 1)
    polyhedron = Polyhedron(A_eq=A, b_eq=np.zeros(5), lower=0.0, upper=1.0, origin=origin)
    rough = origin + 1e-7 * rng.normal(size=d)
    smooth = polished(polyhedron, rough)
    assert np.abs(A @ (np.clip(rough, 0, 1) - origin)).max() > 1e-8
    assert np.abs(A @ (smooth - origin)).max() < 1e-15
    assert ((smooth >= 0) & (smooth <= 1)).all()
    assert member_radius(polyhedron, smooth) < 1e-13


def test_polishing_leaves_kept_coordinates_where_the_others_suffice() -> None:
    polyhedron = Polyhedron(A_eq=np.ones((1, 3)), b_eq=np.ones(1))
    smooth = polished(polyhedron, np.full(3, 0.3), kept=np.array([True, True, False]))
    np.testing.assert_allclose(smooth, [0.3, 0.3, 0.4], atol=1e-15)
    forced = polished(polyhedron, np.full(3, 0.3), kept=np.ones(3, dtype=bool))
    assert forced.sum() == pytest.approx(1.0, abs=1e-15)


def test_radii_of_many_points_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    polyhedron = Polyhedron(
        rng.standard_normal((3, 6)), np.array([1e-9, 1e-4, 1.0]), rng.standard_normal((2, 6)), np.zeros(2), -1.0, 1.0
    )
    points = 1e-6 * rng.standard_normal((40, 6)) * rng.choice([1.0, 1e-5], (40, 1))
    points[::7, 0] = 1.0
    points[3, 1] = 2.0
    radii = member_radii(polyhedron, points)
    np.testing.assert_allclose(radii, [member_radius(polyhedron, point) for point in points], rtol=1e-3)  # of 1e-13
    assert np.unique(radii).size > 20
    assert np.isinf(radii[3])
