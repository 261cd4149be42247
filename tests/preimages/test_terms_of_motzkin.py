"""Each term of a proof that a sign system has no solution, on the wrong side by a little and on the right side."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from flushing import flushing
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates import motzkin
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin, _maximum_above
from unrelu.preimages.certificates.sign_system import OrientedRows, SignSystem

INF = math.inf
FREE = ([-INF], [INF])


def rows(
    matrix: list[list[float]],
    constants: list[float],
    *,
    errors: list[float] | None = None,
    equal: tuple[int, ...] = (),
) -> OrientedRows:
    n = len(matrix)
    is_equal = np.isin(np.arange(n), equal)
    return OrientedRows(
        np.array(matrix), np.array(constants), np.array(errors or [0.0] * n), np.zeros(n, dtype=bool), is_equal
    )


def above(of: OrientedRows, v: list[float], lower: list[float], upper: list[float]) -> float:
    """The maximum that is proved of the sum."""
    with np.errstate(over="ignore", invalid="ignore"):
        return _maximum_above(of, np.array(v), np.array(lower), np.array(upper))


def system(
    weight: list[list[float]],
    bias: list[float],
    inactive: list[int],
    *,
    equal: list[int] | None = None,
    domain: Polyhedron | None = None,
    strict_domain: bool = False,
) -> SignSystem:
    m, d = len(weight), len(weight[0])
    return SignSystem(
        np.array(weight),
        np.array(bias),
        np.isin(np.arange(m), inactive),
        domain if domain is not None else Polyhedron(origin=np.zeros(d)),
        np.isin(np.arange(m), equal) if equal is not None else None,
        strict_domain,
    )


@pytest.mark.parametrize(
    ("slope", "lower", "upper", "most"),
    [
        (1.0, -1.0, 3.0, 3.0),
        (-1.0, -1.0, 3.0, 1.0),
        (2.0, -INF, 3.0, 6.0),
        (-2.0, -5.0, INF, 10.0),
        (1.0, -1.0, INF, INF),
        (-1.0, -INF, 1.0, INF),
        (1.0, -7.0, -3.0, -3.0),
        (-1.0, 2.0, 7.0, -2.0),
        (1.0, 0.0, 0.0, 0.0),
        (-1.0, 0.0, INF, 0.0),
        (1.0, -INF, 0.0, 0.0),
    ],
)
def test_the_sum_is_at_most_its_value_at_the_right_end(slope: float, lower: float, upper: float, most: float) -> None:
    for v in (1.0, 3.0):
        found = above(rows([[slope]], [-0.5]), [v], [lower], [upper])
        if math.isinf(most):
            assert found == INF
        else:
            assert v * (most - 0.5) <= found <= v * (most - 0.5) + 1e-13


def test_coordinates_and_rows_add_up() -> None:
    of = rows([[1.0, 0.0, 2.0], [1.0, -1.0, 0.0], [0.0, 3.0, 1.0]], [-1.0, 2.0, 4.0], equal=(2,))
    v, lower, upper = [1.0, 2.0, -0.5], [-1.0, -2.0, -3.0], [5.0, 7.0, 11.0]
    w = [3.0, -3.5, 1.5]
    exact = 3.0 * 5 + 3.5 * 2 + 1.5 * 11 + (-1.0 + 4.0 - 2.0)
    assert w == (np.array(v) @ of.matrix).tolist()
    assert exact <= above(of, v, lower, upper) <= exact + 1e-12


@pytest.mark.parametrize(("lower", "upper"), [(-1.0, 4.0), (-4.0, 1.0)])
@pytest.mark.parametrize("v", [[2.0, 3.0], [2.0, -3.0], [-2.0, -3.0]])
def test_the_rounding_of_a_slope_is_multiplied_by_the_bounds(
    monkeypatch: pytest.MonkeyPatch, lower: float, upper: float, v: list[float]
) -> None:
    of = rows([[1.0], [-0.5]], [-30.0, 1.0], equal=(0, 1))
    w, size, unit = v[0] - 0.5 * v[1], abs(v[0]) + 0.5 * abs(v[1]), 2.0**-8
    coarsen(monkeypatch, motzkin, unit)
    constants = -30.0 * v[0] + v[1]
    # w may be off by gamma_2 size to either side
    worst = max(z * x for z in (w - 2 * unit * size, w + 2 * unit * size) for x in (lower, upper)) + constants
    looser = max(z * x for z in (w - 12 * unit * size, w + 12 * unit * size) for x in (lower, upper)) + constants
    assert worst <= above(of, v, [lower], [upper]) <= looser + 1e-9
    coarsen(monkeypatch, motzkin, 0.0)
    monkeypatch.setattr(motzkin, "lost", lambda n, *sizes: unit if (n, *sizes) == (2, 1.0, max(map(abs, v))) else INF)
    worst = max(z * x for z in (w - unit, w + unit) for x in (lower, upper)) + constants
    assert worst <= above(of, v, [lower], [upper]) <= worst + 1e-9


def test_the_errors_of_constants_count() -> None:
    of = rows([[1.0], [1.0]], [-5.0, 1.0], errors=[0.25, 0.5], equal=(1,))
    for v in ([2.0, 3.0], [2.0, -3.0]):
        exact = max(sum(v), -sum(v)) - 10.0 + v[1] + 2.0 * 0.25 + 3.0 * 0.5
        assert exact <= above(of, v, [-1.0], [1.0]) <= exact + 1e-12
    assert above(rows([[1.0]], [-5.0], errors=[INF]), [1.0], [-1.0], [1.0]) == INF


def test_sums_that_cancel_exactly_need_no_bounds() -> None:
    of = rows([[0.1], [-0.1], [3.0]], [-1.0, 0.5, 7.0])
    assert -0.5 <= above(of, [1.0, 1.0, 0.0], *FREE) <= -0.5 + 1e-12
    # 0.1 + 0.2 - 0.3 is not 0, and what is computed as 0 need not be.
    tiny = 2.0**-60
    hidden = rows([[1.0], [tiny], [-1.0]], [-1.0, 0.0, -1.0])
    assert (np.array([1.0, 1.0, 1.0]) @ hidden.matrix).tolist() in ([0.0], [tiny])
    assert above(hidden, [1.0, 1.0, 1.0], *FREE) < 0  # with a change of the multipliers
    only = rows([[tiny]], [-1.0])
    assert above(only, [1.0], *FREE) == INF


def test_multipliers_that_have_to_change_by_more_than_they_are_prove_nothing() -> None:
    """x > 1 and x > 0 have solutions; a change of the multipliers that makes the sum vanish makes one negative."""
    of = rows([[1.0], [1.0]], [-1.0, 0.0])
    assert above(of, [1.0, 0.01], *FREE) == INF
    assert above(of, [1.0, 1.0], *FREE) == INF
    assert not Motzkin(np.array([1.0, 0.01])).verify(system([[1.0], [1.0]], [-1.0, 0.0], []))


@pytest.mark.parametrize("excess", [0.0, 0.125, 0.5, 1.0, 1.3, 1.5, 30.0])
def test_a_change_of_multipliers_changes_the_constants(excess: float) -> None:
    # x >= c and -x >= c: the sum of both is 2 c (1 + excess / 2) after a change of norm excess / sqrt(2).
    for c in (-1.0, 0.0, 1.0, -0.25):
        of = rows([[1.0], [-1.0]], [c, c])
        found, change = above(of, [1.0, 1.0 + excess], *FREE), excess / math.sqrt(2)
        if change >= 1:
            assert found == INF
        else:
            exact = c * (2 + excess) + abs(c) * math.sqrt(2) * change
            # a proved singular value is at least 0.9 of the true one
            assert exact <= found <= c * (2 + excess) + (exact - c * (2 + excess)) / 0.9 + 1e-12


def test_a_change_of_multipliers_uses_the_errors_of_constants_and_other_coordinates() -> None:
    # Coordinate 0 has no bounds and has to vanish, by a change of norm 0.1 / sqrt(2); 1 lies in [-2, 2], or [-2, 8].
    for upper in (2.0, 8.0):
        of = rows([[1.0, 3.0], [-1.0, 4.0]], [-90.0, -70.0], errors=[3.0, 4.0])
        found, change = above(of, [1.0, 1.1], [-INF, -2.0], [INF, upper]), 0.1 / math.sqrt(2)
        before = -90.0 - 1.1 * 70 + 3.0 + 4.4 + upper * 7.4
        exact = before + change * (upper * 5 + math.hypot(93, 74))
        assert exact <= found <= before + change * (upper * 5 + math.hypot(93, 74)) / 0.9 + 1e-9


def test_the_singular_value_is_that_of_the_rows_that_may_change() -> None:
    # Row 1 has a multiplier of 0 and may not change; without it two coordinates cannot both be made to vanish.
    of = rows([[1.0, 0.1], [0.0, 1.0]], [-1.0, 0.0])
    assert above(of, [1.0, 0.0], [-INF, -INF], [INF, INF]) == INF
    of = rows([[1.0, 0.0], [-1.0, 0.01], [0.0, 1.0]], [-1.0, -1.0, 0.0], equal=(2,))
    assert above(of, [1.0, 1.0, 0.0], [-INF, -INF], [INF, INF]) < 0  # an equality may
    of = rows([[1.0, 0.0], [-1.0, 0.01], [0.0, 1.0]], [-1.0, -1.0, 0.0])
    assert above(of, [1.0, 1.0, 0.0], [-INF, -INF], [INF, INF]) == INF
    assert above(of, [1.0, 1.0, 1e-10], [-INF, -INF], [INF, INF]) == INF


def test_a_sum_that_touches_zero_needs_a_strict_row() -> None:
    # x > 0 and -x >= 0: 0 < 0.
    touching = system([[1.0], [1.0]], [0.0, 0.0], [1])
    assert Motzkin(np.array([1.0, 1.0])).verify(touching)
    assert not Motzkin(np.array([0.0, 0.0])).verify(touching)
    assert not Motzkin(np.array([-1.0, -1.0])).verify(touching)
    # x >= 0 and -x >= 0 has one.
    assert not Motzkin(np.array([1.0, 1.0])).verify(system([[1.0], [-1.0]], [0.0, 0.0], [0, 1]))
    # x = 0 and x > 0; the sign of an equality is free.
    held = system([[1.0], [1.0]], [0.0, 0.0], [], equal=[0])
    assert Motzkin(np.array([-1.0, 1.0])).verify(held)
    assert not Motzkin(np.array([1.0, -1.0])).verify(held)
    assert not Motzkin(np.array([-1.0, 0.0])).verify(held)
    for wrong in ([1.0], [1.0, 1.0, 1.0], [1.0, np.nan], [1.0, np.inf]):
        assert not Motzkin(np.array(wrong)).verify(touching)


def test_domains_take_part_with_their_rows_and_bounds() -> None:
    # x_0 + x_1 <= 1 and x_0 >= 0: x_1 > 1 is impossible.
    bounds = np.array([0.0, -INF])
    domains = [
        Polyhedron(A_ub=np.array([[1.0, 1.0]]), b_ub=np.array([1.0]), lower=bounds),
        Polyhedron(A_eq=np.array([[1.0, 1.0]]), b_eq=np.array([1.0]), lower=bounds),
        Polyhedron(A_ub=np.array([[1.0, 1.0]]), b_ub=np.array([-1.0]), lower=bounds + 3, origin=np.array([3.0, -1.0])),
    ]
    for domain in domains:
        least = float(domain.lower[0])
        for beyond in (-(2.0**-40), 2.0**-40):
            about = system([[0.0, 1.0]], [-(1.0 - least) - beyond], [], domain=domain)
            assert Motzkin(np.array([1.0, 1.0])).verify(about) == (beyond > 0)
            assert not Motzkin(np.array([1.0, -1.0])).verify(about)
    # x <= 0 with x >= 0 is possible, and not where the rows of D have to hold strictly.
    half = Polyhedron(A_ub=np.array([[-1.0]]), b_ub=np.zeros(1))
    assert not Motzkin(np.ones(2)).verify(system([[1.0]], [0.0], [0], domain=half))
    assert Motzkin(np.ones(2)).verify(system([[1.0]], [0.0], [0], domain=half, strict_domain=True))


@pytest.mark.parametrize("seed", range(40))
def test_no_product_or_sum_is_rounded_below_its_value(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for scale in (1.0, 2.0**-540):
        matrix, constants, v = rng.standard_normal((2, 2)), rng.standard_normal(2), rng.random(2)
        matrix *= rng.integers(0, 2, (2, 2))
        constants[1] = -v[0] * constants[0] / v[1]  # the sum is a rounding error
        lower, upper = -rng.random(2), rng.random(2)
        of = rows((matrix * scale).tolist(), (constants * scale).tolist())
        found = above(of, (v * scale).tolist(), lower.tolist(), upper.tolist())
        exact_v = [Fraction(value) for value in (v * scale).tolist()]
        exact = sum(
            (value * Fraction(constant) for value, constant in zip(exact_v, of.constants.tolist(), strict=True)),
            Fraction(0),
        )
        for j in range(2):
            slope = sum(
                (value * Fraction(number) for value, number in zip(exact_v, of.matrix[:, j].tolist(), strict=True)),
                Fraction(0),
            )
            exact += max(slope * Fraction(float(lower[j])), slope * Fraction(float(upper[j])))
        assert Fraction(found) >= exact


def test_constants_that_overflow_keep_their_sign() -> None:
    about = system([[0.0], [0.0], [0.0]], [0.0, 0.0, 0.0], [])
    about = SignSystem(
        about.weight, np.array([[1e308, 1e308], [-1e308, -1e308], [1e308, 1.0]]), about.inactive, about.domain
    )
    constants, errors = about.constants
    assert constants[:2].tolist() == [INF, -INF]
    assert errors[:2].tolist() == [INF, INF]
    assert math.isfinite(errors[2])


def test_what_overflows_proves_nothing() -> None:
    assert above(rows([[1e308], [1e308]], [0.0, -1.0]), [9.0, 9.0], [-1.0], [1.0]) == INF
    assert above(rows([[1.0]], [-1e308]), [1e10], [-1.0], [1.0]) == INF
    assert above(rows([[1.0], [1.0]], [-1.5e308, -1.5e308]), [1.0, 1.0], [-1.0], [1.0]) == INF
    assert above(rows([[1.0]], [-1.0]), [1.0], [-1e308], [1e308]) > 0
    assert above(rows([[1.0], [2.0]], [-1e308, 2.0]), [1.0, 1.0], [-1e308], [1e308]) > 0


def test_exact_multipliers_need_a_sum_without_slope_and_a_constant_below_zero() -> None:
    # x > 1 (scaled: x - 1), -x > -1 weakly: x <= 1
    one = system([[1.0], [1.0]], [-1.0, -1.0], [1])
    assert ExactMotzkin((1, 1)).verify(one)
    assert not ExactMotzkin((0, 0)).verify(one)
    assert not ExactMotzkin((-1, -1)).verify(one)
    assert not ExactMotzkin((2, 1)).verify(one)
    assert not ExactMotzkin((1, 1, 0)).verify(one)
    assert not ExactMotzkin((1,)).verify(one)
    assert not ExactMotzkin((1, 1)).verify(system([[1.0], [1.0]], [-1.0, -2.0], [1]))  # 1 < x <= 2
    assert not ExactMotzkin((1, 1)).verify(system([[-1.0], [1.0]], [1.0, -1.0], [0, 1]))  # x = 1
    assert ExactMotzkin((1, 1)).verify(system([[-1.0], [1.0]], [2.0, -1.0], [0, 1]))  # x >= 2 and x <= 1
    held = system([[1.0], [1.0]], [0.0, 0.0], [], equal=[0])
    assert ExactMotzkin((-1, 1)).verify(held)
    assert not ExactMotzkin((-1, -1)).verify(held)
    assert not ExactMotzkin((-1, 0)).verify(held)
    # Bounds: 0 <= x <= 1 and x > 1, the lower ones first; strict only if they have to be.
    box = Polyhedron(lower=np.zeros(1), upper=np.ones(1))
    assert ExactMotzkin((1, 0, 1)).verify(system([[1.0]], [-1.0], [], domain=box))
    assert not ExactMotzkin((1, 1, 0)).verify(system([[1.0]], [-1.0], [], domain=box))
    assert not ExactMotzkin((1, 0, 1)).verify(system([[-1.0]], [1.0], [0], domain=box))
    assert ExactMotzkin((1, 0, 1)).verify(system([[-1.0]], [1.0], [0], domain=box, strict_domain=True))
    flat = Polyhedron(lower=np.ones(1), upper=np.ones(1))
    assert not ExactMotzkin((1, 0, 1)).verify(system([[-1.0]], [1.0], [0], domain=flat, strict_domain=True))
    with flushing():
        assert not ExactMotzkin((1, 1)).verify(one)
        assert not Motzkin(np.ones(2)).verify(system([[1.0], [1.0]], [0.0, 0.0], [1]))


def test_rows_of_a_system_are_oriented_and_scaled_exactly() -> None:
    origin = np.array([0.1, 3.0])
    domain = Polyhedron(
        A_ub=np.array([[1.0, 2.0]]),
        b_ub=np.array([0.3]),
        A_eq=np.array([[5.0, -1.0]]),
        b_eq=np.array([-0.7]),
        lower=np.array([-INF, 2.0]),
        upper=np.array([4.0, 2.0]),
        origin=origin,
    )
    bias = np.array([[1.0, 2.0**-60], [0.1, 0.2], [0.0, 0.0]])
    of = SignSystem(
        np.array([[3.0, 0.1], [1.0, 1.0], [0.5, 0.0]]),
        bias,
        np.array([False, True, False]),
        domain,
        np.array([False, False, True]),
        strict_domain=True,
    )
    exact_bias = [Fraction(a) + Fraction(b) for a, b in bias.tolist()]
    point = [Fraction(2), Fraction(-7, 3)]
    moved = [p - Fraction(o) for p, o in zip(point, origin.tolist(), strict=True)]
    values = [
        3 * point[0] + Fraction(0.1) * point[1] + exact_bias[0],
        -(point[0] + point[1] + exact_bias[1]),
        point[0] / 2 + exact_bias[2],
        Fraction(0.3) - moved[0] - 2 * moved[1],
        Fraction(-0.7) - 5 * moved[0] + moved[1],
        point[1] - 2,
        4 - point[0],
        2 - point[1],
    ]
    assert of.exact_strict.tolist() == [True, False, False, True, False, False, True, False]
    assert of.exact_equal.tolist() == [False, False, True, False, True, False, False, False]
    slopes = [_slopes(of, k) for k in range(8)]
    for row, value, (first, second) in zip(of.exact_rows, values, slopes, strict=True):
        # One positive factor for both slopes and for the value, which is all that a row says.
        scale = Fraction(row[0]) / first if first else Fraction(row[1]) / second
        assert scale > 0
        assert (row[0], row[1]) == (scale * first, scale * second)
        assert row[0] * point[0] + row[1] * point[1] + row[2] == scale * value
    oriented = of.oriented
    assert oriented.strict.tolist() == [True, False, False, True, False]
    assert oriented.equal.tolist() == [False, False, True, False, True]
    for row, constant, error, value, slope in zip(
        oriented.matrix.tolist(),
        oriented.constants.tolist(),
        oriented.constant_errors.tolist(),
        values[:5],
        [first for first, _ in slopes[:5]],
        strict=True,
    ):
        scale = Fraction(row[0]) / slope
        assert scale > 0
        found = Fraction(row[0]) * point[0] + Fraction(row[1]) * point[1] + Fraction(constant)
        assert abs(found - scale * value) <= Fraction(error)
        assert Fraction(error) <= scale * Fraction(1, 2**40)
    constants, errors = of.constants
    for constant, error, exact in zip(constants.tolist(), errors.tolist(), exact_bias, strict=True):
        assert abs(Fraction(constant) - exact) <= Fraction(error) <= abs(exact) * Fraction(1, 2**50)


def _slopes(of: SignSystem, row: int) -> tuple[Fraction, Fraction]:
    """By how much a row of the test above grows in each coordinate."""
    first = [Fraction(value) for value in ("3", "-1", "1/2", "-1", "-5", "0", "-1", "0")]
    second = [Fraction(0.1), *(Fraction(value) for value in ("-1", "0", "-2", "1", "1", "0", "-1"))]
    return first[row], second[row]
