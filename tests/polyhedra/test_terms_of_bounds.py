"""Each term of the bounds of functionals and of radii, on the wrong side by a little and on the right side.

Roundings are asked about with a coarse unit roundoff (see `coarse`): what bounds its errors holds for any.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from coarse import coarsen
from flushing import flushing
from polyhedra.written_out import INF, polyhedron
from unrelu.cones.decision import decided, still_open
from unrelu.cones.proofs import Counting, Enclosed
from unrelu.polyhedra import boundedness as of_boundedness
from unrelu.polyhedra import functional_bound as of_functional
from unrelu.polyhedra import radius_bound as of_radius
from unrelu.polyhedra.boundedness import boundedness
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.recession import Recession
from unrelu.polyhedra.row_multipliers import RowMultipliers

LEAST = 2.0**-1074


def bound(P: Polyhedron, c: list[float], mu: list[float], lam: list[float], radius: float = INF) -> float:
    return functional_bound(P, np.array(c), np.array(mu), np.array(lam), radius=radius)


def near(value: float, exact: float, *, off: float = 1e-12) -> bool:
    """Whether a bound from below is one, and near."""
    return exact - off * (1 + abs(exact)) <= value <= exact


@pytest.mark.parametrize("origin", [[0.0, 0.0], [0.5, -1.0]])
@pytest.mark.parametrize("errors", [(0.0, 0.0), (0.25, 0.0), (0.0, 0.5), (0.25, 0.5)])
@pytest.mark.parametrize("mu", [3.0, -3.0])
@pytest.mark.parametrize("lam", [2.0, 0.0, -2.0])
def test_a_functional_is_bounded_by_each_term_of_weak_duality(
    origin: list[float], errors: tuple[float, float], mu: float, lam: float
) -> None:
    P = polyhedron(
        [([1.0, -2.0], 3.0)], [([0.5, 1.0], -1.0)], [-4.0, -8.0], [2.0, 16.0], origin, [errors[0]], [errors[1]]
    )
    c, pushed = np.array([1.0, -0.25]), max(lam, 0.0)
    r = c + mu * np.array([0.5, 1.0]) + pushed * np.array([1.0, -2.0])
    low, high = np.array([-4.0, -8.0]) - origin, np.array([2.0, 16.0]) - origin
    exact = float(np.minimum(r * low, r * high).sum()) + mu - 3 * pushed - pushed * errors[0] - abs(mu) * errors[1]
    assert near(bound(P, c.tolist(), [mu], [lam]), exact)


@pytest.mark.parametrize("c", [[1.0, 0.5], [-1.0, 0.5], [1.0, -0.5], [0.0, 0.0]])
def test_a_coordinate_without_a_bound_uses_the_radius(c: list[float]) -> None:
    # r = c, of which the minimum over x_0 >= -2 is infinite for c_0 < 0, and x_1 has no bound.
    P = polyhedron(lower=[-2.0, -INF])
    open_ended = [number for j, number in enumerate(c) if (j == 1 and number != 0) or number < 0]
    exact = (-2.0 * c[0] if c[0] > 0 else 0.0) - 8.0 * math.hypot(*open_ended)
    assert near(bound(P, c, [], [], 8.0), exact)
    assert (bound(P, c, [], []) == -INF) == bool(open_ended)


UNITS = [2.0**-30, 2.0**-12, 2.0**-6]


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("lower", [[-3.0, -4.0], [-3.0, -INF], [-INF, -INF], [-0.5, -4.0]])
@pytest.mark.parametrize("c", [[1.0, -1.5], [3.0, 2.0], [-2.0, -2.0], [-2.5, 1.5], [-2.25, 1.5]])
def test_the_rounding_of_a_slope_and_of_the_sum_are_paid_for(
    monkeypatch: pytest.MonkeyPatch, unit: float, lower: list[float], c: list[float]
) -> None:
    """The slope may be off by gamma (|c| + |A|'|lam|), at whichever end of the box that costs most."""
    P, lam, radius = (
        polyhedron([([1.0, -0.5], 2.0), ([0.5, 0.0], -1.0)], lower=lower, upper=[2.0, 5.0]),
        [2.0, 1.0],
        32.0,
    )
    r = np.array(c) + np.array([2.5, -1.0])
    size = np.abs(c) + np.array([2.5, 1.0])

    def worst(of_slope: float, of_sum: float) -> float:
        total, open_ended, terms = -4.0 + 1.0, [], [4.0, 1.0]
        for j in range(2):
            ends, slopes = (lower[j], [2.0, 5.0][j]), (r[j] - of_slope * size[j], r[j] + of_slope * size[j])
            if math.isinf(ends[0]) and slopes[1] > 0:
                open_ended.append(max(abs(slopes[0]), abs(slopes[1])))
                continue
            least = min(slope * end for slope in slopes for end in ends if math.isfinite(end))
            total += least
            terms.append(abs(r[j] * (ends[0] if r[j] > 0 else ends[1])))
        return total - of_sum * sum(terms) - radius * math.hypot(*open_ended)

    coarsen(monkeypatch, of_functional, unit)
    found = bound(P, c, [], lam, radius)
    assert worst(30 * unit, 12 * unit) - 1e-6 <= found <= worst(2 * unit, 3 * unit) + 1e-12
    coarsen(monkeypatch, of_functional, 0.0)
    monkeypatch.setattr(of_functional, "lost", lambda n, *sizes: unit if (n, *sizes) == (2, 2.0) else INF)
    size = np.ones(2)
    assert worst(1.001 * unit, 0.0) - 1e-9 <= bound(P, c, [], lam, radius) <= worst(unit, 0.0) + 1e-12


def test_the_rounding_of_the_last_sum_is_paid_for(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron([([1.0, -0.5, 1.0], 2.0)], lower=[-3.0, -4.0, -1.0], upper=[2.0, 5.0, 1.0], d=3)
    coarsen(monkeypatch, of_functional, 2.0**-6, lambda n: n == 8)  # three coordinates and one row
    # r = (3, -2, 1) of c = (1, -1, -1) and twice the row
    exact = -9.0 - 10.0 - 1.0 - 4.0
    assert exact - 24.0 * 9 / 64 <= bound(P, [1.0, -1.0, -1.0], [], [2.0]) <= exact - 24.0 * 4 / 64


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("as_equality", [True, False])
@pytest.mark.parametrize("c", [[40.0, 0.0], [0.0, -40.0], [1.0, -1.5], [2.0, 0.5], [2.04, 0.52], [1.96, 0.48]])
def test_slopes_that_may_have_either_sign_are_open_ended(
    monkeypatch: pytest.MonkeyPatch, sign: float, as_equality: bool, c: list[float]
) -> None:
    """Without an upper bound a slope that may be negative, with or without its error, is paid for by the radius."""
    row, unit, radius = [-2.0 * sign, -0.5 * sign], 2.0**-6, 64.0
    if as_equality:
        P, mu, lam = polyhedron(None, [(row, 0.0)], lower=[-2.0, -3.0]), [sign], []
    else:
        P, mu, lam = polyhedron([([-2.0, -0.5], 0.0)], lower=[-2.0, -3.0]), [], [1.0]
    r, size = np.array(c) - np.array([2.0, 0.5]), np.abs(c) + np.array([2.0, 0.5])

    def worst(u: float) -> float:
        total, open_ended = 0.0, []
        for slope, off, low in zip(r, u * size, (-2.0, -3.0), strict=True):
            if slope - off < 0:
                open_ended.append(abs(slope) + off)
            else:
                total += min((slope - off) * low, (slope + off) * low)
        return total - radius * float(np.linalg.norm(open_ended))

    coarsen(monkeypatch, of_functional, unit, lambda n: n == 7)
    found = bound(P, c, mu, lam, radius)
    assert worst(14 * unit) - 1e-9 <= found <= worst(12 * unit) + 1e-9


def test_slopes_that_are_exactly_zero_cost_nothing() -> None:
    P = polyhedron([([0.0, 1.0], 1.0)], [([0.0, 3.0], 1.0)])
    assert bound(P, [0.0, -3.0], [0.0], [3.0]) == -INF  # a sum of two that is computed as 0
    assert bound(P, [0.0, 0.0], [0.0], [0.0]) <= 0.0
    assert bound(P, [0.0, 0.0], [0.0], [0.0]) > -1e-300
    # A product that underflows is no zero.
    tiny = polyhedron([([2.0**-600, 0.0], 1.0)])
    assert bound(tiny, [0.0, 0.0], [], [2.0**-600]) == -INF
    tiny = polyhedron(None, [([2.0**-600, 0.0], 1.0)])
    assert bound(tiny, [0.0, 0.0], [2.0**-600], []) == -INF
    assert bound(tiny, [0.0, 0.0], [-(2.0**-600)], []) == -INF


def test_a_functional_that_is_not_a_number_is_not_bounded() -> None:
    P = polyhedron([([1.0, 0.0], 1.0)], lower=[0.0, 0.0], upper=[1.0, 1.0])
    for c, lam in (
        ([math.nan, 0.0], [0.0]),
        ([1.0, 1.0], [math.inf]),
        ([1.0, 1.0], [math.nan]),
        ([1e308, 1e308], [1e308]),
    ):
        assert bound(P, c, [], lam) in (-INF, bound(P, c, [], lam))
        assert not bound(P, c, [], lam) > 0
    with flushing():
        assert bound(P, [1.0, 1.0], [], [0.0]) == -INF


def multipliers(
    P: Polyhedron, eq: list[float], ub: list[float], lower: list[float] | None = None, upper: list[float] | None = None
) -> RowMultipliers:
    d = P.n_coordinates
    return RowMultipliers(
        eq=np.array(eq), ub=np.array(ub), lower=np.array(lower or [0.0] * d), upper=np.array(upper or [0.0] * d)
    )


@pytest.mark.parametrize("origin", [[0.0, 0.0], [0.25, -0.5]])
@pytest.mark.parametrize("error", [0.0, 0.5])
def test_a_radius_is_made_of_right_hand_sides_and_slacks(origin: list[float], error: float) -> None:
    # -x <= 1, -y <= 2, x + y <= 3: s = 1, lam = 1, lam'h = 6 and errors.
    ub = [([-1.0, 0.0], 1.0), ([0.0, -1.0], 2.0), ([1.0, 1.0], 3.0)]
    P = polyhedron(ub, origin=origin, ub_error=[error, 0.0, 0.0])
    right = [1.0 + error, 2.0, 3.0]
    exact = math.hypot(*right) + sum(right)
    found = radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0]))
    assert exact <= found <= (exact + 2 * error) / 0.9
    assert radius_bound(P, multipliers(P, [], [4.0, 4.0, 4.0])) == pytest.approx(found, rel=1e-12)
    # Half of the residual's length is what the radius pays for multipliers that are off.
    off = radius_bound(P, multipliers(P, [], [1.0, 1.25, 1.0]))
    exact = (math.hypot(*right) + sum(right) + 0.5) / (1 - 0.25)
    assert exact <= off <= (math.hypot(*right) + sum(right) + 0.5 + 2 * error) / (0.9 - 0.25)
    assert radius_bound(P, multipliers(P, [], [1.0, 2.0, 1.0])) == INF
    assert radius_bound(P, multipliers(P, [], [1.0, 0.0, 1.0])) == INF


