"""Each term of the bound of a distance, on the wrong side by a little and on the right side.

Roundings are asked about with a coarse unit roundoff (see `coarse`): what bounds its errors holds for any.
"""

from __future__ import annotations

import numpy as np
import pytest

from coarse import coarsen
from flushing import flushing
from polyhedra.written_out import INF, polyhedron
from unrelu.polyhedra import distance_bound as of_distance
from unrelu.polyhedra.distance_bound import distance_bound

NONE = np.zeros(0)
LEAST = 2.0**-1074


def near(value: float, exact: float, *, off: float = 1e-12) -> bool:
    """Whether a bound from below is one, and near."""
    return exact - off * (1 + abs(exact)) <= value <= exact


def dual(norm: float, w: np.ndarray) -> float:
    return float({1: np.abs(w).max(), 2: np.linalg.norm(w), INF: np.abs(w).sum()}[norm])


@pytest.mark.parametrize("norm", [1, 2, INF])
@pytest.mark.parametrize("origin", [[0.0, 0.0], [0.5, -1.0]])
@pytest.mark.parametrize("error", [0.0, 0.25])
def test_a_distance_is_that_to_a_half_plane(norm: float, origin: list[float], error: float) -> None:
    # 3 z_0 + 4 z_1 <= -10, of which the target misses 20
    target = np.array([2.0, 1.0]) + origin
    P = polyhedron([([3.0, 4.0], -10.0)], origin=origin, ub_error=[error])
    a = {1: 4.0, 2: 5.0, INF: 7.0}[norm]
    lam = 20.0 / 25 if norm == 2 else 1 / a
    exact = (20.0 - error) / a
    assert near(distance_bound(P, target, norm, NONE, np.array([lam])), exact)
    for sign in (1.0, -1.0):
        E = polyhedron(None, [([3.0 * sign, 4.0 * sign], -10.0 * sign)], origin=origin, eq_error=[error])
        assert near(distance_bound(E, target, norm, np.array([lam * sign]), NONE), exact)
        assert distance_bound(E, target, norm, np.array([-lam * sign]), NONE) == 0.0


@pytest.mark.parametrize("norm", [1, 2, INF])
@pytest.mark.parametrize("unit", [2.0**-30, 2.0**-12, 2.0**-7])
@pytest.mark.parametrize("bounded", [True, False])
def test_the_roundings_of_a_distance_are_paid_for(
    monkeypatch: pytest.MonkeyPatch, norm: float, unit: float, bounded: bool
) -> None:
    """With a slope off by gamma |A|'|lam|: at the box, or, where there is none, in the weights."""
    target = np.array([2.0, 1.0])
    side = 50.0 if bounded else INF
    P = polyhedron([([3.0, 4.0], -10.0)], lower=[-side, -side], upper=[side, side])
    a = {1: 4.0, 2: 5.0, INF: 7.0}[norm]
    lam = 20.0 / 25 if norm == 2 else 1 / a
    of_slope = 1 / a * np.array([3.0, 4.0])  # |A|'|lam| at the end, in the units of the norm
    exact = 20.0 / a

    def worst(u: float, of_sum: float) -> float:
        loss = u * float(of_slope @ (np.full(2, 50.0) if bounded else np.abs(target)))
        size = 1.0 if bounded else dual(norm, of_slope * (1 + u))
        return (exact - loss - of_sum * (10.0 / a + float(of_slope @ np.abs(target)))) / max(1.0, size)

    def clear(value: float) -> float:
        return max(value, 0.0)

    coarsen(monkeypatch, of_distance, unit)
    found = distance_bound(P, target, norm, NONE, np.array([lam]))
    assert clear(worst(14 * unit, 10 * unit)) - 1e-6 <= found <= clear(worst(unit, unit)) + 1e-12
    coarsen(monkeypatch, of_distance, 0.0)
    monkeypatch.setattr(of_distance, "lost", lambda *_: unit)
    of_loss = np.array([1.0, 1.0])
    loss = unit * float(of_loss @ (np.full(2, 50.0) if bounded else np.abs(target)))
    size = 1.0 if bounded else dual(norm, of_slope + unit)
    exact_loss = clear((exact - loss) / max(1.0, size))
    found = distance_bound(P, target, norm, NONE, np.array([lam]))
    assert exact_loss - 1e-6 <= found <= exact_loss + 1e-12


@pytest.mark.parametrize("norm", [1, 2, INF])
def test_weights_that_are_too_large_are_made_smaller(norm: float) -> None:
    # Without a box the weights are the slope, however large it is: its dual norm divides.
    P = polyhedron([([3.0, 4.0], -10.0)])
    for lam in (0.01, 0.2, 1.0, 50.0):
        found = distance_bound(P, np.array([2.0, 1.0]), norm, NONE, np.array([lam]))
        assert found <= 20.0 / {1: 4.0, 2: 5.0, INF: 7.0}[norm]


