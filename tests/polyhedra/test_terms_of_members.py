"""Each condition of the proofs that a set has a member, or one strictly inside, on either side by a little.

Roundings are asked about with a coarse unit roundoff (see `coarse`): what bounds its errors holds for any.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from coarse import coarsen
from flushing import flushing
from polyhedra.written_out import INF, polyhedron
from unrelu.polyhedra import interior_proof, membership
from unrelu.polyhedra.interior_proof import (
    dimension_upper_bound,
    distinct_equalities,
    equality_count,
    is_strictly_inside,
)
from unrelu.polyhedra.membership import member_radii, member_radius


@pytest.mark.parametrize("slack", [-0.5, -0.1, 0.0, 0.1, 0.6])
def test_rows_that_a_correction_may_break_are_held(slack: float) -> None:
    """x_0 = 0 is missed by 0.5, so that a row of norm 2 needs a slack of 1 or is held."""
    P = polyhedron([([0.0, 2.0], 2 * slack)], [([1.0, 0.0], 0.0)])
    exact = 0.5 if slack > 0.5 else math.hypot(0.5, slack)
    found = member_radius(P, np.array([0.5, 0.0]))
    assert exact <= found * (1 + 1e-12)
    assert found <= (0.5 if slack > 0.55 else math.hypot(0.5, 2 * slack)) / 0.9


@pytest.mark.parametrize("room", [0.0, 0.25, 0.5, 0.6])
def test_coordinates_without_room_stay(room: float) -> None:
    """x_0 + x_1 = 0 is missed by 0.7, each coordinate moves by 0.35 of a distance of 0.495."""
    for low in (True, False):
        lower, upper = ([-room, -9.0], [INF, INF]) if low else ([-INF, -INF], [room, 9.0])
        P = polyhedron(None, [([1.0, 1.0], -0.7 if low else 0.7)], lower=lower, upper=upper)
        found = member_radius(P, np.zeros(2))
        exact = 0.7 / math.sqrt(2) if room >= 0.6 else 0.7
        assert exact <= found * (1 + 1e-12)
        assert found <= 0.7 / 0.9
    P = polyhedron(None, [([1.0, 1.0], 1.0)], lower=[0.0, 0.0], upper=[0.0, 0.0])
    assert member_radius(P, np.zeros(2)) == INF
    for x in ([2.0, 0.0], [-2.0, 0.0]):
        assert member_radius(polyhedron(lower=[-1.0, -1.0], upper=[1.0, 1.0]), np.array(x)) == INF


@pytest.mark.parametrize("unit", [2.0**-40, 2.0**-8, 2.0**-5])
@pytest.mark.parametrize("origin", [[0.0, 0.0], [2.0, -1.0]])
def test_the_rounding_of_residuals_counts_in_a_member(
    monkeypatch: pytest.MonkeyPatch, unit: float, origin: list[float]
) -> None:
    # 3 z_0 + 4 z_1 = 1 holds at (-1, 1) exactly; gamma (|C||z| + |b|) may be missing.
    point = np.array([-1.0, 1.0]) + origin
    P = polyhedron(None, [([3.0, 4.0], 1.0)], origin=origin)
    coarsen(monkeypatch, membership, unit)
    found = member_radius(P, point)
    assert 8 * 2 * unit / 5 <= found <= 8 * 14 * unit / 5 / 0.9
    Q = polyhedron([([3.0, 4.0], 1.0)], origin=origin)
    assert 8 * 2 * unit / 5 <= member_radius(Q, point) <= 8 * 14 * unit / 5 / 0.9
    room = polyhedron([([3.0, 4.0], 1.0 + 30 * 14 * unit)], origin=origin)
    assert member_radius(room, point) == 0.0
    broken = polyhedron([([3.0, 4.0], 0.0)], origin=origin)
    assert (1 + 7 * 2 * unit) / 5 <= member_radius(broken, point) <= (1 + 7 * 14 * unit) / 5 / 0.9
    coarsen(monkeypatch, membership, 0.0)
    monkeypatch.setattr(membership, "lost", lambda *_: unit)
    # A product loses that, times either operand.
    assert unit * 6 / 5 <= member_radius(P, point) <= 2 * unit * 6 / 5 / 0.9
    assert unit * 6 / 5 <= member_radius(Q, point) <= 2 * unit * 6 / 5 / 0.9
    assert member_radius(polyhedron([([3.0, 4.0], 1.0 + 13 * unit)], origin=origin), point) == 0.0


def test_the_errors_of_right_hand_sides_count_in_a_member() -> None:
    for error in (0.0, 0.25):
        P = polyhedron(None, [([3.0, 4.0], 1.0)], eq_error=[error])
        assert error / 5 <= member_radius(P, np.array([-1.0, 1.0])) <= error / 5 / 0.9 + 1e-12
        for slack in (0.0, 0.2, 0.3):
            Q = polyhedron([([3.0, 4.0], 1.0 + slack)], ub_error=[error])
            found = member_radius(Q, np.array([-1.0, 1.0]))
            assert (found == 0.0) == (slack > error)
            assert found >= (0.0 if slack > error else (slack + error) / 5 - 1e-15)
        for off in (0.5, -0.5):
            missed = polyhedron(None, [([3.0, 4.0], 1.0 + off)], eq_error=[error])
            assert (0.5 + error) / 5 <= member_radius(missed, np.array([-1.0, 1.0])) * (1 + 1e-12)
        broken = polyhedron([([3.0, 4.0], 0.5)], ub_error=[error])
        assert (0.5 + error) / 5 <= member_radius(broken, np.array([-1.0, 1.0])) * (1 + 1e-12)


def test_more_rows_than_coordinates_or_dependent_ones_are_not_met() -> None:
    over = polyhedron(None, [([1.0, 0.0], 0.0), ([0.0, 1.0], 0.0), ([1.0, 1.0], 0.5)])
    assert member_radius(over, np.zeros(2)) == INF
    dependent = polyhedron(None, [([1.0, 1.0], 0.0), ([1.0, 1.0], 0.5)])
    assert member_radius(dependent, np.zeros(2)) == INF
    assert member_radius(polyhedron(), np.zeros(2)) == 0.0
    assert member_radius(polyhedron([([0.0, 0.0], 1.0)]), np.zeros(2)) == 0.0
    assert member_radius(polyhedron([([0.0, 0.0], -1.0)]), np.zeros(2)) == INF
    assert member_radius(polyhedron(None, [([1e308, 1e308], 0.0)]), np.full(2, 1e308)) == INF


def test_points_do_not_share_what_is_not_the_same_for_them() -> None:
    P = polyhedron([([1.0, 0.0], 0.0)], [([1.0, 1.0], 0.0)], lower=[-1.0, -5.0], upper=[1.0, 5.0])
    points = np.array([[0.5, 0.5], [-0.9, 0.5], [-1.0, 0.5], [-0.5, 0.5], [0.25, 4.9], [7.0, 0.0]])
    together = member_radii(P, points)
    assert together.tolist() == [member_radius(P, point) for point in points]
    with flushing():
        assert (member_radii(P, points) == INF).all()


def test_a_member_strictly_inside_has_room_everywhere() -> None:
    square = polyhedron([([1.0, 1.0], 1.0)], lower=[0.0, 0.0], upper=[1.0, 1.0])
    assert is_strictly_inside(square, np.array([0.25, 0.25]))
    for x in ([0.0, 0.25], [0.25, 0.0], [0.5, 0.5], [1.0, 0.25], [0.6, 0.6], [-0.1, 0.5], [1.1, 0.0], [0.25, 1.1]):
        assert not is_strictly_inside(square, np.array(x))
    flat = polyhedron([([1.0, 1.0], 1.0), ([-1.0, -1.0], -1.0)])
    assert not is_strictly_inside(flat, np.array([0.5, 0.5]))
    on = polyhedron(None, [([1.0, 1.0], 1.0)], lower=[0.0, 0.0])
    assert is_strictly_inside(on, np.array([0.5, 0.5]))
    assert is_strictly_inside(on, np.array([0.5, 0.6]))  # a member is near
    assert not is_strictly_inside(on, np.array([2.0, 2.0]))
    assert not is_strictly_inside(on, np.array([0.0, 1.0]))
    fixed = polyhedron([([1.0, 1.0], 1.0)], lower=[0.25, 0.0], upper=[0.25, 1.0])
    assert is_strictly_inside(fixed, np.array([0.25, 0.5]))
    assert is_strictly_inside(fixed, np.array([0.375, 0.5]))  # what is fixed is not asked
    assert not is_strictly_inside(fixed, np.array([0.25, 0.75]))
    assert not is_strictly_inside(fixed, np.array([0.25, 0.0]))


def test_zero_rows_hold_or_not_strictly_inside() -> None:
    for value, error, holds in ((0.0, 0.0, True), (1.0, 0.5, True), (0.25, 0.5, False), (-1.0, 0.0, False)):
        P = polyhedron([([0.0, 0.0], value), ([1.0, 0.0], 1.0)], ub_error=[error, 0.0])
        assert is_strictly_inside(P, np.zeros(2)) == holds
    for error, holds in ((0.25, True), (0.6, False), (INF, False)):
        P = polyhedron([([1.0, 0.0], 1.0)], ub_error=[error])
        assert is_strictly_inside(P, np.zeros(2)) == holds
    for error in (0.0, 0.25, 0.75):
        P = polyhedron([([1.0, 0.0], 1.0)], [([1.0, 0.0], 0.0)], eq_error=[error])
        assert is_strictly_inside(P, np.zeros(2)) == (error < 0.5)


def test_an_interior_is_asked_about_the_origin() -> None:
    P = polyhedron([([1.0, 1.0], 1.0)], origin=[3.0, 3.0])
    assert is_strictly_inside(P, np.array([3.25, 3.25]))
    assert not is_strictly_inside(P, np.array([3.5, 3.5]))
    assert not is_strictly_inside(P, np.array([4.0, 4.0]))


def test_equalities_that_others_repeat_count_once() -> None:
    rows = [([1.0, 2.0], 3.0), ([-2.0, -4.0], -6.0), ([0.5, 1.0], 1.5), ([1.0, 2.0], 3.5), ([0.0, 0.0], 0.0)]
    assert len(distinct_equalities(polyhedron(None, rows)).A_eq) == 2
    assert equality_count(polyhedron(None, rows)) == 2
    assert len(distinct_equalities(polyhedron(None, rows, eq_error=[0.0, 0.1, 0.1, 0.0, 0.1])).A_eq) == 5
    assert len(distinct_equalities(polyhedron(None, [([0.0, 0.0], 1.0)])).A_eq) == 1
    # On coordinates that are fixed at the origin a row of 0 says nothing; elsewhere it does.
    for origin, kept in ([0.0, 0.0], 0), ([1.0, 0.0], 1):
        P = polyhedron(None, [([1.0, 0.0], 0.0)], lower=[0.0, -1.0], upper=[0.0, 1.0], origin=origin)
        assert len(distinct_equalities(P).A_eq) == kept
        assert equality_count(P) == 1 + kept
    tiny = 2.0**-1074
    odd = [([2.0**1000, tiny], 0.0), ([1.0, 0.0], 0.0)]
    assert len(distinct_equalities(polyhedron(None, odd)).A_eq) == 2


def test_a_dimension_is_at_most_what_the_proved_rank_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [([1.0, 2.0, 0.0], 1.0), ([2.0, 4.0, 0.0], 2.0), ([0.0, 1.0, 1.0], 0.0)]
    assert dimension_upper_bound(polyhedron(None, rows, d=3)) == 1
    fixed = polyhedron(None, rows[:1], lower=[0.0, -INF, -INF], upper=[0.0, INF, INF], d=3)
    assert dimension_upper_bound(fixed) == 1
    assert dimension_upper_bound(polyhedron(d=3)) == 3
    monkeypatch.setattr(interior_proof, "proves_full_rank", lambda _: False)
    assert dimension_upper_bound(polyhedron(None, rows, d=3)) == 3


def test_nothing_is_proved_where_subnormal_numbers_are_flushed() -> None:
    P = polyhedron([([1.0, 0.0], 1.0)], lower=[0.0, 0.0], upper=[1.0, 1.0])
    assert is_strictly_inside(P, np.full(2, 0.5))
    assert member_radius(P, np.full(2, 0.5)) == 0.0
    with flushing():
        assert not is_strictly_inside(P, np.full(2, 0.5))
        assert member_radius(P, np.full(2, 0.5)) == INF