def test_a_radius_uses_bounds_relative_to_the_origin() -> None:
    P = polyhedron([([1.0, 1.0], 3.0)], lower=[-1.0, -2.0], origin=[0.5, 0.25])
    right = [3.0, 1.5, 2.25]
    exact = math.hypot(*right) + sum(right)
    assert exact <= radius_bound(P, multipliers(P, [], [1.0], [1.0, 1.0])) <= exact / 0.9
    P = polyhedron([([-1.0, -1.0], 3.0)], upper=[1.0, 2.0], origin=[-0.5, -0.25])
    assert exact <= radius_bound(P, multipliers(P, [], [1.0], None, [1.0, 1.0])) <= exact / 0.9
    assert radius_bound(P, multipliers(P, [], [1.0], [1.0, 0.0], [1.0, 1.0])) == INF  # there is no such bound
    assert radius_bound(P, multipliers(P, [], [1.0], None, [1.0, math.nan])) == INF


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("error", [0.0, 0.5])
def test_equalities_count_in_a_radius_with_their_errors(sign: float, error: float) -> None:
    # x = 4 up to the error, and y <= 2, -y - x <= 1 with multipliers 1, 1 and mu = 1 for x.
    P = polyhedron([([0.0, 1.0], 2.0), ([-1.0, -1.0], 1.0)], [([sign, 0.0], 4.0 * sign)], eq_error=[error])
    sigma = float(np.linalg.svd(np.vstack([P.A_eq, P.A_ub]))[1][-1])
    slacks = 2.0 + 1.0 + 4.0 + error
    exact = (math.sqrt(16 + 4 + 1) + slacks) / sigma
    found = radius_bound(P, multipliers(P, [sign], [1.0, 1.0]))
    assert exact <= found <= (exact * sigma + 2 * error) / 0.9 / sigma
    least = (math.hypot(4 + error, 2, 1) + slacks) / sigma
    assert found >= least
    alone = polyhedron(None, [([1.0, 0.0], 3.0), ([0.0, 1.0], 4.0)], eq_error=[error, 0.0])
    assert (
        math.hypot(3.0 + error, 4.0)
        <= radius_bound(alone, multipliers(alone, [0.0, 0.0], []))
        <= (5.0 + 2 * error) / 0.9
    )


