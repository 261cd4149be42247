"""Members and radii with each step of rounding made large: a step that is missing shows.

`_up` and `enlarged` may round up by any part; with 2^-8 a bound has to grow where they stand. What cannot be made large
is compared with fractions, all that a formula is made of put in exactly.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from polyhedra.written_out import INF, polyhedron
from unrelu.polyhedra import interior_proof, membership
from unrelu.polyhedra import radius_bound as of_radius
from unrelu.polyhedra.interior_proof import dimension_upper_bound, is_strictly_inside
from unrelu.polyhedra.membership import _radius, _residual, _Residuals, _up, member_radii, member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.recession import RowMultipliers
from unrelu.rigor.rounding import UNDERFLOW

UP = 2.0**-8


def exact_singular_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def least(matrix: np.ndarray) -> float:
        return float(np.linalg.svd(matrix, compute_uv=False)[-1])

    monkeypatch.setattr(membership, "smallest_singular_value_bound", least)
    monkeypatch.setattr(of_radius, "smallest_singular_value_bound", least)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.1, -1 / 3, 1e300, 7.7, 1e-300])
def test_a_step_up_is_more_than_one_operation_loses(value: float) -> None:
    x = Fraction(value)
    step = Fraction(float(_up(np.array(value)))) - x
    assert abs(x) * Fraction(1, 2**52) <= step <= abs(x) * Fraction(1, 2**50)


@pytest.mark.parametrize("n", [1, 4, 12])
def test_a_residual_is_off_by_its_terms_and_what_is_lost(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    rng = np.random.default_rng(n)
    rows, right, z = rng.standard_normal((3, n)), rng.standard_normal(3), rng.standard_normal((5, n))
    unit = 2.0**-10
    coarsen(monkeypatch, membership, unit)
    found, error = _residual(rows, np.abs(rows), right, z)
    np.testing.assert_array_equal(found, z @ rows.T - right)
    size = np.abs(z) @ np.abs(rows).T + np.abs(right)
    assert (error >= (n + 1) * unit * size).all()
    assert (error <= 2 * (n + 4) * unit * size * (1 + 1e-12)).all()
    coarsen(monkeypatch, membership, 0.0)
    monkeypatch.setattr(membership, "lost", lambda _: unit)
    error = _residual(rows, np.abs(rows), right, z)[1]
    np.testing.assert_allclose(error, unit * (1 + np.abs(z).max(axis=1)[:, None] + np.abs(rows).max(axis=1)))


def test_each_residual_is_rounded_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "_up", lambda values: values + np.abs(values) * UP)
    rounding = 2.0**-4
    monkeypatch.setattr(
        membership, "_residual", lambda rows, _, right, z: (z @ rows.T - right, np.full((len(z), len(rows)), rounding))
    )
    P = polyhedron([([1.0, 0.0], 3.0)], [([0.0, 1.0], 0.5)], ub_error=[0.25], eq_error=[0.125])
    sizes = np.abs(P.A_eq), np.abs(P.A_ub)
    for x, y in ((1.0, 0.75), (4.0, 0.25), (3.0, 0.5)):
        found = _Residuals.at(P, sizes, np.array([[x, y]]))
        assert found.eq[0, 0] == pytest.approx((abs(y - 0.5) + rounding + 0.125) * (1 + UP), rel=1e-14)
        assert found.ub[0, 0] == pytest.approx((abs(x - 3) + rounding + 0.25) * (1 + UP), rel=1e-14)
        above = x - 3 + (rounding + 0.25) * (1 + UP)
        assert found.slack_below[0, 0] == pytest.approx(-(above + abs(above) * UP), rel=1e-14, abs=1e-15)
    for eq, ub in ((INF, 0.0), (0.0, INF), (math.nan, 0.0)):
        assert not _Residuals(np.array([eq]), np.array([ub]), np.zeros(1)).finite
    assert _Residuals(np.zeros(1), np.zeros(1), np.zeros(1)).finite


def given(
    monkeypatch: pytest.MonkeyPatch, P: Polyhedron, x: list[float], radius: float, rows: list[tuple[float, float]]
) -> float:
    """The radius where a correction of this length is proved first, and of 99 then; rows are norms and slacks."""
    asked: list[tuple[np.ndarray, np.ndarray]] = []

    def correction(_: object, __: object, free: np.ndarray, tight: np.ndarray, ___: object) -> float:
        asked.append((free.copy(), tight.copy()))
        return radius if len(asked) == 1 else 99.0 if len(asked) == 2 else INF

    monkeypatch.setattr(membership, "_correction_radius", correction)
    norms, slacks = np.array(rows).reshape(-1, 2).T
    return _radius(P, np.array(x), _Residuals(np.zeros(0), np.zeros(len(rows)), slacks), norms, {})


@pytest.mark.parametrize("radius", [0.1, 1 / 3, 0.7, 5e-324, UNDERFLOW / 2])
@pytest.mark.parametrize("norm", [1.0, 3.0, 0.1, 1 / 3])
def test_a_row_has_as_much_slack_as_the_correction_times_its_norm(
    monkeypatch: pytest.MonkeyPatch, radius: float, norm: float
) -> None:
    P = polyhedron([([1.0, 0.0], 3.0)])
    exact = Fraction(norm) * Fraction(radius)
    for step in range(-6, 7):
        slack = max(float(exact) + step * math.ulp(float(exact)), 0.0)
        if Fraction(slack) < exact:
            assert given(monkeypatch, P, [0.0, 0.0], radius, [(norm, slack)]) == 99.0  # it is held
    enough = float(exact) * (1 + 2.0**-45) + 2 * UNDERFLOW
    assert given(monkeypatch, P, [0.0, 0.0], radius, [(norm, enough)]) == radius
    assert given(monkeypatch, P, [0.0, 0.0], 0.0, [(norm, 0.0)]) == 0.0
    assert given(monkeypatch, P, [0.0, 0.0], 0.0, [(INF, 0.0)]) == 0.0
    assert given(monkeypatch, P, [0.0, 0.0], radius, [(0.0, 0.0)]) == radius
    assert given(monkeypatch, P, [0.0, 0.0], radius, [(norm, -1.0)]) == radius  # held from the first


@pytest.mark.parametrize("room", [0.1, 1 / 3, 0.7, 1.3])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_coordinate_has_as_much_room_as_the_correction(
    monkeypatch: pytest.MonkeyPatch, room: float, side: float
) -> None:
    for x in (0.0, 0.7, 1 / 3, 8.9):
        bound = x + side * room
        near = polyhedron(
            lower=[min(bound, x) if side < 0 else -99.0, -9.0], upper=[99.0 if side < 0 else max(bound, x), 9.0]
        )
        exact = abs(Fraction(bound) - Fraction(x))
        for step in range(-6, 7):
            radius = float(exact) + step * math.ulp(float(exact))
            found = given(monkeypatch, near, [x, 0.0], radius, [])
            if Fraction(radius) > exact:
                assert found > 9
        assert given(monkeypatch, near, [x, 0.0], float(exact) * (1 - 2.0**-45), []) == float(exact) * (1 - 2.0**-45)


def test_a_correction_is_no_less_than_its_residual_over_the_singular_value(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron(None, [([1.0, 0.0], 0.0)])
    for s in (3.0, 0.7, 0.1):
        for r in (0.1, 1 / 3, 1.0, 5e-324):
            monkeypatch.setattr(membership, "smallest_singular_value_bound", lambda _, s=s: s)
            monkeypatch.setattr(membership, "norm_above", lambda _, r=r: r)
            found = Fraction(member_radius(P, np.array([1.0, 0.0])))
            exact = Fraction(r) / Fraction(s)
            assert exact <= found <= exact * (1 + Fraction(1, 2**45)) + 9 * Fraction(UNDERFLOW)


def test_points_in_blocks_are_those_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron([([-1.0, -2.0], 0.5), ([3.0, -1.0], 1.0)], [([1.0, -1.0], 0.0), ([0.0, 0.0], 0.0)])
    points = np.random.default_rng(0).standard_normal((9, 2))
    points[:, 1] = points[:, 0] + 2.0**-9
    alone = [member_radius(P, point) for point in points]
    for block in (1, 12, 30, 2**20):
        monkeypatch.setattr(membership, "_BLOCK", block)
        assert member_radii(P, points).tolist() == alone


def test_rows_of_negative_numbers_have_sizes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    coarsen(monkeypatch, membership, 2.0**-10)
    for sign in (1.0, -1.0):
        P = polyhedron(None, [([3.0 * sign, 4.0 * sign], -1.0 * sign)])
        assert member_radius(P, np.array([1.0, -1.0])) >= 8 * 2 * 2.0**-10 / 5
        Q = polyhedron([([3.0 * sign, 4.0 * sign], -1.0 * sign)])
        assert member_radius(Q, np.array([1.0, -1.0])) >= 8 * 2 * 2.0**-10 / 5


def test_sizes_of_negative_numbers_do_not_cancel_against_a_right_hand_side(monkeypatch: pytest.MonkeyPatch) -> None:
    coarsen(monkeypatch, membership, 2.0**-10)
    for sign in (1.0, -1.0):
        for P in (
            polyhedron(None, [([sign, sign], 2.0)]),
            polyhedron([([sign, sign], 2.0)]),
        ):
            assert member_radius(P, np.array([sign, sign])) >= 4 * 2 * 2.0**-10 / math.sqrt(2)


def multipliers(P: Polyhedron, eq: list[float], ub: list[float]) -> RowMultipliers:
    none = np.zeros(P.n_coordinates)
    return RowMultipliers(eq=np.array(eq), ub=np.array(ub), lower=none, upper=none)


SHAPE = [([-1.0, 0.0], 1.0), ([0.0, -1.0], 2.0), ([1.0, 1.0], 3.0)]


@pytest.mark.parametrize("errors", [[0.5, 0.0, 0.0], [0.0, 0.25, 0.5]])
@pytest.mark.parametrize("held", [False, True])
def test_the_errors_of_right_hand_sides_go_through_a_radius(
    monkeypatch: pytest.MonkeyPatch, errors: list[float], held: bool
) -> None:
    """As the formula has it: sizes grow by twice the errors, products by the errors times the multipliers."""
    exact_singular_value(monkeypatch)
    if held:
        P = polyhedron(SHAPE[1:], SHAPE[:1], eq_error=errors[:1], ub_error=errors[1:])
        for mu in (1.0, 1.25):
            found = radius_bound(P, multipliers(P, [mu], [1.0, 1.0]))
            right = np.array([1.0, 2.0 + errors[1], 3.0 + errors[2]])
            s = float(np.linalg.svd(np.vstack([P.A_eq, P.A_ub]))[1][-1])
            total = right @ [mu, 1.0, 1.0] + mu * errors[0]
            size = np.linalg.norm(right) + 2 * (np.linalg.norm(errors[1:]) + errors[0])
            assert found == pytest.approx((size + total) / (s - abs(mu - 1)), rel=1e-12)
        flipped = polyhedron(SHAPE[1:], [([1.0, 0.0], -1.0)], eq_error=errors[:1], ub_error=errors[1:])
        assert radius_bound(flipped, multipliers(flipped, [-1.0], [1.0, 1.0])) == pytest.approx(
            radius_bound(P, multipliers(P, [1.0], [1.0, 1.0])), rel=1e-14
        )
        return
    P = polyhedron(SHAPE, ub_error=errors)
    for factor in (1.0, 3.0):
        right = np.array([1.0, 2.0, 3.0]) + errors
        found = radius_bound(P, multipliers(P, [], [factor, factor, factor]))
        assert found == pytest.approx(np.linalg.norm(right) + 2 * np.linalg.norm(errors) + right.sum(), rel=1e-12)
        off = 0.25
        found = radius_bound(P, multipliers(P, [], [factor, factor * (1 + off), factor]))
        total = right @ [1.0, 1 + off, 1.0]
        assert found == pytest.approx(
            (np.linalg.norm(right) + 2 * np.linalg.norm(errors) + total) / (1 - off), rel=1e-12
        )


@pytest.mark.parametrize("mu", [1.0, -1.0])
def test_the_residual_of_multipliers_counts_all_their_sizes(monkeypatch: pytest.MonkeyPatch, mu: float) -> None:
    """12 rows, half of them equalities with multipliers of both signs, and a unit roundoff of 2^-10."""
    exact_singular_value(monkeypatch)
    unit, d = 2.0**-14, 3
    rng = np.random.default_rng(1)
    A = rng.standard_normal((12, d))
    v = np.concatenate([mu * (2 + rng.random(6)), 1.0 + rng.random(6)])
    A[11] = -(v[:11] @ A[:11]) / v[11]
    right = np.abs(rng.standard_normal(12))
    right[:6] *= 0.25
    v[11] *= 1 + 2.0**-6
    P = Polyhedron(A_eq=A[:6], b_eq=right[:6], A_ub=A[6:], b_ub=right[6:], origin=np.zeros(d))
    s, least = float(np.linalg.svd(A)[1][-1]), float(v[6:].min())

    def exact(of_residual: float, of_products: float, loss: float) -> float:
        rho = np.linalg.norm(np.abs(v @ A) + of_residual * (np.abs(A).T @ np.abs(v)) + loss)
        total = max(0.0, float(v @ right) + of_products * float(np.abs(v) @ right))
        return float((np.linalg.norm(right) + total / least) / (s - rho / least))

    for n in (12, 16):  # the number of terms, and what is taken for it
        taken = iter([n * unit, 0.0])
        monkeypatch.setattr(of_radius, "gamma", lambda length, taken=taken: next(taken) * (length / 16))
        found = radius_bound(P, multipliers(P, v[:6].tolist(), v[6:].tolist()))
        assert found >= exact(n * unit, 0.0, 0.0) * (1 - 1e-12) or n == 16
        assert found <= exact(2 * n * unit, 0.0, 0.0) * (1 + 1e-12)
        taken = iter([0.0, n * unit])
        monkeypatch.setattr(of_radius, "gamma", lambda length, taken=taken: next(taken) * (length / 16))
        found = radius_bound(P, multipliers(P, v[:6].tolist(), v[6:].tolist()))
        assert exact(0.0, n * unit, 0.0) * (1 - 1e-12) <= found <= exact(0.0, 2 * n * unit, 0.0) * (1 + 1e-12)
    monkeypatch.setattr(of_radius, "gamma", lambda _: 0.0)
    asked = []
    monkeypatch.setattr(of_radius, "lost", lambda *sizes: asked.append(sizes) or unit)
    found = radius_bound(P, multipliers(P, v[:6].tolist(), v[6:].tolist()))
    assert found == pytest.approx(exact(0.0, 0.0, unit), rel=1e-12)
    assert asked == [(12, float(np.abs(A).max()), float(np.abs(v).max()))]
    large = v.copy()
    large[0] = 9.0 * mu
    radius_bound(P, multipliers(P, large[:6].tolist(), large[6:].tolist()))
    assert asked[-1][2] == 9.0


@pytest.mark.parametrize("origin", [0.0, 0.1, -7.3, 1 / 3])
def test_bounds_about_an_origin_are_no_nearer_than_they_are(monkeypatch: pytest.MonkeyPatch, origin: float) -> None:
    """Sizes are put in one by one, so that only the bounds are left: at most one float beyond the exact distance."""
    asked: list[np.ndarray] = []
    monkeypatch.setattr(of_radius, "norm_above", lambda values: asked.append(np.array(values)) or 0.0)
    for number in (0.3, 1.0, 2.7):
        for lower, upper, ends in (
            ([-number, -INF], [INF, INF], ([1.0, 0.0], [0.0, 0.0])),
            ([-INF, -INF], [number, INF], ([0.0, 0.0], [1.0, 0.0])),
        ):
            P = polyhedron(SHAPE, lower=lower, upper=upper, origin=[origin, 0.0])
            ub = [0.0, 1.0, 1.0] if lower[0] > -INF else [1.0, 0.0, 0.0]
            given_of = RowMultipliers(
                eq=np.zeros(0), ub=np.array([1.0, 1.0, 1.0]), lower=np.array(ends[0]), upper=np.array(ends[1])
            )
            asked.clear()
            radius_bound(P, given_of)
            exact = Fraction(number) - Fraction(origin) if upper[0] < INF else Fraction(origin) + Fraction(number)
            found = Fraction(float(asked[1][-1]))
            assert exact <= found <= exact + abs(exact) * Fraction(1, 2**50) + Fraction(UNDERFLOW)
            assert len(ub) == 3
        both = polyhedron(SHAPE, lower=[-number, -INF], upper=[number, INF], origin=[origin, 0.0])
        asked.clear()
        radius_bound(both, multipliers(both, [], [1.0, 1.0, 1.0]))
        exact = max(abs(Fraction(number) - Fraction(origin)), abs(Fraction(number) + Fraction(origin)))
        assert exact <= Fraction(float(asked[1][-1])) <= exact * (1 + Fraction(1, 2**50))


def test_the_greatest_right_hand_sides_are_no_less_than_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[np.ndarray] = []
    monkeypatch.setattr(of_radius, "norm_above", lambda values: asked.append(np.array(values)) or 0.0)
    for b in (1.0, 0.1, 3.3):
        for error in (0.1, 0.3, 2.0**-60, 1e-17):
            P = polyhedron([([-1.0, 0.0], b), *SHAPE[1:]], ub_error=[error, 0.0, 0.0])
            asked.clear()
            radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0]))
            exact = Fraction(b) + Fraction(error)
            assert exact <= Fraction(float(asked[1][0])) <= exact * (1 + Fraction(1, 2**50))


@pytest.mark.parametrize("s", [1.0, 0.7, 0.1, 3.0])
@pytest.mark.parametrize("rho", [0.0, 0.01, 0.03, 1 / 13, 0.05])
@pytest.mark.parametrize("size", [0.0, 0.1, 1 / 3, 7.7])
def test_a_radius_is_no_less_than_its_formula(
    monkeypatch: pytest.MonkeyPatch, s: float, rho: float, size: float
) -> None:
    monkeypatch.setattr(of_radius, "smallest_singular_value_bound", lambda _: s)
    monkeypatch.setattr(of_radius, "gamma", lambda _: 0.0)
    for lam in (1.0, 0.3, 0.7):
        norms = iter([rho, size, 0.0, 0.0])
        monkeypatch.setattr(of_radius, "norm_above", lambda _, norms=norms: next(norms))
        P = polyhedron([([-1.0, 0.0], 0.1), ([0.0, -1.0], 0.2), ([1.0, 1.0], 0.3)])
        found = radius_bound(P, multipliers(P, [], [lam, lam, lam]))
        left = Fraction(s) - Fraction(rho) / Fraction(lam)
        if left <= 0:
            assert found == INF
            continue
        total = sum((Fraction(b) * Fraction(lam) for b in (0.1, 0.2, 0.3)), Fraction(0)) / Fraction(lam)
        exact = (Fraction(size) + total) / left
        assert math.isinf(found) or Fraction(found) >= exact
        if left > Fraction(1, 1000):
            assert Fraction(found) <= exact * (1 + Fraction(1, 2**35))


def test_multipliers_that_leave_next_to_nothing_of_a_singular_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """`s - rho / lam` is a few units in the last place, and less by a good part than it is as computed."""
    monkeypatch.setattr(of_radius, "gamma", lambda _: 0.0)
    P = polyhedron([([-1.0, 0.0], 0.1), ([0.0, -1.0], 0.2), ([1.0, 1.0], 0.3)])
    for lam in (3.0, 0.7, 1.9, 0.1, 49.0, 1.3):
        for k in range(1, 30):
            s = 1.0
            rho = lam - k * math.ulp(lam) / 4
            monkeypatch.setattr(of_radius, "smallest_singular_value_bound", lambda _, s=s: s)
            norms = iter([rho, 1.0, 0.0, 0.0])
            monkeypatch.setattr(of_radius, "norm_above", lambda _, norms=norms: next(norms))
            found = radius_bound(P, multipliers(P, [], [lam, lam, lam]))
            left = Fraction(s) - Fraction(rho) / Fraction(lam)
            assert math.isinf(found) or left > 0
            if not math.isinf(found):
                assert Fraction(found) >= Fraction(8, 5) / left


def test_a_radius_needs_rank_and_numbers() -> None:
    P = polyhedron([([1.0, 0.0], 1.0), ([-1.0, 0.0], 1.0)])
    assert radius_bound(P, multipliers(P, [], [1.0, 1.0])) == INF
    line = polyhedron(None, [([1.0, 0.0], 1.0)])
    assert radius_bound(line, multipliers(line, [0.0], [])) == INF
    one = polyhedron([([1.0, 0.0], 1.0)])
    assert radius_bound(one, multipliers(one, [], [1.0])) == INF
    Q = polyhedron(SHAPE)
    for wrong in (INF, math.nan):
        assert radius_bound(Q, multipliers(Q, [], [1.0, 1.0, wrong])) == INF
    E = polyhedron(SHAPE[1:], SHAPE[:1])
    for wrong in (INF, -INF, math.nan):
        assert radius_bound(E, multipliers(E, [wrong], [1.0, 1.0])) == INF
    ends = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    for lower, upper in ((ends[0], ends[1]), (ends[1], ends[0])):
        of = RowMultipliers(eq=np.zeros(0), ub=np.ones(3), lower=lower, upper=upper)
        assert radius_bound(Q, of) == INF  # there are no such bounds
    # Bounds on both sides join without multipliers, whatever these are.
    box = polyhedron(SHAPE, lower=[-4.0, -INF], upper=[4.0, INF])
    plain = radius_bound(box, multipliers(box, [], [1.0, 1.0, 1.0]))
    some = RowMultipliers(eq=np.zeros(0), ub=np.ones(3), lower=np.array([5.0, 0.0]), upper=np.array([3.0, 0.0]))
    assert radius_bound(box, some) == plain < INF


def test_products_of_both_signs_that_overflow_are_no_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron([([-1.0, 0.0], 1e300), ([0.0, -1.0], -1e300), ([1.0, 1.0], 1e300)])
    assert radius_bound(P, multipliers(P, [], [1e9, 1e9, 1e9])) == INF
    assert radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0])) < INF
    # A singular value of which nothing is left, not even a subnormal number.
    monkeypatch.setattr(of_radius, "smallest_singular_value_bound", lambda _: UNDERFLOW * (1 + 2.0**-50))
    monkeypatch.setattr(of_radius, "norm_above", lambda _: 0.0)
    assert radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0])) == INF


def test_room_inside_is_half_of_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Polyhedron] = []
    monkeypatch.setattr(interior_proof, "member_radius", lambda P, _: asked.append(P) or 0.0)
    P = polyhedron([([1.0, 1.0], 7.0)], lower=[-1.0, -2.0], upper=[5.0, 8.0], origin=[0.5, 0.25])
    assert is_strictly_inside(P, np.array([1.0, 2.0]))
    assert (asked[0].lower.tolist(), asked[0].upper.tolist()) == ([0.0, 0.0], [3.0, 5.0])
    assert asked[0].b_ub.tolist() == [7.0 - (7.0 - 0.5 - 1.75) / 2]
    assert asked[0].A_ub.tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("side", ["lower", "upper"])
def test_no_room_at_one_bound_is_none_inside(side: str) -> None:
    step = 2.0**-52
    for x, holds in ((1.0 + 4 * step, True), (1.0 + step, False), (1.0, False)):
        lower, upper, point = [1.0, -9.0], [9.0, 9.0], np.array([x, 0.0])
        if side == "upper":
            lower, upper, point = [-9.0, -9.0], [-1.0, 9.0], -point
        assert is_strictly_inside(polyhedron(lower=lower, upper=upper), point) == holds
        assert is_strictly_inside(polyhedron(lower=lower[::-1], upper=upper[::-1]), point[::-1]) == holds


def test_a_row_moves_inwards_by_more_than_its_error() -> None:
    for slack, error, holds in ((1.0, 0.4, True), (1.0, 0.5, False), (1.0, 0.6, False), (2.0**-52, 0.0, False)):
        P = polyhedron([([1.0, 0.0], 1.0)], ub_error=[error])
        assert is_strictly_inside(P, np.array([1.0 - slack, 0.0])) == holds


def test_the_dimension_counts_what_is_free_and_its_rank() -> None:
    P = polyhedron(
        None, [([1.0, 1.0, 1.0], 0.0), ([0.0, 1.0, 2.0], 0.0)], lower=[0.0, -INF, -INF], upper=[0.0, INF, INF], d=3
    )
    assert dimension_upper_bound(P) == 0
    P = polyhedron(
        None, [([1.0, 1.0, 1.0], 0.0), ([5.0, 2.0, 2.0], 0.0)], lower=[0.0, -INF, -INF], upper=[0.0, INF, INF], d=3
    )
    assert dimension_upper_bound(P) >= 1
    P = polyhedron(None, [([0.0, 1.0, 1.0], 0.0)], lower=[0.0, -INF, -INF], upper=[0.0, INF, INF], d=3)
    assert dimension_upper_bound(P) == 1
