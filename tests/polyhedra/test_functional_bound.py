"""Proved bounds of linear functionals, and proved radii: they hold exactly, whatever the multipliers."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyhedra.exact_polytopes import dot, random_integer_polytope, vertices
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.functional_program import FunctionalProgram
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.recession import recession
from unrelu.polyhedra.row_multipliers import RowMultipliers


def exact_minimum(P: Polyhedron, c: np.ndarray) -> Fraction | None:
    """Of `c.(x - origin)` over a polytope, exactly."""
    exact = [Fraction(float(v)) for v in c]
    origin = [Fraction(float(v)) for v in P.origin]
    return min((dot(exact, x) - dot(exact, origin) for x in vertices(P)), default=None)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2000), st.integers(0, 2**32 - 1), st.sampled_from([1e-8, 1.0, 1e9]))
def test_any_multipliers_give_a_bound(seed: int, noise: int, size: float) -> None:
    P = random_integer_polytope(seed)
    rng = np.random.default_rng(noise)
    c = rng.standard_normal(P.n_coordinates)
    least = exact_minimum(P, c)
    bound = functional_bound(P, c, rng.standard_normal(len(P.A_eq)) * size, rng.standard_normal(len(P.A_ub)) * size)
    assert least is None or (math.isfinite(bound) and Fraction(bound) <= least)


@pytest.mark.parametrize("start", range(0, 120, 40))
def test_the_solvers_multipliers_give_the_minimum_up_to_rounding(start: int) -> None:
    rng = np.random.default_rng(start)
    met = 0
    for seed in range(start, start + 40):
        P = random_integer_polytope(seed)
        c = rng.standard_normal(P.n_coordinates)
        program, least = FunctionalProgram(P), exact_minimum(P, c)
        found = program.minimise(c)
        if least is None:
            continue
        met += 1
        bound = functional_bound(program.polyhedron, c, found.eq_duals, found.ub_duals)
        assert Fraction(bound) <= least
        assert bound == pytest.approx(float(least), abs=1e-9)
    assert met > 10


def test_thirds_are_rounded_outwards() -> None:
    # 3 x >= 1, x <= 10: the least x is a third, which no float is; the bound must not exceed it.
    P = Polyhedron(np.array([[-3.0]]), np.array([-1.0]), lower=-10.0, upper=10.0)
    bound = functional_bound(P, np.ones(1), np.zeros(0), np.array([1 / 3]))
    assert Fraction(bound) <= Fraction(1, 3)
    assert bound == pytest.approx(1 / 3, abs=1e-12)


def test_an_absent_bound_needs_a_radius() -> None:
    # The multiplier is a third up to rounding, so that a little of x is left over.
    P = Polyhedron(np.array([[-3.0]]), np.array([-1.0]))
    third = np.array([1 / 3 + 1e-15])
    assert functional_bound(P, np.ones(1), np.zeros(0), third) == -math.inf
    bound = functional_bound(P, np.ones(1), np.zeros(0), third, radius=100.0)
    assert 1 / 3 - 1e-12 < bound <= 1 / 3
    # Where nothing is left over, none is needed.
    half = Polyhedron(lower=np.array([0.0, -np.inf]))
    none = np.zeros(0)
    assert functional_bound(half, np.array([1.0, 0.0]), none, none) == pytest.approx(0.0, abs=1e-300)
    assert functional_bound(half, np.array([-1.0, 0.0]), none, none) == -math.inf
    assert functional_bound(half, np.array([1.0, 1.0]), none, none) == -math.inf


def test_the_error_of_the_right_hand_side_counts() -> None:
    # x >= 1, known to a quarter, as an inequality and as an equality: all that is sure is x >= 3/4.
    row, right = np.array([[-1.0]]), np.array([-1.0])
    quarter, none, one = np.array([0.25]), np.zeros(0), np.ones(1)
    half_line = Polyhedron(row, right, lower=-10.0, upper=10.0)
    point = Polyhedron(A_eq=row, b_eq=right, eq_error=quarter, lower=-10.0, upper=10.0)
    turned = Polyhedron(A_eq=-row, b_eq=-right, eq_error=quarter, lower=-10.0, upper=10.0)
    assert functional_bound(half_line, one, none, one) == pytest.approx(1.0)
    for bound in (
        functional_bound(replace(half_line, ub_error=quarter), one, none, one),
        functional_bound(point, one, one, none),
        functional_bound(turned, one, -one, none),
    ):
        assert bound == pytest.approx(0.75)
        assert bound <= 0.75


def test_a_positive_bound_of_zero_proves_emptiness() -> None:
    empty = Polyhedron(np.ones((1, 3)), np.array([-0.5]), lower=0.0)
    assert functional_bound(empty, np.zeros(3), np.zeros(0), np.ones(1)) > 0
    touching = Polyhedron(np.ones((1, 3)), np.array([0.0]), lower=0.0)
    assert functional_bound(touching, np.zeros(3), np.zeros(0), np.ones(1)) <= 0


def test_what_overflows_proves_nothing() -> None:
    P = Polyhedron(np.full((1, 2), 1e300), np.array([1e300]), lower=-1e300, upper=1e300)
    assert functional_bound(P, np.ones(2), np.zeros(0), np.array([1e300])) == -math.inf
    assert functional_bound(P, np.ones(2), np.zeros(0), np.array([np.nan])) == -math.inf


def bounded_without_bounds(seed: int) -> tuple[Polyhedron, np.ndarray]:
    """A simplex by its rows about a point, with an equality row; and its vertices."""
    rng = np.random.default_rng(seed)
    d = 4
    corners = rng.standard_normal((d, d)) * 3  # d vertices: a simplex of dimension d - 1
    center = corners.mean(axis=0)
    directions = np.linalg.svd(corners - center)[2]
    flat = (corners - center) @ directions[: d - 1].T
    # Barycentric coordinates are affine in the flat coordinates: each is at least 0.
    system = np.linalg.inv(np.vstack([flat.T, np.ones(d)]))
    return (
        Polyhedron(
            -system[:, : d - 1] @ directions[: d - 1], system[:, -1], directions[d - 1 :], np.zeros(1), origin=center
        ),
        corners,
    )


@pytest.mark.parametrize("seed", range(10))
def test_all_vertices_lie_within_the_radius(seed: int) -> None:
    P, corners = bounded_without_bounds(seed)
    found = recession(P)
    assert found.multipliers is not None
    radius = radius_bound(P, found.multipliers)
    farthest = np.linalg.norm(corners - P.origin, axis=1).max()
    assert farthest <= radius < 1e3 * farthest
    # With it, ranges of free coordinates are proved.
    c = np.random.default_rng(seed).standard_normal(4)
    program = FunctionalProgram(P)
    minimum = program.minimise(c)
    bound = functional_bound(program.polyhedron, c, minimum.eq_duals, minimum.ub_duals, radius=radius)
    assert bound <= ((corners - P.origin) @ c).min() + 1e-12
    assert bound == pytest.approx(float(((corners - P.origin) @ c).min()), abs=1e-8)


def test_bounds_take_part_in_a_radius() -> None:
    # The corner simplex: only together with x >= 0 does its row bound it.
    P = Polyhedron(np.ones((1, 3)), np.ones(1), lower=0.0)
    found = recession(P)
    assert found.multipliers is not None
    assert 1.0 <= radius_bound(P, found.multipliers) < 100.0
    # What is meant may be { x >= 0, sum x <= 2 }, with corners at distance 2.
    assert radius_bound(replace(P, ub_error=np.ones(1)), found.multipliers) >= 2.0


def test_the_error_of_an_equality_counts_in_a_radius() -> None:
    # The side sum x = 1 of the corner simplex; what is meant may be sum x = 3.
    P = Polyhedron(A_eq=np.ones((1, 3)), b_eq=np.ones(1), lower=0.0)
    found = recession(P)
    assert found.multipliers is not None
    assert 1.0 <= radius_bound(P, found.multipliers) < 100.0
    assert radius_bound(replace(P, eq_error=np.full(1, 2.0)), found.multipliers) >= 3.0


def test_wrong_multipliers_prove_no_radius() -> None:
    P = Polyhedron(np.ones((1, 3)), np.ones(1), lower=0.0)
    found = recession(P).multipliers
    assert found is not None
    none = np.zeros(3)
    # One bound missing, as if x_0 could fall for ever; a wrong size; a bound that does not exist; NaN.
    for upper, lower, ub in (
        (none, np.array([0.0, 1.0, 1.0]), found.ub),
        (none, found.lower * np.array([1.0, 1.0, 3.0]), found.ub),
        (np.array([1.0, 0.0, 0.0]), found.lower, found.ub),
        (none, found.lower, np.array([np.nan])),
    ):
        assert radius_bound(P, RowMultipliers(found.eq, ub, upper, lower)) == math.inf