def test_coordinates_between_bounds_join_a_radius() -> None:
    # x in [-2, 5], and |y - x| <= 1 by two rows, of which the multipliers leave a residual in x only.
    P = polyhedron([([-1.0, 1.0], 1.0), ([-1.0, -1.0], 1.0)], lower=[-2.0, -INF], upper=[5.0, INF])
    sigma = float(np.linalg.svd(np.vstack([P.A_ub, [[1.0, 0.0]]]))[1][-1])
    # the residual is (-2, 0), at most 2 x 5
    exact = (math.hypot(1, 1, 5) + 2.0 + 10.0) / sigma
    found = radius_bound(P, multipliers(P, [], [1.0, 1.0]))
    assert exact <= found <= exact / 0.9
    for origin, far in ((6.0, 8.0), (-6.0, 11.0), (1.0, 4.0), (-1.5, 6.5)):
        moved = polyhedron(
            [([-1.0, 1.0], 1.0), ([-1.0, -1.0], 1.0)], lower=[-2.0, -INF], upper=[5.0, INF], origin=[origin, 0.0]
        )
        exact = (math.hypot(1, 1, far) + 2.0 + 2 * far) / sigma
        assert exact <= radius_bound(moved, multipliers(moved, [], [1.0, 1.0])) <= exact / 0.9


