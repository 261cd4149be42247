"""What a domain at a point is made of: its rows through the point, what rounding explains, and how far rows moved."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from polyhedra.written_out import INF, polyhedron
from unrelu.errors import DomainError
from unrelu.polyhedra import domain_at as module
from unrelu.polyhedra.domain_at import DomainAt, _at, _distance, _Slacks, domain_at, the_domain_at
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import UNDERFLOW, UNIT


def at(P: Polyhedron, *x: float, unit: float = UNIT, exact: bool = False) -> DomainAt:
    return the_domain_at(DomainRows.of(P), np.array(x), unit=unit, exact=exact)


# x + y = 1 from two sides, in units of which one is twice the other; x - y <= 0, which (1/2, 1/2) attains; x <= 9.
LINE = polyhedron(
    [([1.0, 1.0], 1.0), ([-2.0, -2.0], -2.0), ([1.0, -1.0], 0.0), ([1.0, 0.0], 9.0)], lower=[0.0, 0.5], upper=[4.0, 5.0]
)


def test_the_tangent_cone_is_of_the_rows_that_go_through_the_point() -> None:
    found = at(LINE, 0.5, 0.5)
    assert found.moved.tolist() == [True, True, True, False]
    assert (found.held.tolist(), found.idle.tolist()) == ([True] + [False] * 3, [False, True, False, False])
    equal, below = found.tangent
    assert equal.tolist() == [True] + [False] * 7
    assert below.tolist() == [False, False, True, False, False, True, False, False]  # the lower bound of y
    wide = polyhedron([([1.0, 1.0], 9.0)], lower=[0.0, -INF], upper=[1.0, 2.0])
    for x, tight in (([0.0, 2.0], [True, False, True]), ([1.0, 0.0], [False, True, False]), ([0.5, 1.0], [False] * 3)):
        assert at(wide, *x).tight_bounds.tolist() == tight
        assert at(wide, *x).tangent[1].tolist() == [False, *tight]


def test_a_point_belongs_where_all_rows_hold() -> None:
    found = at(LINE, 0.5, 0.5)
    assert found.contains(np.array([0.5, 0.5]))
    assert found.contains(np.array([0.25, 0.75]))
    assert found.contains(np.array([0.0, 1.0]))
    for wrong in ([0.25, 0.7], [0.3, 0.8], [0.375, 0.5], [0.0, 5.5], [np.nan, 0.5], [-0.5, 1.5], [0.5, INF]):
        assert not found.contains(np.array(wrong))
    beyond = at(polyhedron(LINE_ROWS, lower=[-9.0, -9.0], upper=[9.0, 9.0]), 0.5, 0.5)
    assert not beyond.contains(np.array([0.75, 0.25]))  # x <= y
    assert beyond.contains(np.array([-8.0, 9.0]))  # with an upper bound attained
    assert not beyond.contains(np.array([-8.0, 9.0 - 2.0**-49]))
    other = polyhedron(None, [([1.0, -1.0], 0.0)], upper=[1.0, 1.0])
    assert at(other, 0.5, 0.5).contains(np.array([1.0, 1.0]))
    assert not at(other, 0.5, 0.5).contains(np.array([1.0, 0.5]))
    assert at(other, 1.0, 1.0).point.tolist() == [1.0, 1.0]


LINE_ROWS = [([1.0, 1.0], 1.0), ([-2.0, -2.0], -2.0), ([1.0, -1.0], 0.0), ([1.0, 0.0], 9.0)]


def test_a_held_row_was_moved_as_far_as_any_on_its_line() -> None:
    """Two lines of two rows each; the second row of each moved further, in a unit that is 3 times the first's."""
    rows = [([1.0, 1.0], 0.0), ([-3.0, -3.0], 0.0), ([1.0, -1.0], 0.0), ([-3.0, 3.0], 0.0), ([1.0, 0.0], 0.0)]
    found = replace(at(polyhedron(rows), 0.0, 0.0), ub_shift=np.array([0.1, 3.3, 0.2, 0.3, 7.0]))
    assert found.held.tolist() == [True, False, True, False, False]
    largest = found.largest_on_line
    assert Fraction(3.3) / 3 <= Fraction(float(largest[0])) <= Fraction(3.3) / 3 * (1 + Fraction(1, 2**45))
    assert largest[1:].tolist() == [3.3, 0.2, 0.3, 7.0]
    alone = replace(at(polyhedron(rows[:1] + rows[4:]), 0.0, 0.0), ub_shift=np.array([0.1, 0.2]))
    assert alone.largest_on_line.tolist() == [0.1, 0.2]
    for number in (0.1, 1.0, 3.3, 1 / 7, 0.7):
        moved = replace(found, ub_shift=np.array([0.0, number, 0.0, 0.0, 0.0]))
        assert Fraction(float(moved.largest_on_line[0])) >= Fraction(number) / 3