@pytest.mark.parametrize("norm", [1, 2, INF])
def test_a_distance_to_a_box_needs_no_rows(norm: float) -> None:
    P = polyhedron(lower=[-1.0, 3.0], upper=[1.0, 7.0])
    for target, apart in (
        ([2.0, 5.0], (1.0, 0.0)),
        ([-4.0, 1.0], (3.0, 2.0)),
        ([0.0, 8.0], (0.0, 1.0)),
        ([0.0, 5.0], (0.0, 0.0)),
    ):
        exact = float(np.linalg.norm(apart, norm))
        assert near(distance_bound(P, np.array(target), norm, NONE, NONE), exact)


@pytest.mark.parametrize("norm", [1, 2, INF])
@pytest.mark.parametrize("excess", [0.0, -0.001, 0.001])
@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_half_a_box_fixes_the_weights_that_would_run_away(
    monkeypatch: pytest.MonkeyPatch, norm: float, excess: float, flip: float
) -> None:
    """With one bound only, slopes of one sign, up to their error, would have a minimum of -inf."""
    lower, upper = ([0.0, 0.0], [INF, INF]) if flip > 0 else ([-INF, -INF], [0.0, 0.0])
    P = polyhedron([([-3.0 * flip, -4.0 * flip], -10.0)], lower=lower, upper=upper)
    target = np.zeros(2)
    a = {1: 4.0, 2: 5.0, INF: 7.0}[norm]
    lam = (2.0 / 5 if norm == 2 else 1 / a) * (1 + excess)
    for unit in (0.0, 1e-4, 1e-2):
        coarsen(monkeypatch, of_distance, unit)
        found = distance_bound(P, target, norm, NONE, np.array([lam]))
        # Within a hundredth and what is paid for rounding: 10 / a at most.
        assert found <= 10.0 / a
        assert found >= 10.0 / a * (1 - 2 * abs(excess) - 40 * unit) - 1e-9


def test_what_products_lose_depends_on_the_greatest_multiplier_and_on_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    P = polyhedron([([1.0, 0.0], -4.0)], [([0.0, 1.0], 1.0), ([0.0, 2.0], 2.0)], lower=[-9.0, -9.0], upper=[9.0, 9.0])
    asked = []
    monkeypatch.setattr(of_distance, "lost", lambda *given: asked.append(given) or 0.0)
    lengths: list[int] = []
    original = of_distance.gamma
    monkeypatch.setattr(of_distance, "gamma", lambda n: lengths.append(n) or original(n))
    for mu, lam, greatest in (([0.5, -3.0], [0.25], 3.0), ([0.5, 0.0], [0.75], 0.75), ([0.0, 0.5], [0.25], 0.5)):
        distance_bound(P, np.zeros(2), 1, np.array(mu), np.array(lam))
        assert asked[-1] == (3, greatest)
        assert min(lengths) >= 3  # products of each sum
        lengths.clear()


def test_a_distance_of_a_few_least_floats_is_not_rounded_up() -> None:
    P = polyhedron(None, [(row, 5 * LEAST) for row in np.eye(3).tolist()], d=3)
    assert distance_bound(P, np.zeros(3), INF, np.full(3, -1 / 3), NONE) <= 5 * LEAST
    box = polyhedron(lower=[5 * LEAST] * 3, d=3)
    for norm in (1, 2, INF):
        assert distance_bound(box, np.zeros(3), norm, NONE, NONE) <= 5 * LEAST * {1: 3, 2: 1.74, INF: 1}[norm]


def test_a_thread_that_flushes_gets_no_distance() -> None:
    P = polyhedron(lower=[3.0, 3.0])
    assert distance_bound(P, np.zeros(2), 1, NONE, NONE) > 5
    with flushing():
        assert distance_bound(P, np.zeros(2), 1, NONE, NONE) == 0.0


@pytest.mark.parametrize("flip", [1.0, -1.0])
@pytest.mark.parametrize("excess", [2.0**-4, 2.0**-2])
def test_a_slope_that_may_have_the_wrong_sign_takes_no_minimum_at_the_bound(
    monkeypatch: pytest.MonkeyPatch, flip: float, excess: float
) -> None:
    """x >= 0 (one bound) and x >= 2, at -1, with multipliers that leave a slope within or beyond its error."""
    lower, upper = ([0.0], [INF]) if flip > 0 else ([-INF], [0.0])
    P = polyhedron([([-flip], -2.0)], lower=lower, upper=upper, d=1)
    lam, target = np.array([1.0 - excess]), np.array([-flip])
    coarsen(monkeypatch, of_distance, 0.1, lambda n: n == 5)  # products of one row
    found = distance_bound(P, target, 1, NONE, lam)
    # The slope is `excess` and may be off by gamma_1; where it may be negative the weight has to give way.
    assert found <= (3 * (1 - excess) if excess < 0.1 else 3.0 - 2 * excess)
    assert found > 0
