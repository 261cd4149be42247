"""The distance bound holds for any multipliers, in exact arithmetic, and is sharp for the right ones."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyhedra.nearest_reference import nearest_distance
from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.polyhedron import Polyhedron

NORMS = (1, 2, math.inf)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_multipliers_stay_below_the_distance_of_every_exact_member(data: st.DataObject) -> None:
    d, n_eq, n_ub = (data.draw(st.integers(low, high)) for low, high in ((1, 4), (0, 3), (0, 4)))
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    # Integer rows and a dyadic member: right-hand sides are exact, and the member is one in exact arithmetic.
    A_eq = rng.integers(-3, 4, (n_eq, d)).astype(float)
    A_ub = rng.integers(-3, 4, (n_ub, d)).astype(float)
    member, origin = rng.integers(0, 9, d) / 8, rng.integers(-8, 9, d) / 8
    polyhedron = Polyhedron(
        A_ub=A_ub,
        b_ub=A_ub @ (member - origin) + rng.integers(0, 2, n_ub),
        A_eq=A_eq,
        b_eq=A_eq @ (member - origin),
        lower=data.draw(st.sampled_from([0.0, -math.inf])),
        upper=data.draw(st.sampled_from([1.0, math.inf])),
        origin=origin,
    )
    target = member + rng.normal(size=d)
    scale = data.draw(st.sampled_from([0.01, 1.0, 100.0]))
    norm = data.draw(st.sampled_from(NORMS))
    bound = distance_bound(
        polyhedron, target, norm, scale * rng.normal(size=n_eq), scale * np.abs(rng.normal(size=n_ub))
    )
    assert bound >= 0
    assert not exceeds(bound, member, target, norm)


def exceeds(bound: float, member: np.ndarray, target: np.ndarray, norm: float) -> bool:
    """Whether the bound is above the exact distance of two points."""
    gaps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(member.tolist(), target.tolist(), strict=True)]
    if norm == 2:
        return Fraction(bound) ** 2 > sum(gap * gap for gap in gaps)
    return Fraction(bound) > (sum(gaps) if norm == 1 else max(gaps))


@pytest.mark.parametrize("norm", NORMS)
def test_sharp_multipliers_never_round_above_the_exact_distance(norm: float) -> None:
    # { a.x = 0 } with the multiplier that attains the distance |a.t| / ||a||_*: only rounding down keeps it below.
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(200):
        a, t = rng.integers(1, 8, 3).astype(float), rng.integers(1, 8, 3) / 8
        value = float(a @ t)  # exact
        size = {1: a.max(), 2: math.sqrt(a @ a), math.inf: a.sum()}[norm]
        mu = value / (a @ a) if norm == 2 else 1 / size
        found = distance_bound(Polyhedron(A_eq=a[None], b_eq=np.zeros(1)), t, norm, np.array([mu]), np.zeros(0))
        squared_size = Fraction(float(a @ a)) if norm == 2 else Fraction(float(size)) ** 2
        exact = Fraction(value) ** 2 / squared_size
        assert Fraction(found) ** 2 <= exact
        worst = max(worst, float(math.sqrt(exact) - found))
    assert worst < 1e-12


def test_cancellation_in_the_sum_never_rounds_above_the_exact_distance() -> None:
    # Far from the origin, the distance |sum t - b| to { sum x = b } in L1 is a small difference of large numbers.
    rng = np.random.default_rng(0)
    for _ in range(100):
        target = 1e6 + rng.uniform(size=5)
        plane = Polyhedron(A_eq=np.ones((1, 5)), b_eq=np.array([5e6]))
        exact = sum(map(Fraction, target.tolist())) - 5_000_000
        found = distance_bound(plane, target, 1, np.ones(1), np.zeros(0))
        assert Fraction(found) <= exact
        assert float(exact) - found < 1e-6


def test_sums_that_round_up_at_every_step_stay_below_the_exact_distance() -> None:
    # 1 and then a little more than half a unit in the last place, each rounded up to a whole one.
    gaps = np.zeros(128)
    gaps[0], gaps[8::8] = 1.0, 1.2 * 2.0**-53
    box = Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(128))
    assert Fraction(distance_bound(box, -gaps, 1, np.zeros(0), np.zeros(0))) <= sum(map(Fraction, gaps.tolist()))


@pytest.mark.parametrize("norm", NORMS)
def test_uncertain_right_hand_sides_are_allowed_for(norm: float) -> None:
    # { x <= 0 } at distance 1 from 1; with b known to 0.25 only, the set may be { x <= 0.25 }.
    polyhedron = Polyhedron(A_ub=np.ones((1, 1)), b_ub=np.zeros(1))
    arguments = (np.ones(1), norm, np.zeros(0), np.ones(1))
    assert distance_bound(polyhedron, *arguments) == pytest.approx(1.0)
    bound = distance_bound(replace(polyhedron, ub_error=np.array([0.25])), *arguments)
    assert bound == pytest.approx(0.75)
    assert bound <= 0.75
    # The same of an equality, whatever the sign of its multiplier.
    for sign in (1.0, -1.0):
        line = Polyhedron(A_eq=np.full((1, 1), sign), b_eq=np.zeros(1), eq_error=np.array([0.25]))
        bound = distance_bound(line, np.ones(1), norm, np.array([sign]), np.zeros(0))
        assert bound == pytest.approx(0.75)
        assert bound <= 0.75


def test_multipliers_of_the_wrong_sign_prove_nothing() -> None:
    # The target is a member; were the row an equality, it would be at distance 1.
    for bound in (2.0, math.inf):
        polyhedron = Polyhedron(A_ub=np.ones((1, 1)), b_ub=np.zeros(1), lower=-bound, upper=bound)
        assert distance_bound(polyhedron, -np.ones(1), 1, np.zeros(0), -np.ones(1)) == 0.0


@pytest.mark.parametrize("norm", NORMS)
def test_multipliers_that_overflow_or_are_no_numbers_prove_nothing(norm: float) -> None:
    polyhedron = Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.zeros(1), lower=0.0)
    for mu in (math.nan, math.inf, 1e308):
        assert distance_bound(polyhedron, np.ones(2), norm, np.array([mu]), np.zeros(0)) >= 0.0
        assert distance_bound(polyhedron, np.ones(2), norm, np.array([mu]), np.zeros(0)) <= nearest_distance(
            polyhedron, np.ones(2), norm
        )


def test_targets_outside_the_box_count_without_any_row() -> None:
    box = Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(3))
    target = np.array([-1.0, 0.5, 3.0])
    for norm, distance in ((1, 3.0), (2, math.sqrt(5)), (math.inf, 2.0)):
        assert distance_bound(box, target, norm, np.zeros(0), np.zeros(0)) == pytest.approx(distance, rel=1e-12)
