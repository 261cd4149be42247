"""What is proved of polyhedra, against fractions, where products underflow and sums overflow."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extreme_numbers import LEAST, NUMBERS, TAME, dot, matrices, square, vectors
from flushing import flushing
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.farthest import farthest_point
from unrelu.polyhedra.free_direction import FreeDirection, free_direction
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.functional_range import functional_range
from unrelu.polyhedra.interior_proof import is_strictly_inside
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.nearest import nearest_point
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.ranges import ranges
from unrelu.polyhedra.row_multipliers import RowMultipliers
from unrelu.solvers.status import Status

ENDS = st.tuples(st.sampled_from([-math.inf, 0.0, -1.0, -1e-300, -1e300]), st.sampled_from([math.inf, 0.0, 1.0, 1e300]))


def lagrangian(P: Polyhedron, c: np.ndarray, mu: np.ndarray, lam: np.ndarray) -> Fraction | None:
    """What the multipliers prove in exact arithmetic; None for minus infinity."""
    total = -dot(mu, P.b_eq) - dot(lam, P.b_ub)
    for j in range(P.n_coordinates):
        r = Fraction(float(c[j])) + dot(mu, P.A_eq[:, j]) + dot(lam, P.A_ub[:, j])
        if r:
            end = float((P.lower if r > 0 else P.upper)[j])
            if math.isinf(end):
                return None
            total += r * (Fraction(end) - Fraction(float(P.origin[j])))
    return total


@st.composite
def sets_with_multipliers(draw, numbers: st.SearchStrategy[float]):
    """A set in two coordinates, a functional, and multipliers of an equality and two inequalities."""
    lower, upper = np.array([draw(ENDS) for _ in range(2)]).T
    P = Polyhedron(
        A_ub=draw(matrices(2, 2, numbers)),
        b_ub=draw(vectors(2, numbers)),
        A_eq=draw(matrices(1, 2, numbers)),
        b_eq=draw(vectors(1, numbers)),
        lower=lower,
        upper=upper,
        origin=np.zeros(2),
    )
    lam = np.abs(draw(vectors(2, numbers)))
    mu = draw(vectors(1, numbers))
    # Often what makes the sum of one coordinate vanish, or nearly.
    c = draw(st.one_of(vectors(2, numbers), st.just(np.zeros(2)), st.just(-(P.A_eq.T @ mu + P.A_ub.T @ lam))))
    return P, np.where(np.isfinite(c), c, 0.0), mu, lam


@settings(max_examples=300)
@given(st.sampled_from([NUMBERS, NUMBERS.map(lambda x: x if abs(x) < 1 else 0.0), TAME]).flatmap(sets_with_multipliers))
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value")  # of the strategy's own sums
def test_no_bound_exceeds_what_the_multipliers_prove(case):
    P, c, mu, lam = case
    bound, exact = functional_bound(P, c, mu, lam), lagrangian(P, c, mu, lam)
    if exact is None:
        assert bound == -math.inf
    else:
        assert bound == -math.inf or Fraction(bound) <= exact


@given(sets_with_multipliers(TAME))
def test_bounds_of_ordinary_numbers_lose_rounding_only(case):
    P, c, mu, lam = case
    box = Polyhedron(P.A_ub, P.b_ub, P.A_eq, P.b_eq, lower=-1.0, upper=2.0, origin=np.zeros(2))
    exact = lagrangian(box, c, mu, lam)
    assert exact is not None
    assert Fraction(functional_bound(box, c, mu, lam)) >= exact - Fraction(1, 10**9)


def test_a_sum_that_underflows_is_not_nothing():
    below = Polyhedron(A_ub=np.array([[1e-200]]), b_ub=np.array([-1e200]))  # x <= -1e400, which is not empty
    assert functional_bound(below, np.zeros(1), np.zeros(0), np.array([1e-200])) == -math.inf
    half = Polyhedron(A_ub=np.array([[1.0, 1e-200]]), b_ub=np.array([1.0]))
    assert functional_bound(half, np.array([-1e-200, 0.0]), np.zeros(0), np.array([1e-200])) == -math.inf
    # Just right: a column of zeros takes no part, whatever the size of the others.
    alone = Polyhedron(A_ub=np.array([[1e-200, 0.0]]), b_ub=np.array([-1e-100]), lower=[0.0, -np.inf])
    assert functional_bound(alone, np.zeros(2), np.zeros(0), np.array([1e200])) == pytest.approx(1e100)


@pytest.mark.parametrize("scale", [1e-200, 1e-170, 1e-150, 1.0])
def test_no_end_of_a_range_is_proved_that_is_none(scale):
    half = Polyhedron(A_ub=np.array([[1.0, 1e-200]]), b_ub=np.array([1.0]))
    found = functional_range(half, np.array([scale, 0.0]))
    assert found.proved_lower == -math.inf
    assert found.proved_upper == math.inf


def interval(P: Polyhedron) -> tuple[Fraction | None, Fraction | None] | None:
    """The ends of a set in one coordinate, None for infinite ones; None for the empty set."""
    lows = [Fraction(value) for value in P.lower.tolist() if math.isfinite(value)]
    highs = [Fraction(value) for value in P.upper.tolist() if math.isfinite(value)]
    for a, b in zip(P.A_ub[:, 0].tolist(), P.b_ub.tolist(), strict=True):
        if a == 0:
            if b < 0:
                return None
        else:
            (highs if a > 0 else lows).append(Fraction(b) / Fraction(a))
    low, high = max(lows, default=None), min(highs, default=None)
    return None if low is not None and high is not None and low > high else (low, high)


def distance_to(P: Polyhedron, x: float) -> Fraction | None:
    """The exact distance of a number from a set in one coordinate; None from the empty set."""
    ends = interval(P)
    if ends is None:
        return None
    low, high = ends
    return max(
        Fraction(0),
        Fraction(0) if low is None else low - Fraction(x),
        Fraction(0) if high is None else Fraction(x) - high,
    )


@settings(max_examples=200)
@given(matrices(2, 1), vectors(2), ENDS, NUMBERS)
def test_a_member_lies_within_the_proved_radius(A, b, ends, x):
    P = Polyhedron(A_ub=A, b_ub=b, lower=ends[0], upper=ends[1], origin=np.zeros(1))
    x = float(np.clip(x, *ends))
    radius = member_radius(P, np.array([x]))
    if math.isfinite(radius):
        distance = distance_to(P, x)
        assert distance is not None
        assert distance <= Fraction(radius)


def test_room_that_underflows_is_room_that_is_needed():
    # The point breaks the equality by 2^-600 and lies on the inequality, which any correction may break.
    P = Polyhedron(
        A_ub=np.array([[2.0**-480, 2.0**-480]]),
        b_ub=np.zeros(1),
        A_eq=np.array([[1.0, 0.0]]),
        b_eq=np.array([2.0**-600]),
        lower=[-1.0, 0.0],
        upper=1.0,
        origin=np.zeros(2),
    )
    assert member_radius(P, np.zeros(2)) == math.inf
    roomy = Polyhedron(P.A_ub, np.array([2.0**-1000]), P.A_eq, P.b_eq, P.lower, P.upper, P.origin)
    assert 2.0**-600 <= member_radius(roomy, np.zeros(2)) < 2.0**-599


@settings(max_examples=200)
@given(matrices(2, 1), vectors(2), ENDS, NUMBERS, vectors(2), st.sampled_from([1, 2, math.inf]))
def test_no_member_is_nearer_than_the_proved_distance(A, b, ends, t, lam, norm):
    P = Polyhedron(A_ub=A, b_ub=b, lower=ends[0], upper=ends[1], origin=np.zeros(1))
    distance = distance_to(P, t)
    if distance is not None:
        assert Fraction(distance_bound(P, np.array([t]), norm, np.zeros(0), np.abs(lam))) <= distance


@pytest.mark.parametrize("exponent", [-900, -500, 0, 500, 1000])
@pytest.mark.parametrize("norm", [1, 2, math.inf])
def test_a_distance_is_proved_whatever_the_scale_of_the_row(exponent, norm):
    """From 0 to `2^k x >= 2^k`; the multipliers of 1/2 ||x||^2 and of the norms are 2^-k all three."""
    row = np.array([[-math.ldexp(1.0, exponent)]])
    P = Polyhedron(A_ub=row, b_ub=row[0])
    bound = distance_bound(P, np.zeros(1), norm, np.zeros(0), np.array([math.ldexp(1.0, -exponent)]))
    assert 1 - 1e-12 < bound <= 1


@settings(max_examples=200)
# lam'b overflows with both signs, which adds up to no number.
@example(np.array([[2e-211], [-2e-211]]), np.array([-(2.0**300), 2.0**301]), np.full(2, 2.0**1000))
@given(matrices(2, 1), vectors(2), vectors(2))
def test_no_member_lies_beyond_the_proved_radius(A, b, lam):
    P = Polyhedron(A_ub=A, b_ub=b, origin=np.zeros(1))
    nothing = np.zeros(1)
    radius = radius_bound(P, RowMultipliers(np.zeros(0), np.abs(lam), nothing, nothing))
    ends = interval(P)
    if math.isfinite(radius) and ends is not None:
        low, high = ends
        assert low is not None
        assert high is not None
        assert max(abs(low), abs(high)) <= Fraction(radius)


@settings(max_examples=200)
@given(vectors(2), vectors(2), NUMBERS.map(abs))
def test_what_is_proved_to_move_moves(c, v, radius):
    if FreeDirection(v, radius).moves(c):
        assert dot(c, v) ** 2 > square(c) * Fraction(radius) ** 2


def test_a_thread_that_flushes_proves_nothing_of_a_polyhedron():
    P = Polyhedron(A_ub=np.array([[1.0, 1.0], [0.0, -1e-200]]), b_ub=np.array([1.0, 0.0]), lower=[-1.0, -np.inf])
    line = Polyhedron(A_ub=np.array([[1.0, 1e-310, 0.0]]), b_ub=np.ones(1))
    inside, target = np.array([0.0, 0.5]), np.array([5.0, 5.0])
    assert math.isfinite(member_radius(P, inside))
    assert is_strictly_inside(P, inside)
    assert free_direction(line) is not None
    with flushing():
        assert functional_bound(P, np.zeros(2), np.zeros(0), np.ones(2)) == -math.inf
        assert distance_bound(P, target, 2, np.zeros(0), np.ones(2)) == 0.0
        assert member_radius(P, inside) == math.inf
        assert not is_strictly_inside(P, inside)
        assert free_direction(line) is None
        assert not FreeDirection(np.ones(2), 0.0).moves(np.ones(2))
        multipliers = RowMultipliers(np.zeros(0), np.ones(2), np.zeros(2), np.array([1.0, 0.0]))
        assert radius_bound(P, multipliers) == math.inf
        near = nearest_point(P, target)
        assert (near.bound, near.radius) == (0.0, math.inf)
        far = farthest_point(Polyhedron(lower=np.zeros(2), upper=1.0), target)
        assert (far.bound, far.radius) == (math.inf, math.inf)
        found = functional_range(P, np.array([0.0, 1.0]))
        assert (found.proved_lower, found.proved_upper) == (-math.inf, math.inf)
        ends = ranges(P, workers=1)
        assert ends.proved_lower.tolist() == [-1.0, -math.inf]  # the first is a bound of the set itself
        assert ends.proved_upper.tolist() == [math.inf, math.inf]
        hull = affine_hull(P)
        assert (hull.lower, hull.upper) == (-1, 2)


def test_the_least_float_is_a_number_like_others():
    P = Polyhedron(A_ub=np.array([[LEAST]]), b_ub=np.array([-LEAST]))  # x <= -1
    assert member_radius(P, np.array([-1.0])) == 0.0 or math.isinf(member_radius(P, np.array([-1.0])))
    assert member_radius(P, np.array([-0.5])) >= 0.5


def test_products_that_round_down_to_0_do_not_make_a_member():
    # Three times 0.375 of the least float, each rounded down to 0; together they exceed it.
    P = Polyhedron(A_ub=np.full((1, 3), 3 * 2.0**-500), b_ub=np.array([LEAST]), lower=0.0)
    assert member_radius(P, np.full(3, 2.0**-577)) > 0
    assert member_radius(P, np.zeros(3)) == math.inf  # a member, but with less room than underflow may take


@pytest.mark.parametrize("norm", [1, 2, math.inf])
def test_targets_at_any_distance_get_an_answer_that_is_true(norm: float) -> None:
    statuses = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        target = np.full(3, 2.0 ** int(rng.integers(-900, 900)))
        A = rng.integers(-3, 4, (4, 3)) * 2.0 ** rng.integers(-500, 500, (4, 1))
        P = Polyhedron(A, rng.integers(0, 3, 4) * 2.0 ** rng.integers(-1000, 1000, 4), origin=np.zeros(3))
        found = nearest_point(P, target, norm)  # 0 is a member
        statuses.add(found.status)
        assert found.status is not Status.INFEASIBLE
        assert 0 <= found.bound <= min(found.distance, 4 * float(target[0]))
        assert found.status is not Status.OPTIMAL or math.isfinite(found.distance)
    assert Status.OPTIMAL in statuses
