"""Everything that can be asked of one small set, held against exact arithmetic and against one another."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from exact_sets import ExactSet, exact_features, fractions_of, same_features, set_of
from small_systems import SmallSystem, small_system
from unrelu.errors import InputError
from unrelu.metamerism.metamer import metamer
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.geometry import Geometry
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.volumes.result import VolumeMethod
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import preimage
from unrelu.solvers.status import Status

NORMS = (1, 2, math.inf)
CLOSE = 1e-7


def agree(found: float, exact: Fraction | float) -> bool:
    if math.isinf(found) or isinstance(exact, float):
        return found == exact
    return abs(found - float(exact)) <= CLOSE * max(1.0, abs(found))


def distance(S: ExactSet, t: np.ndarray, norm: float) -> float:
    """How far the nearest corner of a bounded set is, at least; of a point exactly."""
    corners = [np.array([float(v) for v in corner]) for corner in S.corners]
    return min(float(np.linalg.norm(corner - t, ord=norm)) for corner in corners)


def expect_ends(P: Geometry, S: ExactSet, functional: np.ndarray) -> None:
    """No end is finite that is not, none lies beyond what is proved, and what is proved is true."""
    found = P.ranges()
    for j in range(S.n):
        low, high = S.coordinate(j)
        assert found.proved_lower[j] <= low
        assert high <= found.proved_upper[j]
        assert agree(found.lower[j], low)
        assert agree(found.upper[j], high)
        if not S.empty:
            assert found.proved_lower[j] <= found.lower[j]
            assert found.upper[j] <= found.proved_upper[j]
            assert np.isfinite([found.proved_lower[j], found.proved_upper[j]]).all() or not S.bounded
    one = P.range_of(functional)
    low, high = S.range(fractions_of(functional.tolist()))
    assert one.proved_lower <= low
    assert high <= one.proved_upper
    assert agree(one.lower, low)
    assert agree(one.upper, high)


def expect_size(P: Geometry, S: ExactSet) -> None:
    """Volume, centres, vertices and directions agree with the dimension and with whether the set is bounded."""
    assert S.dimension in P.dimension
    assert P.bounded in {None, S.bounded}
    recession = P.recession()
    if not S.empty:
        assert (recession.direction is None) is S.bounded
        assert recession.lineality.shape[1] == P.lineality().shape[1] == len(S.lines)
    assert not (recession.proved and S.bounded)
    volume, ball = P.volume(), P.chebyshev_center()
    assert volume.dimension == ball.dimension == S.dimension
    method = VolumeMethod.EMPTY if S.empty else VolumeMethod.UNBOUNDED if not S.bounded else volume.method
    assert volume.method is method is not VolumeMethod.UNDECIDED
    assert ball.status in ({Status.INFEASIBLE} if S.empty else {Status.OPTIMAL, Status.UNBOUNDED})
    if S.bounded and not S.empty:
        center = P.analytic_center()
        assert center.status is Status.OPTIMAL
        assert center.dimension == S.dimension
        corners = sorted(np.array([[float(v) for v in corner] for corner in S.corners]).round(6).tolist())
        found = P.vertices()
        assert len(found) == len(corners)
        assert np.allclose(sorted((found.points + 0.0).round(6).tolist()), corners, atol=1e-5)
        for point, radius in zip(found.points, found.radius, strict=True):
            assert distance(S, point, 2) <= max(radius, CLOSE)
    else:
        assert not S.empty or not math.isfinite(P.membership(np.zeros(S.n)).radius)
        if not S.empty:
            with pytest.raises(InputError):
                P.vertices()


def expect_points(P: Geometry, S: ExactSet, t: np.ndarray) -> None:
    """Nearest and farthest points are what corners say, and their bounds hold."""
    for norm in NORMS:
        near, far = P.nearest(t, norm), P.farthest(t, norm)
        if S.empty:
            assert near.status is Status.INFEASIBLE
            assert near.point is None is far.point
            continue
        assert near.status is Status.OPTIMAL
        assert near.point is not None
        assert near.bound <= near.distance
        if math.isfinite(near.radius):
            inside = [S.range([Fraction(int(i == j)) for i in range(S.n)]) for j in range(S.n)]
            for (low, high), value in zip(inside, near.point.tolist(), strict=True):
                assert low <= Fraction(value) + Fraction(near.radius)
                assert Fraction(value) - Fraction(near.radius) <= high
        if S.singleton:
            only = [Fraction(v) - Fraction(w) for v, w in zip(S.corners[0], fractions_of(t.tolist()), strict=True)]
            exact = max(map(abs, only)) if norm == math.inf else sum(abs(v) ** norm for v in only)
            assert Fraction(near.bound) ** (norm if norm != math.inf else 1) <= exact
        if not S.bounded:
            assert math.isinf(far.distance)
            continue
        assert near.distance <= distance(S, t, norm) + CLOSE
        greatest = max(float(np.linalg.norm([float(v) for v in c] - t, ord=norm)) for c in S.corners)
        assert far.bound >= greatest * (1 - 1e-14)
        assert far.distance <= greatest + CLOSE
        assert not far.optimal or agree(far.distance, Fraction(greatest))
        assert norm != math.inf or far.optimal


def truth_at(system: SmallSystem) -> ExactSet:
    return same_features(system.layer, exact_features(system.layer, system.point), system.tolerance, system.polyhedron)


def truth_of_features(system: SmallSystem) -> ExactSet:
    return same_features(system.layer, fractions_of(system.features.tolist()), system.tolerance, system.polyhedron)


def everything(P: Geometry, S: ExactSet, seed: int) -> None:
    rng = np.random.default_rng(seed)
    t, functional = rng.integers(-3, 4, S.n) * 0.5, rng.integers(-2, 3, S.n).astype(float)
    expect_ends(P, S, functional)
    expect_size(P, S)
    expect_points(P, S, t)
    for x in (t, *(np.array([float(v) for v in corner]) for corner in S.corners[:2])):
        ends = map(S.coordinate, range(S.n))
        inside = all(low <= v <= high for v, (low, high) in zip(fractions_of(x.tolist()), ends, strict=True))
        assert inside or not P.contains(x)
        assert P.contains(x) is P.membership(x).exact


@pytest.mark.parametrize("seed", range(40))
def test_everything_asked_of_a_points_set(seed: int) -> None:
    system = small_system(seed, 3, of_a_point=True)
    pre = preimage(system.layer, at=system.point, domain=system.domain, tolerance=system.tolerance)
    exact = truth_at(system)
    assert pre.kind.value == exact.kind
    everything(pre, exact, seed)


@pytest.mark.parametrize("seed", range(100, 140))
def test_everything_asked_of_given_features(seed: int) -> None:
    system = small_system(seed, 3)
    pre = preimage(system.layer, features=system.features, domain=system.domain, tolerance=system.tolerance)
    exact = truth_of_features(system)
    assert pre.kind.value == exact.kind
    everything(pre, exact, seed)


@pytest.mark.parametrize("seed", range(200, 215))
def test_everything_asked_of_its_polyhedron_alone(seed: int) -> None:
    system = small_system(seed, 3, of_a_point=True)
    pre = preimage(system.layer, at=system.point, domain=system.domain, tolerance=system.tolerance)
    everything(pre.polyhedron, truth_at(system), seed)


@pytest.mark.parametrize("seed", range(300, 340))
def test_a_point_and_its_features_ask_for_one_set(seed: int) -> None:
    system = small_system(seed, 4, of_a_point=True)
    assert exact_features(system.layer, system.point) == fractions_of(system.features.tolist())
    at = preimage(system.layer, at=system.point, domain=system.domain, tolerance=system.tolerance)
    given = preimage(system.layer, features=system.features, domain=system.domain, tolerance=system.tolerance)
    assert at.rows_moved == 0
    assert at.kind is given.kind
    assert at.bounded is given.bounded
    assert at.dimension == given.dimension
    assert given.contains(system.point)
    first, second = at.ranges(), given.ranges()
    for one, other in ((first.lower, second.lower), (first.upper, second.upper)):
        assert np.array_equal(np.isinf(one), np.isinf(other))
        assert np.allclose(one, other, atol=CLOSE)


@pytest.mark.parametrize("seed", range(400, 430))
def test_a_preimage_as_the_next_domain_gives_the_intersection(seed: int) -> None:
    system = small_system(seed, 3, of_a_point=True)
    rng = np.random.default_rng(seed)
    first = preimage(system.layer, at=system.point, domain=system.domain, tolerance=system.tolerance)
    weight = rng.integers(-2, 3, (2, system.point.size)).astype(float)
    second = ReLULayer(weight, rng.integers(-2, 3, 2).astype(float))
    y = np.maximum(weight @ system.point + second.bias, 0.0)
    # A polyhedron as a domain is that of its stored numbers, slacks rounded once included.
    joined = same_features(second, fractions_of(y.tolist()), np.zeros(2), first.polyhedron)
    whole = set_of(first.polyhedron)
    assert joined.dimension <= whole.dimension
    for found in (
        preimage(second, at=system.point, domain=first.polyhedron),
        preimage(second, features=y, domain=first.polyhedron),
    ):
        assert found.kind.value == joined.kind
        assert joined.dimension in found.dimension
        assert found.certificate.verify()


@pytest.mark.parametrize("seed", range(500, 520))
@pytest.mark.parametrize("norm", NORMS)
def test_three_ways_to_the_nearest_member_agree(seed: int, norm: float) -> None:
    system = small_system(seed, 3, of_a_point=True)
    t = np.random.default_rng(seed).integers(-3, 4, system.point.size) * 0.5
    pre = preimage(system.layer, at=system.point, domain=system.domain, tolerance=system.tolerance)
    ways = [pre.nearest(t, norm), pre.polyhedron.nearest(t, norm)]
    assert agree(ways[0].distance, Fraction(ways[1].distance))
    try:
        found = metamer(
            system.layer, at=system.point, target=t, norm=norm, domain=system.domain, tolerance=system.tolerance
        )
    except InputError as refusal:
        pytest.fail(str(refusal))
    assert found.optimal
    assert agree(found.distance, Fraction(ways[0].distance))
    assert found.unique is pre.singleton


@pytest.mark.parametrize(
    ("rows", "bias", "at", "moving"),
    [
        ([[1.0, 2.0], [-3.0, -6.0]], [0.0, 0.0], [1.0, 0.0], [True, True]),
        ([[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]], [0.0, 0.0, 0.0], [1.0, 0.0], [True, True]),
        ([[1.0, 0.0], [-3.0, 0.0]], [0.0, 0.0], [1.0, 0.0], [False, True]),
        ([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [-1.0, -1.0, -1.0]], [0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [True, True, False]),
    ],
)
def test_no_end_is_finite_on_a_line(rows: list, bias: list, at: list, moving: list) -> None:
    """Inactive rows in the span of the active ones leave a reduced program without rows."""
    pre = preimage(ReLULayer(np.array(rows), np.array(bias)), at=np.array(at))
    assert pre.kind is Kind.UNBOUNDED
    found = pre.ranges()
    assert np.isinf(found.upper).tolist() == np.isinf(found.lower).tolist() == moving
    for j, moves in enumerate(moving):
        assert math.isinf(pre.range_of(np.eye(len(at))[j]).upper) is moves


def test_a_set_that_is_empty_by_a_rounding_is_empty_in_every_answer() -> None:
    layer = ReLULayer(np.array([[1.0], [3.0]]), np.zeros(2))
    pre = preimage(layer, features=np.array([1 / 3, 1.0]))  # x = fl(1/3) and 3 x = 1
    assert pre.kind is Kind.EMPTY
    everything(pre, same_features(layer, fractions_of([1 / 3, 1.0]), np.zeros(2), None), 0)


def test_a_member_that_is_no_float_is_not_called_exact() -> None:
    layer = ReLULayer(np.array([[3.0], [-9.0]]), np.array([-1.0, 3.0]))
    pre = preimage(layer, features=np.zeros(2))  # x = 1/3
    assert pre.kind is Kind.SINGLETON
    near = pre.nearest(np.zeros(1), 1)
    assert near.point is not None
    off = abs(Fraction(near.point[0]) - Fraction(1, 3))
    assert 0 < off <= Fraction(near.radius) < Fraction(1, 10**15)
    assert Fraction(near.bound) <= Fraction(1, 3)
    assert not pre.contains(near.point)
    assert 0 < pre.membership(near.point).radius < 1e-15
    found = pre.ranges()
    assert Fraction(found.proved_lower[0]) < Fraction(1, 3) < Fraction(found.proved_upper[0])
    assert (pre.volume().method, pre.volume().dimension) == (VolumeMethod.POINT, 0)
    assert 0 < pre.sample(2).radius.max() < 1e-15
    assert not pre.polyhedron.has_origin


def test_what_is_refused_says_why() -> None:
    whole = preimage(ReLULayer(np.ones((1, 2)), np.zeros(1)), at=np.array([1.0, 0.0]))
    for refused in (whole.vertices, lambda: whole.sample(3)):
        refusal: Callable[[], object] = refused
        with pytest.raises(InputError, match="bounded"):
            refusal()
    bounded = preimage(whole.layer, at=np.array([1.0, 0.0]), domain=Box(0, 1))
    assert len(bounded.vertices()) == 2
    assert Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(2)).vertices().dimension == 2