@pytest.mark.parametrize("unit", [2.0**-10, 2.0**-6])
def test_the_error_of_a_slack_is_that_of_its_sum(monkeypatch: pytest.MonkeyPatch, unit: float) -> None:
    rng = np.random.default_rng(0)
    matrix, values, origin = -rng.random((3, 12)), rng.standard_normal(3), rng.standard_normal(12)
    matrix[1] *= 2.0**200
    matrix[2, 0] = 0.0
    points = rng.standard_normal((4, 12))
    coarsen(monkeypatch, module, unit)
    found = _Slacks.at(matrix, values, origin, points, UNIT)
    sizes = (np.abs(points) + np.abs(origin)) @ np.abs(matrix).T + np.abs(values)
    assert (found.error >= 12 * unit * sizes).all()
    assert (found.error <= 2 * 16 * unit * sizes * (1 + 1e-12)).all()
    coarsen(monkeypatch, module, 0.0)
    found = _Slacks.at(matrix, values, origin, points, UNIT)
    # Each product loses that, times the number where the other operand counts as 0.
    needed = 12 * UNDERFLOW * (1 + np.abs(matrix).max(axis=1))
    assert (found.error >= needed).all()
    assert (found.error <= 4 * needed).all()


def test_what_overflows_on_the_way_has_no_error() -> None:
    points = np.array([[1e308, 1e308]])
    found = _Slacks.at(np.array([[1.0, -1.0], [1.0, 1.0], [1e-10, 1.0]]), np.zeros(3), np.zeros(2), points, UNIT)
    assert np.isinf(found.error[0]).tolist() == [True, True, False]
    found = _Slacks.at(np.array([[1.0, 1.0]]), np.zeros(1), np.array([0.0, 0.0]), points * [1.0, -1.0], UNIT)
    assert np.isinf(found.error).all()


@pytest.mark.parametrize("unit", [2.0**-3, 0.15, 2.0**-11, UNIT])
def test_what_rounding_explains_is_exactly_gamma_of_the_sizes(unit: float) -> None:
    P = polyhedron([([1.0, -3.0], 5.0), ([0.0, 2.0], -1.0)], origin=[0.5, -2.0])
    found = _Slacks.at(P.A_ub, P.b_ub, P.origin, np.array([[1.0, 2.0]]), unit).of(0)
    for row, (terms, size) in enumerate(((3, Fraction(1.5) + 12 + 5), (2, Fraction(8 + 1)))):
        nu = terms * Fraction(unit)
        assert found.tau(row) == size * nu / (1 - nu)
    with pytest.raises(DomainError, match="says nothing"):
        replace(found, unit=0.25).tau(1)  # 2 u = 1/2


@pytest.mark.parametrize("part", [0.5, 0.7, 0.95, 1.05, 2.5])
@pytest.mark.parametrize("unit", [0.15, 0.16, 2.0**-4, 2.0**-11])
def test_rows_within_what_rounding_explains_go_through_the_point(part: float, unit: float) -> None:
    """Of `x + y <= h` at (1, 0) the slack is h - 1, and the sizes are h + 1."""
    nu = Fraction(3 * unit)
    most = nu / (1 - nu)
    share = min(Fraction(part) * most, Fraction(99, 100))
    h = float((1 + share) / (1 - share))
    found = at(polyhedron([([1.0, 1.0], h)]), 1.0, 0.0, unit=unit)
    assert found.moved.tolist() == [share <= most and part < 1]


def test_slacks_that_may_be_off_are_taken_exactly() -> None:
    """What is computed as 1/2 with an error of 6/10, and is 0."""
    P = polyhedron([([1.0, 0.0], 0.0)])
    rows, x = DomainRows.of(P), np.zeros(2)
    eq, ub = (_Slacks.at(*given, P.origin, x[None], UNIT).of(0) for given in ((P.A_eq, P.b_eq), (P.A_ub, P.b_ub)))
    for computed, error, allowed, clear in (
        (0.5, 0.6, 0.0, False),
        (0.6, 0.6, 0.0, False),
        (0.5, 0.0, 0.3, False),
        (0.5, 0.0, 0.25, False),
        (0.5, 0.0, 0.2, True),
        (0.5, 0.3, 0.2, False),
    ):
        given = replace(ub, computed=np.array([computed]), error=np.array([error]), allowed=np.array([allowed]))
        assert _at(rows, x, eq, given, exact=False).moved.tolist() == [not clear]


@pytest.mark.parametrize(
    "row", [[3.0, 4.0], [-3.0, -4.0], [1e300, 1e300], [-1e-300, 1e-300], [0.0, -0.1], [2.0**-1070, 0.0], [1.0, 1e-20]]
)
def test_a_row_moves_by_its_shift_over_its_norm(row: list[float]) -> None:
    square = sum(Fraction(number) ** 2 for number in row)
    for factor in (1.0, 0.1, 1 / 3, 0.7, 1e-5):
        shift = factor * max(abs(number) for number in row)
        found = Fraction(_distance(np.array(row), shift))
        exact = Fraction(shift) ** 2 / square
        assert exact <= found**2 <= exact * (1 + Fraction(1, 2**40)) + Fraction(1, 2**1000)
    assert _distance(np.zeros(2), 1.0) == math.inf


def test_a_point_at_a_bound_is_inside() -> None:
    rows = DomainRows.of(polyhedron(lower=[0.0, 0.0], upper=[1.0, 1.0]))
    points = np.array([[0.0, 1.0], [1.0, 0.0], [np.nextafter(1.0, 2.0), 0.0], [0.5, -1e-300]])
    assert [isinstance(found, DomainError) for found in domain_at(rows, points)] == [False, False, True, True]
