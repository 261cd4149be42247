"""Whether a point is in a domain, and which rows go through it, against fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from exact_sets import dot, fractions_of
from unrelu.errors import DomainError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra import domain_at as module
from unrelu.polyhedra.domain_at import DomainAt, domain_at, place, the_domain_at
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage
from unrelu.rigor.rounding import UNIT

SINGLE, HALF = 2.0**-24, 2.0**-11


def slack(P: Polyhedron, row: np.ndarray, right: float, x: np.ndarray) -> Fraction:
    at = [a - b for a, b in zip(fractions_of(x.tolist()), fractions_of(P.origin.tolist()), strict=True)]
    return Fraction(right) - dot(fractions_of(row.tolist()), at)


def tau(P: Polyhedron, row: np.ndarray, right: float, x: np.ndarray, unit: float) -> Fraction:
    nu = (int(np.count_nonzero(row)) + 1) * Fraction(unit)
    size = sum(
        (abs(Fraction(a)) * (abs(Fraction(b)) + abs(Fraction(o)))
         for a, b, o in zip(row.tolist(), x.tolist(), P.origin.tolist(), strict=True)),
        abs(Fraction(right)),
    )  # fmt: skip
    return size * nu / (1 - nu)


def expected(P: Polyhedron, x: np.ndarray, unit: float) -> np.ndarray | None:
    """Which inequality rows go through x; None if it lies outside."""
    if bool((x < P.lower).any() or (x > P.upper).any()):
        return None
    if any(abs(slack(P, a, b, x)) > tau(P, a, b, x, unit) for a, b in zip(P.A_eq, P.b_eq.tolist(), strict=True)):
        return None
    pairs = [(slack(P, a, b, x), tau(P, a, b, x, unit)) for a, b in zip(P.A_ub, P.b_ub.tolist(), strict=True)]
    if any(s < -t for s, t in pairs):
        return None
    return np.array([s <= t for s, t in pairs], dtype=bool)


def near_misses(seed: int, unit: float) -> tuple[Polyhedron, np.ndarray]:
    """Rows that points keep up to about their rounding: some a little more, some a little less."""
    rng = np.random.default_rng(seed)
    d, n = int(rng.integers(1, 7)), 6
    size = 10.0 ** rng.integers(-8, 9)
    points = rng.standard_normal((n, d)) * size
    origin = rng.standard_normal(d) * size * rng.integers(0, 2)
    A, E = rng.standard_normal((3, d)), rng.standard_normal((int(rng.integers(0, 2)), d))
    A[rng.random(A.shape) < 0.3] = 0.0
    x = points[rng.integers(n)]
    h, f = A @ (x - origin), E @ (x - origin)
    amount = (np.abs(A) @ (np.abs(x) + np.abs(origin)) + np.abs(h)) * unit
    h = h + amount * rng.integers(-6, 7, 3)
    if unit == SINGLE:
        points = points.astype(np.float32).astype(np.float64)
    return Polyhedron(A, h, E, f, lower=-3 * size, upper=math.inf, origin=origin), points


@pytest.mark.parametrize("unit", [UNIT, SINGLE])
@pytest.mark.parametrize("seed", range(60))
def test_the_rows_moved_are_those_within_tau(seed: int, unit: float) -> None:
    P, points = near_misses(seed, unit)
    rows = DomainRows.of(P)
    for x, found in zip(points, domain_at(rows, points, unit=unit), strict=True):
        wanted = expected(P, x, unit)
        if wanted is None:
            assert isinstance(found, DomainError)
            continue
        assert isinstance(found, DomainAt)
        assert np.array_equal(found.moved, wanted)
        exact = [slack(P, a, b, x) for a, b in zip(P.A_ub, P.b_ub.tolist(), strict=True)]
        for i, s in enumerate(exact):
            if wanted[i]:
                assert found.slack[i] == found.slack_error[i] == 0
                assert Fraction(found.ub_shift[i]) >= abs(s)
            else:
                assert abs(Fraction(found.slack[i]) - s) <= Fraction(found.slack_error[i])
                assert found.ub_shift[i] == 0
        assert found.n_moved == sum(s != 0 for s, w in zip(exact, wanted, strict=True) if w) + sum(
            slack(P, a, b, x) != 0 for a, b in zip(P.A_eq, P.b_eq.tolist(), strict=True)
        )
        assert found.contains(x)
        for shift, a, b in zip(found.eq_shift.tolist(), P.A_eq, P.b_eq.tolist(), strict=True):
            assert abs(slack(P, a, b, x)) <= Fraction(shift) <= abs(slack(P, a, b, x)) * (1 + Fraction(unit))


def test_near_misses_are_both_inside_and_outside() -> None:
    """Else the test above would show little."""
    moved = [expected(P, x, UNIT) for P, points in (near_misses(s, UNIT) for s in range(60)) for x in points]
    inside = [m for m in moved if m is not None]
    assert 20 < len(inside) < len(moved) - 20
    assert sum(m.any() for m in inside) > 10


@pytest.mark.parametrize("seed", range(20))
def test_neither_the_batch_nor_the_order_of_numbers_decides(seed: int) -> None:
    P, points = near_misses(seed, UNIT)
    rng = np.random.default_rng(seed)
    rows = DomainRows.of(P)
    order = rng.permutation(P.n_coordinates)
    turned = Polyhedron(P.A_ub[:, order], P.b_ub, P.A_eq[:, order], P.b_eq, P.lower, P.upper, P.origin[order])
    among = np.vstack([rng.standard_normal((500, P.n_coordinates)), points])
    for x, one, other in zip(
        points, domain_at(rows, among)[500:], domain_at(DomainRows.of(turned), points[:, order]), strict=True
    ):
        (alone,) = domain_at(rows, x[None])
        assert isinstance(one, DomainError) == isinstance(other, DomainError) == isinstance(alone, DomainError)
        if isinstance(one, DomainAt) and isinstance(other, DomainAt) and isinstance(alone, DomainAt):
            assert np.array_equal(one.moved, other.moved)
            assert np.array_equal(one.moved, alone.moved)
            assert np.array_equal(one.ub_shift, alone.ub_shift)


@pytest.mark.parametrize("factor", [-1.0, -3.0, -0.25, -1.5, -7.0, -(2.0**40), -(2.0**-40)])
@pytest.mark.parametrize("scale", [1.0, 3.0, 2.0**-30])
def test_opposite_rows_through_a_point_are_one_equality(factor: float, scale: float) -> None:
    row = np.array([1.0, 3.0, -2.0]) * scale
    x = np.array([1 / 3, 0.1, 0.7])
    right = float(row @ x)
    P = Polyhedron(np.vstack([row, factor * row, np.eye(3)[0]]), np.array([right, factor * right, 1.0]))
    found = place(P, x)
    assert found.held.tolist() == [True, False, False]
    assert found.idle.tolist() == [False, True, False]
    assert found.kept.tolist() == [False, False, True]
    layer = ReLULayer(np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), np.ones(2))
    pre = preimage(layer, at=x, domain=P)
    assert pre.kind is Kind.SINGLETON
    assert pre.certificate.verify()


def test_rows_of_one_side_and_rows_apart_are_none() -> None:
    row = np.array([[1.0, 2.0]])
    x = np.array([0.5, 0.25])
    same_side = place(Polyhedron(np.vstack([row, 2 * row]), np.array([1.0, 2.0])), x)
    assert same_side.moved.all()
    assert not same_side.held.any()
    apart = place(Polyhedron(np.vstack([row, -row]), np.array([1.0, -0.5])), x)
    assert apart.moved.tolist() == [True, False]
    assert not apart.held.any()
    nearly = np.array([[1.0, 2.0], [-1.0, -np.nextafter(2.0, 3.0)]])
    assert not place(Polyhedron(nearly, np.array([1.0, -1.0])), x).held.any()


@pytest.mark.parametrize(("dtype", "unit"), [(np.float64, UNIT), (np.float32, SINGLE), (np.float16, HALF)])
def test_one_step_beyond_tau_is_outside(dtype: type, unit: float) -> None:
    """1 = x1 + ... + x4 with the last number as far off as rounding explains, and one unit of its dtype farther."""
    P = Polyhedron(A_eq=np.ones((1, 4)), b_eq=np.ones(1))
    start = np.array([0.25, 0.25, 0.25, 0.25], dtype=dtype)
    x = start.copy()
    for _ in range(64):
        nxt = x.copy()
        nxt[3] = np.nextafter(x[3], dtype(1))
        wide = nxt.astype(np.float64)
        if abs(slack(P, P.A_eq[0], 1.0, wide)) > tau(P, P.A_eq[0], 1.0, wide, unit):
            break
        x = nxt
    else:
        raise AssertionError("tau has no end")
    layer = ReLULayer(np.eye(4), np.ones(4))
    assert preimage(layer, at=x, domain=P).rows_moved == int((x != start).any())
    with pytest.raises(DomainError, match="equality row 0"):
        preimage(layer, at=nxt, domain=P)
    with pytest.raises(DomainError, match="equality row 0"):
        preimage(layer, at=x if (x != start).any() else nxt, domain=P, exact=True)
    # In float64 the same numbers say more.
    if dtype is not np.float64:
        with pytest.raises(DomainError, match="equality row 0"):
            preimage(layer, at=x.astype(np.float64), domain=P)


def test_exact_moves_nothing() -> None:
    third = np.array([1 / 3])
    layer = ReLULayer(np.zeros((1, 1)), -np.ones(1))
    for P in (
        Polyhedron(A_eq=np.array([[3.0]]), b_eq=np.ones(1)),
        Polyhedron(np.array([[3.0], [-3.0]]), np.array([1.0, -1.0])),
    ):
        assert preimage(layer, at=third, domain=P).singleton is True
        with pytest.raises(DomainError, match="exact=True"):
            preimage(layer, at=third, domain=P, exact=True)
    above = Polyhedron(np.array([[3.0]]), np.ones(1))  # 3 x 1/3 < 1, as floats are
    pre = preimage(layer, at=third, domain=above, exact=True)
    assert pre.rows_moved == 0
    assert pre.largest_shift == 0
    moved = preimage(layer, at=third, domain=above)
    assert moved.rows_moved == 1
    assert Fraction(moved.largest_shift) >= (1 - 3 * Fraction(1 / 3)) / 3


@pytest.mark.parametrize(
    ("x", "P", "excess"),
    [
        ([1e16 + 12, 1e16], Polyhedron(np.array([[1.0, -1.0]]), np.zeros(1)), "12.0"),
        ([2.0], Polyhedron(np.array([[1e308]]), np.zeros(1)), "more than 1.8e308"),
        ([2.0], Polyhedron(A_eq=np.array([[1e308]]), b_eq=np.zeros(1)), "more than 1.8e308"),
        ([0.5 + 2e-10, 0.5], Polyhedron(np.ones((1, 2)), np.ones(1)), "2.000000165480742e-10"),
        ([5.25], Polyhedron(np.ones((1, 1)), np.zeros(1), origin=np.array([5.0])), "0.25"),
    ],
)
def test_messages_name_the_row_and_the_excess(x: list[float], P: Polyhedron, excess: str) -> None:
    layer = ReLULayer(np.ones((1, len(x))), np.zeros(1))
    point = np.array(x)
    with pytest.raises(DomainError, match=rf"row 0 of the domain by {excess}"):
        preimage(layer, at=point, domain=P)
    with pytest.raises(DomainError, match=rf"^input 1: .*row 0 of the domain by {excess}"):
        classify(layer, np.stack([P.origin, point]), domain=P)
    kept = classify(layer, np.stack([P.origin, point]), domain=P, on_bad="skip")
    assert kept.inputs.tolist() == [0]
    assert excess in kept.skipped[1]
    with pytest.raises(DomainError, match=r"^the start: .*row 0"):
        place(P, point, what="the start")


def test_messages_name_the_coordinate_and_the_excess() -> None:
    layer = ReLULayer(np.eye(3), np.zeros(3))
    above = np.full(3, 0.5)
    above[1] = np.nextafter(np.float32(1), np.float32(2))
    with pytest.raises(
        DomainError,
        match=r"^input 2: coordinate 1 is 1.0000001192092896, .* upper bound 1 by 1.1920928955078125e-07; clip",
    ):
        classify(layer, np.stack([np.full(3, 0.5), np.zeros(3), above]), domain=Box(0, 1))
    below = np.array([0.5, 0.5, -5e-324])
    with pytest.raises(DomainError, match=r"coordinate 2 is -5e-324, .* lower bound 0 by 5e-324; clip"):
        preimage(layer, at=below, domain=Box(0, 1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("two_rows", [False, True])
@pytest.mark.parametrize("d", [2, 3, 7, 16, 30])
def test_points_of_a_simplex_are_unique_where_the_rows_through_them_say_so(d: int, two_rows: bool, dtype: type) -> None:
    """With `d - 1` independent features that are positive, the sum is what fixes the last direction."""
    rng = np.random.default_rng(d)
    ones = np.ones((1, d))
    sides = (np.vstack([ones, -ones]), np.array([1.0, -1.0])) if two_rows else (None, None)
    sums = (None, None) if two_rows else (ones, np.ones(1))
    simplex = Polyhedron(*sides, *sums, lower=0.0)
    layer = ReLULayer(rng.standard_normal((d - 1, d)), np.full(d - 1, 9.0))
    for _ in range(6):
        logits = rng.standard_normal(d).astype(dtype) * 2
        x = np.exp(logits) / np.exp(logits).sum(dtype=dtype)
        pre = preimage(layer, at=x, domain=simplex)
        assert pre.kind is Kind.SINGLETON
        assert pre.dimension.upper == 0
        assert pre.certificate.verify()
        if d == 2:
            continue
        less = preimage(ReLULayer(layer.weight[1:], layer.bias[1:]), at=x, domain=simplex)
        assert less.kind is Kind.BOUNDED
        assert (less.dimension.lower, less.dimension.upper) == (1, 1)
        assert less.certificate.verify()


def test_a_domain_contains_what_it_is_at_a_point() -> None:
    x = np.array([1 / 3, 0.25])
    P = Polyhedron(np.array([[3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]), np.array([1.0, 0.25, 1.0]))
    found = place(P, x)
    assert found.moved.tolist() == [True, True, False]
    assert found.contains(x)
    assert not found.contains(np.array([np.nextafter(x[0], 1.0), 0.0]))  # 3x <= 1 holds there, but not 3x <= 3 x0
    assert not found.contains(np.array([0.0, np.nextafter(0.25, 1.0)]))
    assert found.contains(np.array([-1e300, -1.0]))
    assert not found.contains(np.array([-1e300, np.nextafter(-1.0, -2.0)]))
    assert not found.contains(np.array([np.nan, 0.0]))
    assert not found.contains(np.array([-np.inf, 0.0]))


def test_a_short_dtype_says_nothing_of_a_long_row() -> None:
    d = 2**10
    P = Polyhedron(A_eq=np.ones((1, d)), b_eq=np.ones(1))
    x = np.full(d, 2.0**-10)
    assert the_domain_at(DomainRows.of(P), x, unit=SINGLE).n_moved == 0
    with pytest.raises(DomainError, match="convert it"):
        the_domain_at(DomainRows.of(P), x, unit=HALF)


def test_a_domain_at_a_point_keeps_the_bounds_and_the_rows_of_the_domain() -> None:
    D = Polyhedron(
        A_ub=np.array([[1.0, 1.0], [1.0, -1.0]]), b_ub=np.array([1.0, 5.0]), lower=np.zeros(2), upper=np.full(2, 4.0)
    )
    found = place(D, np.array([0.25, 0.75]))
    assert found.moved.tolist() == [True, False]
    for x, inside in (
        ([0.25, 0.75], True),
        ([0.5, 0.25], True),
        ([0.0, 1.0], True),
        ([0.5, 0.75], False),
        ([-0.25, 0.75], False),
        ([0.25, -0.25], False),
        ([math.nan, 0.0], False),
    ):
        assert found.contains(np.array(x)) == inside
    assert not place(D, np.array([4.0, 0.0]) / 8).contains(np.array([6.0, -5.0]))
    wide = Polyhedron(A_ub=np.array([[1.0, -1.0]]), b_ub=np.array([5.0]), upper=np.full(2, 9.0))
    assert not place(wide, np.zeros(2)).contains(np.array([6.0, 0.0]))
    assert not place(wide, np.zeros(2)).contains(np.array([9.5, 9.0]))


@pytest.mark.parametrize("scale", [1.0, -2.0, 0.25, -8.0])
@pytest.mark.parametrize("first", [[3.0, -1.0], [-1.0, 3.0], [-0.5, -0.25], [-3.0, 0.0]])
def test_the_shift_of_a_held_row_is_that_of_both_rows_in_its_own_unit(scale: float, first: list[float]) -> None:
    row, x = np.array(first), np.array([1 / 3, 1 / 7])
    value = float(row @ x)
    near = value + 2.0**-24 * abs(value)
    opposite = -abs(scale) * row
    D = Polyhedron(A_ub=np.vstack([row, opposite]), b_ub=np.array([value, -near * abs(scale)]))
    found = place(D, x, unit=SINGLE)
    (held,) = np.flatnonzero(found.held)
    (idle,) = np.flatnonzero(found.idle)
    exact = max(
        float(found.ub_shift[held]),
        float(found.ub_shift[idle]) * float(np.linalg.norm(D.A_ub[held]) / np.linalg.norm(D.A_ub[idle])),
    )
    assert exact * (1 - 1e-15) <= found.largest_on_line[held] <= exact * (1 + 1e-14)
    assert found.ub_shift.max() > 0


@pytest.mark.parametrize("d", [1, 5, 40])
def test_slacks_are_known_up_to_the_rounding_of_their_products(monkeypatch: pytest.MonkeyPatch, d: int) -> None:
    rng = np.random.default_rng(d)
    D = Polyhedron(A_ub=rng.standard_normal((3, d)), b_ub=np.full(3, 50.0), origin=rng.standard_normal(d))
    x = rng.standard_normal(d)
    size = np.abs(D.A_ub) @ (np.abs(x) + np.abs(D.origin)) + 50.0
    found = place(D, x)
    assert not found.moved.any()
    assert (found.slack_error >= d * UNIT * size).all()
    assert (found.slack_error <= (4 * d + 20) * UNIT * size).all()
    # with a unit of 2^-20 the same
    coarsen(monkeypatch, module, 2.0**-20)
    found = place(D, x)
    assert (found.slack_error >= (d + 1) * 2.0**-20 * size).all()
    tiny = place(Polyhedron(A_ub=np.full((1, d), 2.0**-1060), b_ub=np.full(1, 2.0**-1030)), np.zeros(d))
    assert 2 * d * 2.0**-1022 <= tiny.slack_error.max() <= 2.0**-1000


def test_the_shift_is_that_of_the_row_that_moved_furthest() -> None:
    x = np.array([1 / 3, 1 / 7])
    A = np.array([[1.0, 0.0], [0.0, 4.0], [1.0, 1.0]])
    values = A @ x + np.array([2.0**-28, -(2.0**-25), 2.0**-30])
    for D in (Polyhedron(A_ub=A, b_ub=values), Polyhedron(A_eq=A, b_eq=values)):
        found = place(D, x, unit=SINGLE)
        assert found.n_moved == 3
        assert found.shift == pytest.approx(2.0**-27, rel=1e-6)
        assert found.shift >= 2.0**-27 * (1 - 1e-12)
