"""The geometry of preimages: known bodies as layers, exact membership, and what is refused."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

import unrelu as ur
from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.volumes.result import VolumeMethod
from unrelu.solvers.status import Status

GOLDEN = (1 + math.sqrt(5)) / 2


def simplex(d: int) -> ur.LayerPreimage:
    """`{ x <= 1, sum x >= -1 }`: all features of d + 1 rows at a simplex's corners stay 0."""
    return ur.preimage(ur.ReLULayer(np.vstack([np.eye(d), -np.ones(d)]), -np.ones(d + 1)), at=np.zeros(d))


def icosahedron_rows() -> np.ndarray:
    """The 12 corners of a regular icosahedron, of norm 1."""
    rows = [np.roll([0.0, s, t * GOLDEN], k) for k in range(3) for s in (1, -1) for t in (1, -1)]
    return np.array(rows) / math.hypot(1, GOLDEN)


@pytest.mark.parametrize("d", [1, 2, 5, 8, 13, 20])
def test_simplex(d: int) -> None:
    pre = simplex(d)
    assert (pre.dimension.lower, pre.dimension.upper) == (d, d)
    # One corner is all ones; d edges of length d + 1 start from it.
    volume = pre.volume(confidence=0.999, progress=False)
    truth = d * math.log(d + 1) - math.lgamma(d + 1)
    assert volume.log_lower - 1e-9 <= truth <= volume.log_upper + 1e-9
    assert volume.dimension == d
    assert volume.dimension_proved
    assert volume.method is (VolumeMethod.EXACT if d <= 8 else VolumeMethod.ANNEALING)
    found = pre.ranges(progress=False)
    np.testing.assert_allclose(found.lower, -d, atol=1e-7)
    np.testing.assert_allclose(found.upper, 1, atol=1e-7)
    assert (found.proved_lower <= -d).all()
    assert (found.proved_upper >= 1).all()
    np.testing.assert_allclose([found.proved_lower, found.proved_upper], [[-d] * d, [1] * d], atol=1e-6)
    ball = pre.chebyshev_center()
    assert ball.radius == pytest.approx((d + 1) / (d + math.sqrt(d)))
    np.testing.assert_allclose(pre.analytic_center().point, 0, atol=1e-7)
    assert pre.range_of(np.ones(d)).proved_upper == pytest.approx(d, abs=1e-6)
    far = pre.farthest(np.ones(d), 1, progress=False)
    assert far.distance == pytest.approx(d + 1)


@pytest.mark.parametrize("d", [2, 9, 20])
def test_cube_by_a_domain(d: int) -> None:
    # One dead feature: everything in the domain has the same features.
    pre = ur.preimage(ur.ReLULayer(np.zeros((1, d)), -np.ones(1)), at=np.full(d, 0.25), domain=ur.Box(0, 2))
    assert (pre.dimension.lower, pre.dimension.upper) == (d, d)
    volume = pre.volume(confidence=0.999, progress=False)
    assert volume.log_lower - 1e-9 <= d * math.log(2) <= volume.log_upper + 1e-9
    assert pre.farthest(pre.at, 2, progress=False).distance == pytest.approx(1.75 * math.sqrt(d))
    assert pre.farthest(pre.at, 2, progress=False).optimal


@pytest.mark.parametrize(("k", "d"), [(1, 3), (4, 10), (2, 20)])
def test_flat_slices_lose_a_dimension_for_each_active_row(k: int, d: int) -> None:
    # x_1, ..., x_k are kept; the rest of the box is free.
    pre = ur.preimage(ur.ReLULayer(np.eye(d)[:k], np.ones(k)), at=np.full(d, 0.5), domain=ur.Box(0, 3))
    assert (pre.dimension.lower, pre.dimension.upper) == (d - k, d - k)
    volume = pre.volume(confidence=0.999, progress=False)
    assert volume.dimension == d - k
    assert volume.log_lower - 1e-9 <= (d - k) * math.log(3) <= volume.log_upper + 1e-9
    np.testing.assert_array_equal(pre.ranges(progress=False).width, [0.0] * k + [3.0] * (d - k))


def test_tetrahedron_and_icosahedron_as_rows() -> None:
    normals = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    assert ur.preimage(ur.ReLULayer(normals, -np.ones(4)), at=np.zeros(3)).volume().estimate == pytest.approx(8 / 3)
    rows = icosahedron_rows()
    assert ur.omnidirectional(rows)
    pre = ur.preimage(ur.ReLULayer(rows, -np.ones(12)), at=np.zeros(3))
    assert pre.kind is ur.Kind.BOUNDED
    # The polar of the icosahedron is the dodecahedron of inradius 1, whose volume is 10 sqrt(130 - 58 sqrt 5).
    assert pre.volume().estimate == pytest.approx(10 * math.sqrt(130 - 58 * math.sqrt(5)))
    assert pre.chebyshev_center().radius == pytest.approx(1)
    for row in rows:
        assert pre.range_of(row).upper == pytest.approx(1)
    # Without one row it is unbounded no more: 11 of these rows are still omnidirectional, the caps of 6 are not.
    assert ur.omnidirectional(rows[1:])
    upper = rows[rows @ rows[0] > 0]
    assert ur.preimage(ur.ReLULayer(upper, -np.ones(6)), at=np.zeros(3)).volume().estimate == math.inf


