"""Geometry of sets that floats do not see as they are, against vertices in rational arithmetic and closed forms."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from polyhedra.exact_polytopes import constraints, dot, random_integer_polytope, vertices
from unrelu import Box, ReLULayer, preimage
from unrelu.errors import InputError
from unrelu.exact.determinant import log_gram_determinant
from unrelu.polyhedra.analytic_center import analytic_center
from unrelu.polyhedra.chebyshev import chebyshev_center
from unrelu.polyhedra.constant_rows import constant_rows_hold
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.own_coordinates import own_coordinates
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling.sample import sample
from unrelu.polyhedra.volumes.result import VolumeMethod
from unrelu.polyhedra.volumes.volume import volume
from unrelu.solvers.status import Status

ULP = 2.0**-52


def log_length(P: Polyhedron) -> float:
    """The logarithm of the length of a segment, from its two vertices."""
    a, b = vertices(P)
    square = sum((x - y) ** 2 for x, y in zip(a, b, strict=True))
    return 0.5 * (math.log(square.numerator) - math.log(square.denominator))


def thin_slab(width: float, angle: tuple[float, float] = (1.0, 1.0), size: float = 1.0) -> Polyhedron:
    """`0 <= a x + b y <= width` within a box about 0."""
    row = np.array([angle])
    return Polyhedron(np.vstack([row, -row]), np.array([width, 0.0]), lower=-size, upper=size, origin=np.zeros(2))


def test_a_row_that_looks_constant_halves_a_set() -> None:
    W = np.array([[-2.0, 0, 2 + 2 * ULP], [-2.0, 0, 2.0]])
    found = preimage(ReLULayer(W, np.zeros(2)), at=np.array([1.0, 0.5, 1.0]), domain=Box(0, 3))
    assert (found.dimension.lower, found.dimension.upper) == (2, 2)
    # 1 <= z <= 3 along (1 + eps, 1), times 0 <= y <= 3.
    v = found.volume()
    assert v.log_estimate == pytest.approx(math.log(6 * math.sqrt(2)), abs=1e-9)
    assert v.method is VolumeMethod.EXACT
    ball = found.chebyshev_center()
    assert ball.status is Status.OPTIMAL
    assert ball.radius == pytest.approx(math.sqrt(2))
    assert found.analytic_center().point == pytest.approx([2.0, 1.5, 2.0])
    points = found.sample(400).points
    assert points[:, 2].min() >= 1.0
    assert points[:, 2].mean() == pytest.approx(2.0, abs=0.15)


CASES = [
    (
        [
            [1.8309197870461658, 0.48624743206693366, -2.5142378344796743],
            [1.0753795348635151, -0.08881998444193746, 0.13669051295779827],
            [-1.4702836946275522, -0.5948917599431756, 0.31083736455701355],
            [-2.8785362755677166, 0.6038373120920693, 0.8622578295696732],
        ],
        [0.9333959440540557, -0.5512829217493496, 0.7990662133099852, 0.7219968084793966],
        [0.46, 0.64, 0.83],
        2,
    ),
    (
        [
            [-1.5116770683273637, -1.1850020416199398],
            [-0.02117601450384097, -0.05999139917443177],
            [-0.4069407093196296, -0.5001566940110418],
            [-0.08301471004014865, -1.490072810793628],
        ],
        [1.5665722506580733, 0.05882781466468816, 1.0757012523576486, 1.2972773318894388],
        [0.37, 0.85],
        1,
    ),
]
"""Segments of length 1e-16 or so: preimages of points whose inactive rows are all but tight."""


@pytest.mark.parametrize(("weight", "bias", "at", "top"), CASES)
def test_volume_and_centre_of_a_segment_as_long_as_an_ulp(weight, bias, at, top) -> None:
    A, b, x = np.array(weight), np.array(bias), [Fraction(value) for value in at]
    found = preimage(ReLULayer(A, b), at=np.array(at), domain=Box(0, top))
    # The exact segment: rows that are active are equalities through x, of the others slacks are exact fractions.
    values = [dot([Fraction(v) for v in row], x) + Fraction(c) for row, c in zip(A.tolist(), b.tolist(), strict=True)]
    line = direction([[Fraction(v) for v in row] for row, v in zip(A.tolist(), values, strict=True) if v > 0])
    ends: list[tuple[Any, Any]] = [(-math.inf, math.inf)]  # floats where there is no end, fractions else
    for row, value in zip(A.tolist(), values, strict=True):
        slope = dot([Fraction(v) for v in row], line)
        if value <= 0 and slope:
            end = -value / slope
            ends.append((-math.inf, end) if slope > 0 else (end, math.inf))
    length = (min(e[1] for e in ends) - max(e[0] for e in ends)) * Fraction(math.sqrt(sum(v * v for v in line)))
    assert (found.dimension.lower, found.dimension.upper) == (1, 1)
    v = found.volume()
    assert (v.dimension, v.dimension_proved, v.method) == (1, True, VolumeMethod.EXACT)
    assert v.estimate == pytest.approx(float(length), rel=1e-9)
    ball = found.chebyshev_center()
    assert (ball.status, ball.dimension) == (Status.OPTIMAL, 1)
    assert ball.radius == pytest.approx(float(length) / 2, rel=1e-6)
    center = found.analytic_center()
    assert (center.status, center.dimension) == (Status.OPTIMAL, 1)
    assert 1 / center.cholesky[0, 0] <= float(length)


def direction(rows: list[list[Fraction]]) -> list[Fraction]:
    """What is orthogonal to one row of two numbers, or to two rows of three."""
    if len(rows[0]) == 2:
        return [-rows[0][1], rows[0][0]]
    (a, b, c), (p, q, r) = rows
    return [b * r - c * q, c * p - a * r, a * q - b * p]


@pytest.mark.parametrize("exponent", [-1000, -300, -80, -52, -40, -30])
@pytest.mark.parametrize("angle", [(1.0, 1.0), (1.0, 1 / 3), (0.0, 1.0)])
def test_slabs_of_any_width(exponent: int, angle: tuple[float, float]) -> None:
    width = 2.0**exponent
    P = thin_slab(width, angle)
    a, b = angle
    # Along the slab x runs through [-1, 1], since the box cuts y last.
    span = 2.0 / b if abs(a) <= abs(b) else 2.0 / a
    v = volume(P)
    assert v.method is VolumeMethod.EXACT
    assert v.log_estimate == pytest.approx(math.log(width) + math.log(span), rel=1e-12, abs=1e-6)
    ball = chebyshev_center(P)
    assert ball.status is Status.OPTIMAL
    assert ball.radius == pytest.approx(width / math.hypot(a, b) / 2, rel=1e-3)
    center = analytic_center(P)
    assert center.status is Status.OPTIMAL
    drawn = sample(P, 320, seed=1)
    assert drawn.dimension == 2
    along = drawn.points @ np.array([b, -a]) / (a * a + b * b)
    assert abs(along.mean()) < 0.15
    assert drawn.violation.max() <= max(width, 4 * ULP)


@pytest.mark.parametrize("seed", range(40))
def test_own_coordinates_are_those_of_the_set(seed: int) -> None:
    P = random_integer_polytope(seed)
    own = own_coordinates(P)
    corners = vertices(P)
    if own is None:
        assert len(corners) <= 1
        return
    # The center is strictly inside all that is not implicit, exactly, and the rows are those of the set.
    x = [Fraction(float(o)) + c for o, c in zip(P.origin, own.center, strict=True)]
    inequalities, equalities = constraints(P)
    assert all(dot(a, x) == b for a, b in equalities)
    slacks = [b - dot(a, x) for a, b in inequalities]
    assert min(slacks) >= 0
    assert all(s > 0 or all(dot(a, c) == b for c in corners) for s, (a, b) in zip(slacks, inequalities, strict=True))
    assert np.linalg.cond(own.rows) < 1e4
    assert volume(own.polyhedron).log_estimate + own.log_scale == pytest.approx(volume(P).log_estimate, abs=1e-9)
    Z, rows = own.orthonormal
    assert float(np.abs(Z.T @ Z - np.eye(own.dimension)).max()) < 1e-12
    step = np.linalg.lstsq(own.basis.matrix, Z, rcond=None)[0]
    assert rows == pytest.approx(own.rows @ step, abs=1e-9)


def test_the_unit_of_a_set_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    A, b = rng.integers(-4, 5, (8, 3)).astype(float), np.full(8, 3.0)
    whole = Polyhedron(A, b, lower=-2.0, upper=2.0, origin=np.zeros(3))
    v, r = volume(whole).log_estimate, chebyshev_center(whole).radius
    for exponent in (-900, -200, -60, -47, 47, 60, 200, 900):
        unit = 2.0**exponent
        P = Polyhedron(A * 2.0**40, b * 2.0**40 * unit, lower=-2.0 * unit, upper=2.0 * unit, origin=np.zeros(3))
        assert P.volume().log_estimate == pytest.approx(v + 3 * exponent * math.log(2), abs=1e-6), exponent
        ball = P.chebyshev_center()
        assert ball.status is not Status.OPTIMAL or ball.radius == pytest.approx(r * unit, rel=1e-4), exponent
        assert ball.status is Status.OPTIMAL or exponent > 0
        assert P.sample(64, seed=2).violation.max() <= 1e-12 * unit * 2.0**40


def test_sets_far_from_zero() -> None:
    # A square of 2^-20 about (2^30 + 1/2, 2^30): its corners are floats.
    x = np.array([2.0**30 + 0.5, 2.0**30])
    rows = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]])
    P = Polyhedron(rows, np.full(4, 2.0**-20), origin=x)
    assert P.volume().log_estimate == pytest.approx(math.log(2 * 2.0**-40), abs=1e-6)
    ball = P.chebyshev_center()
    assert ball.status is Status.OPTIMAL
    assert ball.radius == pytest.approx(2.0**-20 / math.sqrt(2), rel=1e-4)
    assert float(np.abs(ball.point - x).max()) < 2.0**-20


def flat(d: int, tilt: float) -> Polyhedron:
    """x_0 = (1 + tilt) x_1 and x_0 >= x_1 in a box, so that x_1 >= 0 where tilt > 0: a half of what it is without."""
    eq, ub = np.zeros((1, d)), np.zeros((1, d))
    eq[0, :2] = 1.0, -(1 + tilt)
    ub[0, :2] = -1.0, 1.0
    return Polyhedron(ub, np.zeros(1), eq, np.zeros(1), lower=-1.0, upper=1.0, origin=np.zeros(d))


def test_what_is_too_large_for_exact_arithmetic_is_left_open() -> None:
    exact, tilted = flat(70, 0.0), flat(70, ULP)
    assert constant_rows_hold(hull_rows(exact), np.zeros(70), math.inf)
    assert not constant_rows_hold(hull_rows(tilted), np.zeros(70), math.inf)
    assert volume(tilted, method="ellipsoids").method is VolumeMethod.UNDECIDED
    assert chebyshev_center(tilted).status is Status.FAILED
    assert analytic_center(tilted).status is Status.INACCURATE
    with pytest.raises(InputError, match="so thin that floats do not see where it ends"):
        sample(tilted, 10)
    # A row that cannot be reached may be as tilted as it likes, one that is constant as tight.
    away = Polyhedron(tilted.A_ub, np.full(1, 1e-9), tilted.A_eq, tilted.b_eq, tilted.lower, tilted.upper)
    for P in (exact, away):
        assert volume(P, method="ellipsoids").method is VolumeMethod.ELLIPSOIDS
        assert chebyshev_center(P).status is Status.OPTIMAL
        assert analytic_center(P).status is Status.OPTIMAL


def test_constant_rows_of_combined_equalities() -> None:
    A_eq = np.array([[1.0, 2.0, 3.0, 0.0], [0.1, 0.7, -0.3, 1.0]])
    low, high = np.full(4, -1.0), np.array([1.0, 1.0, 1.0, 1.0])
    total = A_eq[0] + 4 * A_eq[1]  # rounded
    exact = all(Fraction(t) == Fraction(a) + 4 * Fraction(b) for t, a, b in zip(total, *A_eq, strict=True))
    for row, right, holds in (
        (2 * A_eq[0], 0.0, True),
        (-A_eq[1], 0.0, True),
        (total, 0.0, exact),
        (np.nextafter(2 * A_eq[0], np.inf), 0.0, False),
        (2 * A_eq[0], -1e-300, False),
        (np.nextafter(2 * A_eq[0], np.inf), 1e-3, True),
    ):
        P = Polyhedron(row[None], np.array([right]), A_eq, np.zeros(2), low, high, np.zeros(4))
        rows = hull_rows(P)
        assert not rows.rows.size
        assert constant_rows_hold(rows, np.zeros(4), math.inf) is holds
    # An error in the right-hand side is not known to leave it.
    P = Polyhedron(A_eq[:1], np.zeros(1), A_eq, np.zeros(2), low, high, np.zeros(4), np.array([1e-20]))
    assert not constant_rows_hold(hull_rows(P), np.zeros(4), math.inf)


def test_determinants_of_gram_matrices() -> None:
    rng = np.random.default_rng(1)
    for n, d in ((1, 1), (2, 5), (7, 9)):
        N = rng.integers(1, 7, (n, d))
        sign, log = np.linalg.slogdet((N @ N.T).astype(float))
        assert sign > 0
        assert log_gram_determinant(N.tolist()) == pytest.approx(log)
    assert log_gram_determinant([]) == 0.0
    big = 2**600
    assert log_gram_determinant([[big, 0], [big, 1]]) == pytest.approx(1200 * math.log(2))
