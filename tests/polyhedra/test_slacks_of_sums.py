"""Bounds by weak duality with errors that can be seen, in boxes with one far side and with many rows."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coarse import coarsen
from polyhedra.written_out import INF, polyhedron
from unrelu.polyhedra import distance_bound as of_distance
from unrelu.polyhedra import functional_bound as of_functional
from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.polyhedron import Polyhedron

LEAST = 2.0**-1074


def test_what_products_lose_depends_on_the_greatest_multiplier(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron([([1.0, 0.0], 4.0)], [([0.0, 1.0], 1.0), ([0.0, 2.0], 2.0)], lower=[-9.0, -9.0], upper=[9.0, 9.0])
    asked = []
    monkeypatch.setattr(of_functional, "lost", lambda *given: asked.append(given) or 0.0)
    for mu, lam, greatest in (([0.5, -3.0], [0.25], 3.0), ([0.5, 0.0], [0.75], 0.75), ([2.0, 0.5], [0.25], 2.0)):
        functional_bound(P, np.array([1.0, 1.0]), np.array(mu), np.array(lam))
        assert asked[-1] == (3, greatest)


@pytest.mark.parametrize("d", [3, 20, 60])
def test_many_products_of_subnormal_numbers_are_paid_for(d: int) -> None:
    third = 1 / 3
    P = polyhedron(lower=[5 * LEAST] * d, upper=[1.0] * d, d=d)
    none = np.zeros(0)
    assert functional_bound(P, np.full(d, third), none, none) <= d * third * 5 * LEAST
    rows = [(row, 5 * LEAST) for row in np.eye(d).tolist()]
    E = polyhedron(None, rows, d=d)
    assert functional_bound(E, np.full(d, third), np.full(d, -third), none) <= d * third * 5 * LEAST
    G = polyhedron(rows, d=d)
    assert functional_bound(G, np.full(d, -third), none, np.full(d, third)) <= -d * third * 5 * LEAST
    assert distance_bound(E, np.zeros(d), INF, np.full(d, -1 / d), none) <= 5 * LEAST


BOXES = [
    ([-1.0, -2.0], [50.0, 40.0]),
    ([-50.0, -40.0], [1.0, 2.0]),
    ([-50.0, -1.0], [2.0, 40.0]),
    ([3.0, 4.0], [50.0, 40.0]),
]


@pytest.mark.parametrize(("lower", "upper"), BOXES)
@pytest.mark.parametrize("lam", [0.25, 0.2, 0.3])
@pytest.mark.parametrize("flip", [1.0, -1.0])
@pytest.mark.parametrize("as_equality", [False, True])
def test_an_uncertain_slope_costs_at_the_farther_side(
    monkeypatch: pytest.MonkeyPatch, lower: list[float], upper: list[float], lam: float, flip: float, as_equality: bool
) -> None:
    """In the 1-norm, of w + c with c = lam (3, 4), each coordinate off by gamma_1 |c|."""
    unit, row, b = 2.0**-9, [3.0 * flip, 4.0 * flip], -1000.0
    none, multiplier = np.zeros(0), np.array([lam])
    if as_equality:
        P = polyhedron(None, [([-x for x in row], -b)], lower=lower, upper=upper)
        given = (-multiplier, none)
    else:
        P, given = polyhedron([(row, b)], lower=lower, upper=upper), (none, multiplier)
    target = np.array([5.0, 6.0] if lower[0] == 3 else [0.5, 1.0])
    slope = lam * np.array(row)
    coarsen(monkeypatch, of_distance, unit, lambda n: n == 5)  # products of one row
    found = distance_bound(P, target, 1, *given)
    weights = np.clip(-slope, -1.0, 1.0)

    def bound(error: float) -> float:
        total = -lam * b + weights @ (-target)
        for w, c, low, high in zip(weights, slope, lower, upper, strict=True):
            size = abs(c) * error
            total += min((w + c + s * size) * end for s in (1, -1) for end in (low, high))
        return float(total)

    assert found <= bound(unit) + 1e-9
    # What is certain to be positive or not is not known to the bound, which takes the farther side.
    reach = np.maximum(np.abs(lower), np.abs(upper))
    loose = -lam * b + weights @ (-target) - 10 * unit * (np.abs(slope) @ reach)
    loose += sum(
        min((w + c) * low, (w + c) * high) for w, c, low, high in zip(weights, slope, lower, upper, strict=True)
    )
    assert found >= loose - 1e-9
    assert found > 0


@pytest.mark.parametrize("n", [1, 12])
def test_the_last_sum_is_off_by_its_terms(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """n rows and 2 coordinates: n + 4 terms, of rows, sides and weights."""
    unit = 2.0**-12
    rows = [([3.0 + k, 4.0], -1000.0) for k in range(n)]
    P = polyhedron(rows, lower=[-50.0, -50.0], upper=[50.0, 50.0])
    lam, target = np.full(n, 0.25 / n), np.array([2.0, 1.0])
    slope = lam @ np.array([row for row, _ in rows])
    weights = np.clip(-slope, -1.0, 1.0)
    reduced = weights + slope
    terms = [-1000.0 * 0.25, *(weights * -target), *(-50.0 * np.abs(reduced))]
    exact = 250.0 - weights @ target - 50.0 * np.abs(reduced).sum()
    coarsen(monkeypatch, of_distance, unit, lambda length: length == n + 8)
    found = distance_bound(P, target, 1, np.zeros(0), lam)
    needed = unit * sum(abs(term) for term in terms)
    assert exact - 2 * (n + 8) * needed - 1e-9 <= found <= exact - (n + 3) * needed + 1e-9
    assert found > 0
    assert isinstance(P, Polyhedron)
    assert math.isfinite(found)


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_a_far_side_gives_nothing_back(flip: float) -> None:
    """x in [-1, 10^8] from -2: the rounding of the weight counts at the near side, and against the bound."""
    lower, upper = ([-1.0], [1e8]) if flip > 0 else ([-1e8], [1.0])
    for norm in (1, 2, INF):
        found = distance_bound(polyhedron(lower=lower, upper=upper, d=1), np.array([-2.0 * flip]), norm, NONE, NONE)
        assert 1 - 1e-6 <= found <= 1.0


NONE = np.zeros(0)


@pytest.mark.parametrize("n", [1, 12, 40])
def test_the_last_sum_of_a_functional_is_off_by_its_terms(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """n rows and three coordinates: products and a sum of n + 3 terms."""
    unit = 2.0**-12
    rows = [([1.0 + k, -1.0, 0.0], 2.0) for k in range(n)]
    P = polyhedron(rows, lower=[-3.0, -4.0, -1.0], upper=[2.0, 5.0, 1.0], d=3)
    lam, c = np.full(n, 2.0 / n), np.array([1.0, -1.0, 1.0])
    r = c + lam @ np.array([row for row, _ in rows])
    terms = [r[0] * -3.0, r[1] * 5.0, -1.0, *(-lam * 2.0)]
    coarsen(monkeypatch, of_functional, unit, lambda length: length == n + 7)
    found = functional_bound(P, c, NONE, lam)
    needed, exact = unit * sum(abs(term) for term in terms), float(sum(terms))
    assert exact - 2 * (n + 7) * needed - 1e-9 <= found <= exact - (n + 3) * needed + 1e-9