@pytest.mark.parametrize("unit", [2.0**-30, 2.0**-10, 2.0**-6, 2.0**-4])
def test_roundings_count_in_a_radius(monkeypatch: pytest.MonkeyPatch, unit: float) -> None:
    ub = [([-1.0, 0.0], 1.0), ([0.0, -1.0], -2.0), ([1.0, 1.0], 3.0)]
    P = polyhedron(ub)
    of_right, of_sizes = math.hypot(1, 2, 3), 6.0

    def exact(u: float) -> float:
        # The residual is off by gamma |G|'|lam|, which is 2 in each coordinate, the products by gamma times their sum.
        left = 1.0 - u * math.hypot(2, 2)
        return (of_right + 2.0 + u * of_sizes) / left if left > 0 else INF

    coarsen(monkeypatch, of_radius, unit)
    found = radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0]))
    assert exact(3 * unit) <= found
    assert found <= exact(16 * unit) / 0.85 or exact(20 * unit) == INF
    # The rounding of the products alone, and that of a residual of 1/4 alone, with the singular value itself.
    monkeypatch.setattr(of_radius, "smallest_singular_value_bound", lambda _: 1.0)
    for of_residual, of_products in ((0.0, unit), (unit, 0.0)):
        taken = iter([of_residual, of_products])
        monkeypatch.setattr(of_radius, "gamma", lambda n, taken=taken: n * next(taken))
        found = radius_bound(P, multipliers(P, [], [1.0, 1.25, 1.0]))
        left = 1.0 - math.hypot(3 * of_residual * 2, 0.25 + 3 * of_residual * 2.25)
        # 1 x 1 - 1.25 x 2 + 1 x 3, of which the sizes are 6.5
        assert found >= ((of_right + 1.5 + 3 * of_products * 6.5) / left if left > 0 else INF)
        left = 1 - 1e-12 - math.hypot(14 * of_residual * 2, 0.25 + 14 * of_residual * 2.25)
        assert found <= ((of_right + 1.5 + 15 * of_products * 6.5) / left if left > 0 else INF)
    coarsen(monkeypatch, of_radius, 0.0)
    monkeypatch.setattr(of_radius, "lost", lambda n, *sizes: unit if (n, *sizes) == (3, 1.0, 1.0) else INF)
    left = 1.0 - unit * math.sqrt(2)
    assert (
        (of_right + 2.0) / left
        <= radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0]))
        <= (of_right + 2.0) / left / 0.85
    )
    with flushing():
        assert radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0])) == INF