@pytest.mark.parametrize("d", [2, 6, 12])
def test_a_matrix_and_its_negative_bound_a_parallelepiped(d: int) -> None:
    W = np.random.default_rng(d).standard_normal((d, d))
    pre = ur.preimage(ur.ReLULayer(np.vstack([W, -W]), -np.ones(2 * d)), at=np.zeros(d))
    volume = pre.volume(confidence=0.999, progress=False)
    truth = d * math.log(2) - np.linalg.slogdet(W)[1]
    assert volume.log_lower - 1e-8 <= truth <= volume.log_upper + 1e-8
    # |W x| <= 1 lets x_j reach the 1-norm of row j of the inverse.
    reach = np.abs(np.linalg.inv(W)).sum(axis=1)
    np.testing.assert_allclose(pre.ranges(progress=False).upper, reach, rtol=1e-6)


def test_implicit_equalities_are_found() -> None:
    # x1 + x2 is kept and at its least within the box, so both stay at 0; x3 is free.
    pre = ur.preimage(
        ur.ReLULayer(np.array([[1.0, 1.0, 0.0]]), np.ones(1)), at=np.array([0.0, 0.0, 0.5]), domain=ur.Box(0, 1)
    )
    assert (pre.dimension.lower, pre.dimension.upper) == (1, 1)
    assert pre.volume().estimate == pytest.approx(1.0)
    np.testing.assert_allclose(pre.ranges(progress=False).width, [0, 0, 1], atol=1e-8)
    # A row and its negative, both at zero: an equality in disguise, among many coordinates.
    row = np.zeros((1, 40))
    row[0, :2] = 1.0, -1.0
    pre = ur.preimage(ur.ReLULayer(np.vstack([row, -row]), np.zeros(2)), at=np.full(40, 0.5), domain=ur.Box(0, 1))
    assert pre.dimension.lower == 39
    assert pre.analytic_center().dimension == 39


def test_tight_rows_that_can_be_left_cost_no_dimension() -> None:
    # A picture at a corner of the box has d tight bounds, and still all directions inwards.
    d = 30
    pre = ur.preimage(ur.ReLULayer(np.ones((1, d)), -np.full(1, d)), at=np.zeros(d), domain=ur.Box(0, 1))
    assert (pre.dimension.lower, pre.dimension.upper) == (d, d)


def test_ranges_of_a_random_layer_are_those_of_scipy() -> None:
    rng = np.random.default_rng(5)
    A, b, x = rng.standard_normal((30, 12)), rng.standard_normal(30), rng.uniform(0, 1, 12)
    pre = ur.preimage(ur.ReLULayer(A, b), at=x, domain=ur.Box(0, 1))
    active = A @ x + b > 0
    chosen = np.array([3, 7])
    found = pre.ranges(chosen, progress=False, workers=1)
    for k, j in enumerate(chosen):
        ends = [
            linprog(sign * np.eye(12)[j], A[~active], -b[~active], A[active], A[active] @ x, (0, 1)).fun
            for sign in (1, -1)
        ]
        assert (found.lower[k], found.upper[k]) == (pytest.approx(ends[0], abs=1e-7), pytest.approx(-ends[1], abs=1e-7))
        assert found.proved_lower[k] <= found.lower[k] + 1e-9
        assert found.proved_upper[k] >= found.upper[k] - 1e-9


@pytest.mark.parametrize("tolerance", [0.0, 0.5])
@pytest.mark.parametrize("seed", range(8))
def test_membership_is_that_of_exact_arithmetic(seed: int, tolerance: float) -> None:
    rng = np.random.default_rng([seed, int(2 * tolerance)])
    A, b = rng.integers(-3, 4, (6, 3)) / 4, rng.integers(-2, 3, 6) / 4
    at = rng.integers(0, 4, 3) / 4
    pre = ur.preimage(ur.ReLULayer(A, b), at=at, domain=ur.Box(-1, 1), tolerance=tolerance)

    def features(x: np.ndarray) -> list[Fraction]:
        return [
            max(
                Fraction(0), sum((Fraction(u) * Fraction(v) for u, v in zip(row, x.tolist(), strict=True)), Fraction(c))
            )
            for row, c in zip(A.tolist(), b.tolist(), strict=True)
        ]

    members = 0
    for _ in range(200):
        x = rng.integers(-5, 6, 3) / 4 if rng.random() < 0.8 else at + rng.integers(-1, 2, 3) * 1e-17
        exact = bool((np.abs(x) <= 1).all()) and all(
            abs(u - v) <= Fraction(tolerance) for u, v in zip(features(x), features(at), strict=True)
        )
        assert pre.contains(x) == exact
        members += exact
        found = pre.membership(x)
        assert found.exact == exact
        assert (found.radius == 0.0) >= exact
        assert found.feature_error == pytest.approx(
            max(abs(float(u - v)) for u, v in zip(features(x), features(at), strict=True)), abs=1e-12
        )
    assert pre.contains(at)


