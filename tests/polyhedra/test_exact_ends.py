"""Sets too thin for floats: exact ends, and centres and ranges that agree with what is proved."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from polyhedra.exact_polytopes import dot, vertices
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.agreement import SETTLED
from unrelu.polyhedra.exact_ends import exact_ends
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.questions import preimage
from unrelu.solvers.status import Status


def thin_polytope(seed: int) -> Polyhedron:
    """Rows that differ by a few times a tiny e, opposite ones with room 0 or e, within a box."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 4))
    e = 2.0 ** -int(rng.integers(20, 60))
    k = int(rng.integers(d, d + 2))
    A = rng.integers(-3, 4, (k, d)).astype(float)
    i, j = rng.permutation(k)[:2]
    A[i] = rng.choice([1.0, -1.0, 2.0]) * A[j] + e * rng.integers(-2, 3, d)
    x0 = rng.integers(-4, 5, d) / 8
    room = np.concatenate([rng.choice([0.0, e, 1.0], k), rng.choice([0.0, e], k)])
    return Polyhedron(np.vstack([A, -A]), room, lower=x0 - rng.choice([0.0, 1.0, e]), upper=x0 + 1.0, origin=x0)


def fractions_of(values: np.ndarray) -> list[Fraction]:
    return [Fraction(float(value)) for value in values]


@pytest.mark.parametrize("seed", range(60))
def test_ends_of_thin_sets_are_those_of_their_exact_vertices(seed: int) -> None:
    P = thin_polytope(seed)
    corners = vertices(P)
    ends = exact_ends(P)
    assert ends is not None
    rng = np.random.default_rng(seed)
    for c in [*np.eye(P.n_coordinates), *rng.integers(-3, 4, (2, P.n_coordinates)).astype(float)]:
        for functional in (c, -c):
            least = min(dot(fractions_of(functional), x) for x in corners)
            found = ends.least(functional)
            assert found is not None
            assert found.value == float(least)
            assert Fraction(found.below) <= least <= Fraction(np.nextafter(found.below, np.inf))


@pytest.mark.parametrize("seed", range(60))
def test_no_answer_contradicts_what_is_proved_of_a_thin_set(seed: int) -> None:
    P = thin_polytope(seed)
    corners = vertices(P)
    assert P.bounded is True
    assert P.dimension.lower == P.dimension.upper
    assert (P.dimension.upper == 0) is (len(corners) == 1)
    found = P.ranges()
    for j in range(P.n_coordinates):
        least, most = min(x[j] for x in corners), max(x[j] for x in corners)
        assert Fraction(found.proved_lower[j]) <= least
        assert most <= Fraction(found.proved_upper[j])
        assert found.lower_status[j] in SETTLED
        assert found.upper_status[j] in SETTLED
        assert found.proved_lower[j] <= found.lower[j]
        assert found.upper[j] <= found.proved_upper[j]
        if len(corners) == 1:
            assert found.lower[j] == found.upper[j] == float(least)
        one = P.range_of(np.eye(P.n_coordinates)[j])
        assert {one.lower_status, one.upper_status} <= {Status.OPTIMAL}
    centres = (P.chebyshev_center(), P.analytic_center())
    for centre in centres:
        assert centre.status in {Status.OPTIMAL, Status.INACCURATE, Status.FAILED}
        assert centre.status is not Status.OPTIMAL or centre.dimension == P.dimension.upper
        if len(corners) == 1:
            assert centre.status is Status.OPTIMAL
            assert np.asarray(centre.point).tolist() == [float(value) for value in corners[0]]


def test_equalities_that_floats_take_for_one() -> None:
    # x = y and (1 + 2^-45) x = y: only 0, which floats take for a line.
    P = Polyhedron(A_eq=np.array([[1.0, -1.0], [1.0 + 2.0**-45, -1.0]]), b_eq=np.zeros(2))
    for centre in (P.chebyshev_center(), P.analytic_center()):
        assert (centre.status, centre.dimension, np.asarray(centre.point).tolist()) == (Status.OPTIMAL, 0, [0.0, 0.0])
    assert P.ranges().width.tolist() == [0.0, 0.0]
    # With a right-hand side that only one of them keeps, the point is far away; with two that none does, empty.
    P = Polyhedron(A_eq=np.array([[1.0, -1.0], [1.0 + 2.0**-45, -1.0]]), b_eq=np.array([0.0, 2.0**-45]))
    assert P.ranges().lower.tolist() == P.ranges().upper.tolist() == [1.0, 1.0]
    assert np.asarray(P.chebyshev_center().point).tolist() == [1.0, 1.0]


def test_a_line_stays_a_line() -> None:
    P = Polyhedron(A_eq=np.array([[1.0, -1.0], [1.0, -1.0]]), b_eq=np.zeros(2))
    assert P.chebyshev_center().status is Status.UNBOUNDED
    assert P.analytic_center().status is Status.UNBOUNDED
    assert np.isinf(P.ranges().width).all()


def test_errors_of_right_hand_sides_widen_the_proved_end_by_what_they_can_move_it() -> None:
    widened = 0
    for P in map(thin_polytope, range(30)):
        e = float(P.b_ub[P.b_ub > 0].min(initial=1.0)) * 2.0**-40
        uncertain = replace(P, ub_error=np.where(P.b_ub > 0, e, 0.0))
        ends, sharp = exact_ends(uncertain), exact_ends(P)
        assert sharp is not None
        if ends is None:  # a row with an error is tight on the whole set
            continue
        wider = vertices(replace(P, b_ub=P.b_ub + uncertain.ub_error))
        for c in np.vstack([np.eye(P.n_coordinates), -np.eye(P.n_coordinates)]):
            found, exact = ends.least(c), sharp.least(c)
            assert found is not None
            assert exact is not None
            assert found.value == exact.value
            truth = min(dot(fractions_of(c), x) for x in wider)
            assert Fraction(found.below) <= truth <= Fraction(np.nextafter(found.below, np.inf))
            widened += found.below < exact.below
    assert widened >= 5


def test_the_only_member_of_a_large_set_is_its_range() -> None:
    # 90 coordinates are too many for exact arithmetic; that x0 is the only member is proved otherwise.
    rng = np.random.default_rng(0)
    at = rng.random(90)
    layer = ReLULayer(rng.normal(size=(300, 90)), rng.random(300))
    pre = preimage(layer, at=at)
    assert pre.singleton
    found = pre.ranges()
    assert found.lower.tolist() == found.upper.tolist() == at.tolist()
    P = Polyhedron(A_eq=rng.integers(-9, 10, (90, 90)).astype(float), b_eq=np.zeros(90), origin=at)
    assert P.dimension.upper == 0
    assert P.ranges().lower.tolist() == P.ranges().upper.tolist() == at.tolist()


def test_what_has_no_exact_ends() -> None:
    assert exact_ends(Polyhedron(np.array([[1.0], [-1.0]]), np.array([0.0, -1.0]))) is None  # empty
    assert exact_ends(Polyhedron(lower=np.zeros(1000), upper=1.0)) is None  # large
    half = exact_ends(Polyhedron(lower=[0.0, 0.0], upper=[np.inf, 1.0]))
    assert half is None or half.least(np.array([-1.0, 0.0])) is None  # no end