def test_products_that_overflow_are_no_radius() -> None:
    P = polyhedron([([-1.0, 0.0], 1e308), ([0.0, -1.0], -1e308), ([1.0, 1.0], 1e308)])
    assert radius_bound(P, multipliers(P, [], [9.0, 9.0, 9.0])) == INF
    P = polyhedron([([-1.0, 0.0], -1.0), ([0.0, -1.0], -1.0), ([1.0, 1.0], 2.0)])
    assert 1.0 <= radius_bound(P, multipliers(P, [], [1.0, 1.0, 1.0])) <= math.sqrt(6) / 0.9  # slacks of 0
    empty = polyhedron([([-1.0, 0.0], -1.0), ([0.0, -1.0], -1.0), ([1.0, 1.0], 0.0)])
    assert radius_bound(empty, multipliers(empty, [], [1.0, 1.0, 1.0])) >= math.sqrt(2)


def test_products_that_round_up_to_a_subnormal_number_are_paid_for() -> None:
    third = 1 / 3
    P = polyhedron(lower=[5 * LEAST] * 3, upper=[1.0] * 3, d=3)
    assert bound(P, [third] * 3, [], []) <= 5 * LEAST  # three times 5/3 of the least float, each rounded to 2
    E = polyhedron(
        None, [([1.0, 0.0, 0.0], 5 * LEAST), ([0.0, 1.0, 0.0], 5 * LEAST), ([0.0, 0.0, 1.0], 5 * LEAST)], d=3
    )
    assert bound(E, [third] * 3, [-third] * 3, []) <= 5 * LEAST
    # Half of the least float is lost from each of these right-hand sides: 0 for 1/2.
    G = polyhedron([([1.0, 0.0, 0.0], LEAST), ([0.0, 1.0, 0.0], LEAST), ([0.0, 0.0, 1.0], LEAST)], d=3)
    assert bound(G, [-0.5] * 3, [], [0.5] * 3) <= -1.5 * LEAST


def test_a_box_is_bounded_and_half_a_box_is_not() -> None:
    assert boundedness(polyhedron(lower=[0.0, 0.0], upper=[1.0, 1.0])).bounded is True
    assert boundedness(polyhedron(lower=[0.0, 0.0], upper=[1.0, 1.0])).radius == INF  # the bounds say more
    for lower, upper in (([0.0, -INF], [1.0, 1.0]), ([0.0, 0.0], [1.0, INF]), ([0.0, 0.0], [INF, INF])):
        assert boundedness(polyhedron(lower=lower, upper=upper)).bounded is False
        assert boundedness(polyhedron(lower=lower, upper=upper)).radius == INF
    triangle = polyhedron([([1.0, 1.0], 1.0)], lower=[0.0, 0.0])
    assert boundedness(triangle).bounded is True
    assert 1.0 <= boundedness(triangle).radius < 9.0
    assert boundedness(triangle, known=False).bounded is False
    assert boundedness(triangle, known=True).radius == boundedness(triangle).radius


def test_boundedness_is_what_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron([([1.0, 1.0], 1.0)], lower=[0.0, 0.0])
    some = multipliers(P, [], [1.0], [1.0, 1.0])
    for found, holds in ((decided(Enclosed()), True), (decided(Counting()), False), (still_open("no"), None)):
        monkeypatch.setattr(of_boundedness, "decide_cone", lambda _, found=found: found)
        for direction, given in ((None, None), (None, some), (np.ones(2), some), (np.ones(2), None)):
            recession = Recession(direction, np.zeros((2, 0)), given, proved=False)
            monkeypatch.setattr(of_boundedness, "recession", lambda _, made=recession: made)
            proved = boundedness(P)
            with_radius = holds is not False and direction is None and given is not None
            assert math.isfinite(proved.radius) == with_radius
            assert proved.bounded is (True if with_radius else holds)