def test_nearly_members_have_a_radius() -> None:
    rng = np.random.default_rng(0)
    pre = ur.preimage(
        ur.ReLULayer(rng.standard_normal((4, 9)), np.ones(4)), at=rng.uniform(0, 1, 9), domain=ur.Box(0, 1)
    )
    near = pre.nearest(np.zeros(9), norm=2)
    assert near.point is not None
    found = pre.membership(near.point)
    assert found.radius < 1e-9
    assert found.feature_error < 1e-9
    assert pre.membership(np.full(9, 2.0)).radius == math.inf
    assert not pre.contains(np.full(9, 2.0))


def test_what_holds_for_decimals_only_is_near_membership() -> None:
    pre = ur.preimage(ur.ReLULayer(np.array([[0.1, 0.3]]), np.ones(1)), at=np.array([0.7, 0.6]))
    x = np.array([0.4, 0.7])  # 0.1 * 0.7 + 0.3 * 0.6 = 0.1 * 0.4 + 0.3 * 0.7
    assert not pre.contains(x)
    assert 0 < pre.membership(x).radius < 1e-14


def test_a_single_point_is_near_and_far_at_once() -> None:
    at = np.array([0.1, 0.2])
    pre = ur.preimage(ur.ReLULayer(np.array([[1.0, 0.3], [0.1, 0.7]]), np.ones(2)), at=at)
    assert pre.kind is ur.Kind.SINGLETON
    assert (pre.dimension.lower, pre.dimension.upper) == (0, 0)
    volume = pre.volume()
    assert (volume.estimate, volume.dimension, volume.dimension_proved) == (1.0, 0, True)
    for norm in (1, 2, math.inf):
        near, far = pre.nearest(np.zeros(2), norm), pre.farthest(np.zeros(2), norm, progress=False)
        assert near.point is not None
        assert far.point is not None
        np.testing.assert_array_equal(near.point, at)
        np.testing.assert_array_equal(far.point, at)
        assert far.optimal
    found = pre.ranges(progress=False)
    np.testing.assert_array_equal([found.lower, found.upper, found.proved_lower, found.proved_upper], [at] * 4)
    assert pre.range_of(np.ones(2)).upper == pytest.approx(0.3)
    assert pre.chebyshev_center().radius == 0.0
    np.testing.assert_array_equal(pre.analytic_center().point, at)
    assert pre.recession().direction is None
    assert pre.lineality().shape == (2, 0)


def test_an_unbounded_preimage_says_so_everywhere() -> None:
    pre = ur.preimage(ur.ReLULayer(np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]), np.array([1.0, -3.0])), at=np.ones(3))
    assert pre.kind is ur.Kind.UNBOUNDED
    assert pre.volume().method is VolumeMethod.UNBOUNDED
    assert (pre.volume().estimate, pre.volume().dimension) == (math.inf, 2)
    assert pre.farthest(np.zeros(3), 2).distance == math.inf
    assert pre.chebyshev_center().status is Status.UNBOUNDED
    assert pre.analytic_center().status is Status.UNBOUNDED
    found = pre.recession()
    assert found.proved
    assert found.direction is not None
    # Relatively interior: x1 + x2 is kept, x2 falls; x3 goes both ways.
    z = found.direction
    assert z[0] + z[1] == pytest.approx(0, abs=1e-12)
    assert z[1] < -1e-3
    np.testing.assert_allclose(np.abs(found.lineality), [[0], [0], [1]], atol=1e-12)
    np.testing.assert_allclose(np.abs(pre.lineality()), [[0], [0], [1]], atol=1e-12)
    widths = pre.ranges(progress=False)
    assert widths.upper[2] == math.inf
    assert widths.lower[2] == -math.inf
    assert (widths.upper[1], widths.lower[1]) == (pytest.approx(3), -math.inf)


def test_misuse_is_one_sentence() -> None:
    pre = simplex(3)
    for call in (pre.contains, pre.membership, pre.nearest, pre.farthest, pre.range_of):
        with pytest.raises(ShapeError, match="has 2 numbers, but the layer takes 3"):
            call(np.zeros(2))
        with pytest.raises(InputError, match="holds NaN or infinite values"):
            call(np.array([0.0, np.nan, 0.0]))
    with pytest.raises(InputError, match=r"norms 1, 2 and math\.inf"):
        pre.nearest(np.zeros(3), norm=3)
    with pytest.raises(InputError, match="coordinates run from 0 to 2"):
        pre.ranges([3])
    with pytest.raises(ShapeError, match="coordinates are a list of indices"):
        pre.ranges([0.5])
    with pytest.raises(InputError, match="workers must be at least 1"):
        pre.ranges(workers=0)
    with pytest.raises(InputError, match="the method of a volume"):
        pre.volume(method="guess")
