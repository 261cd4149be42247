"""Ranges: scipy's optima, exact vertices, closed forms, infinities, and fewer programs than coordinates."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from known_bodies import BODIES, Body, cube
from polyhedra.exact_polytopes import random_integer_polytope, vertices
from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.functional_range import functional_range
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.ranges import ranges
from unrelu.polyhedra.recession import recession
from unrelu.solvers.status import Status


def scipy_minimum(P: Polyhedron, c: np.ndarray) -> float:
    found = linprog(
        c,
        P.A_ub,
        P.b_ub + P.A_ub @ P.origin,
        P.A_eq if len(P.A_eq) else None,
        P.b_eq + P.A_eq @ P.origin if len(P.A_eq) else None,
        bounds=np.column_stack([P.lower, P.upper]),
        method="highs",
    )
    if found.status in (2, 3):
        return math.inf if found.status == 2 else -math.inf
    assert found.fun is not None
    return float(found.fun)


def random_polyhedron(seed: int, d: int, equalities: int, rows: int, *, free: bool = False) -> Polyhedron:
    rng = np.random.default_rng(seed)
    origin = rng.standard_normal(d)
    A_eq, A_ub = rng.standard_normal((equalities, d)), rng.standard_normal((rows, d)) * 100
    lower, upper = origin - rng.uniform(0, 1, d), origin + rng.uniform(0, 1, d)
    lower, upper = np.where(rng.random(d) < 0.3, origin, lower), np.where(rng.random(d) < 0.3, np.inf, upper)
    return Polyhedron(
        A_ub,
        rng.uniform(0, 30, rows),
        A_eq,
        np.zeros(equalities),
        None if free else lower,
        None if free else upper,
        origin,
    )


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("equalities", "rows", "free"), [(3, 6, False), (0, 3, False), (4, 40, True), (3, 25, False)])
def test_ranges_are_scipys(seed: int, equalities: int, rows: int, free: bool) -> None:
    P = random_polyhedron(seed, 10, equalities, rows, free=free)
    found = ranges(P, workers=1, progress=False)
    for j, unit in enumerate(np.eye(10)):
        assert found.lower[j] == pytest.approx(scipy_minimum(P, unit), abs=1e-7)
        assert found.upper[j] == pytest.approx(-scipy_minimum(P, -unit), abs=1e-7)
    assert (found.proved_lower <= found.lower + 1e-8).all()
    assert (found.proved_upper >= found.upper - 1e-8).all()


@pytest.mark.parametrize("start", range(0, 120, 40))
def test_proved_ends_hold_exactly(start: int) -> None:
    for seed in range(start, start + 40):
        P = random_integer_polytope(seed)
        corners = vertices(P)
        found = ranges(P, workers=1, progress=False)
        if not corners:
            assert (found.lower == math.inf).all()
            assert (found.upper == -math.inf).all()
            assert (found.width == 0).all()
            continue
        for j in range(P.n_coordinates):
            least, greatest = min(x[j] for x in corners), max(x[j] for x in corners)
            assert Fraction(found.proved_lower[j]) <= least, seed
            assert Fraction(found.proved_upper[j]) >= greatest, seed
            assert found.lower[j] == pytest.approx(float(least), abs=1e-8)
            assert found.upper[j] == pytest.approx(float(greatest), abs=1e-8)
            assert found.proved_lower[j] == pytest.approx(float(least), abs=1e-8)
            assert found.proved_upper[j] == pytest.approx(float(greatest), abs=1e-8)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_known_bodies(body: Body) -> None:
    found = ranges(body.polyhedron, progress=False)
    np.testing.assert_allclose(found.lower, body.lower, atol=1e-8)
    np.testing.assert_allclose(found.upper, body.upper, atol=1e-8)
    np.testing.assert_allclose(found.width, body.upper - body.lower, atol=2e-8)
    assert (found.lower_status == Status.OPTIMAL).all()
    assert (found.upper_status == Status.OPTIMAL).all()


def test_one_sum_settles_a_cube() -> None:
    found = ranges(cube(30).polyhedron, workers=2, progress=False)
    assert found.n_programs == 2
    assert found.proved_lower.tolist() == [0.0] * 30
    assert found.proved_upper.tolist() == [1.0] * 30


def test_threads_find_the_same() -> None:
    P = random_polyhedron(3, 12, 3, 8)
    alone, together = ranges(P, workers=1, progress=False), ranges(P, workers=3, progress=False)
    np.testing.assert_allclose(together.lower, alone.lower, atol=1e-8)
    np.testing.assert_allclose(together.upper, alone.upper, atol=1e-8)


def test_some_coordinates() -> None:
    P = random_polyhedron(1, 10, 3, 6)
    whole, part = ranges(P, progress=False), ranges(P, np.array([7, 2]), progress=False)
    assert part.coordinates.tolist() == [7, 2]
    np.testing.assert_allclose(part.lower, whole.lower[[7, 2]], atol=1e-8)
    np.testing.assert_allclose(part.upper, whole.upper[[7, 2]], atol=1e-8)
    assert ranges(P, np.array([], dtype=int), progress=False).lower.shape == (0,)


def test_unbounded_ends_are_infinite() -> None:
    # x_0 >= 1, x_1 <= x_0, x_2 = 3: one end, one end, none; both forms of the program.
    P = Polyhedron(
        np.array([[-1.0, 1, 0]]), np.zeros(1), np.array([[0.0, 0, 1]]), np.array([3.0]), lower=[1, -np.inf, -np.inf]
    )
    found = ranges(P, progress=False)
    np.testing.assert_allclose(found.lower, [1, -np.inf, 3])
    np.testing.assert_allclose(found.upper, [np.inf, np.inf, 3])
    assert found.upper_status.tolist() == [Status.UNBOUNDED, Status.UNBOUNDED, Status.OPTIMAL]
    assert found.proved_upper.tolist()[:2] == [np.inf, np.inf]
    many = Polyhedron(
        np.repeat([[-1.0, 1, 0]], 9, axis=0), np.zeros(9), lower=[1, -np.inf, 2], upper=[np.inf] * 2 + [3]
    )
    found = ranges(many, progress=False)
    np.testing.assert_allclose(found.lower, [1, -np.inf, 2])
    np.testing.assert_allclose(found.upper, [np.inf, np.inf, 3])


def test_a_radius_proves_the_ends_of_free_coordinates() -> None:
    P = random_polyhedron(2, 8, 3, 40, free=True)
    multipliers = recession(P).multipliers
    assert multipliers is not None
    assert (ranges(P, progress=False).proved_lower == -math.inf).any()
    found = ranges(P, radius=radius_bound(P, multipliers), progress=False)
    assert (found.proved_lower <= found.lower + 1e-9).all()
    np.testing.assert_allclose(found.proved_lower, found.lower, atol=1e-6)
    np.testing.assert_allclose(found.proved_upper, found.upper, atol=1e-6)


class Recorder:
    """A progress that remembers its stages."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None, int]] = []

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[object]:
        done = 0

        def advance(steps: int) -> None:
            nonlocal done
            done += steps

        yield advance
        self.stages.append((what, total, done))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_progress_counts_every_end_once(body: Body) -> None:
    recorder = Recorder()
    ranges(body.polyhedron, progress=recorder, workers=2)  # pyright: ignore[reportArgumentType]
    d = body.polyhedron.n_coordinates
    assert recorder.stages == [("ranges of coordinates", 2 * d, 2 * d)]


@pytest.mark.parametrize("seed", range(5))
def test_functional_ranges_are_scipys_and_attained(seed: int) -> None:
    P = random_polyhedron(seed, 9, 3, 12)
    c = np.random.default_rng(seed).standard_normal(9) * np.isfinite(P.upper)
    found = functional_range(P, c)
    assert found.lower == pytest.approx(scipy_minimum(P, c), abs=1e-7)
    assert found.upper == pytest.approx(-scipy_minimum(P, -c), abs=1e-7)
    assert found.lower_status is Status.OPTIMAL
    assert found.minimiser is not None
    assert found.maximiser is not None
    assert P.violation(np.stack([found.minimiser, found.maximiser])).max() < 1e-7
    assert c @ found.minimiser == pytest.approx(found.lower)
    assert found.proved_lower <= found.lower + 1e-8
    assert found.proved_upper >= found.upper - 1e-8


def test_functional_ranges_of_cubes_are_exact_sums() -> None:
    c = np.array([1.0, -2.0, 0.5])
    found = functional_range(cube(3, 2.0, 10.0, origin=-3.0).polyhedron, c)
    assert (found.lower, found.upper) == (-9.0, -2.0)
    assert found.proved_lower == pytest.approx(-9.0, abs=1e-12)
    assert found.proved_lower <= -9.0
    assert found.proved_upper >= -2.0


def test_functional_ranges_without_an_end() -> None:
    found = functional_range(Polyhedron(lower=np.zeros(2)), np.array([1.0, 1.0]))
    assert (found.lower, found.upper, found.proved_upper) == (0.0, math.inf, math.inf)
    assert found.upper_status is Status.UNBOUNDED
    assert found.maximiser is None
    empty = functional_range(Polyhedron(np.ones((1, 2)), np.array([-1.0]), lower=0.0), np.ones(2))
    assert (empty.lower, empty.upper) == (math.inf, -math.inf)
    assert empty.lower_status is Status.INFEASIBLE


def test_misuse_is_told() -> None:
    P = cube(3).polyhedron
    with pytest.raises(ShapeError, match=r"functional needs shape \(3,\)"):
        functional_range(P, np.ones(2))
    with pytest.raises(InputError, match="functional holds NaN"):
        functional_range(P, np.array([np.inf, 0, 0]))
    with pytest.raises(ShapeError, match="list of indices"):
        ranges(P, np.ones((2, 2), dtype=int))
    with pytest.raises(ShapeError, match="list of indices"):
        ranges(P, np.array([0.5]))
    with pytest.raises(InputError, match="coordinates run from 0 to 2; got 1 to 3"):
        ranges(P, np.array([1, 3]))


@pytest.mark.parametrize("seed", range(3))
def test_of_many_rows_in_a_box_those_that_bind_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, k = 8, 150
    A = rng.standard_normal((k, d)) * rng.choice([1e-3, 1.0, 1e3], (k, 1))
    P = Polyhedron(A, np.abs(A).sum(axis=1) * rng.uniform(0.05, 1, k), lower=-1.0, upper=1.0)
    found = ranges(P, progress=False)
    for j in range(d):
        low, high = (sign * linprog(sign * np.eye(d)[j], P.A_ub, P.b_ub, bounds=(-1, 1)).fun for sign in (1, -1))
        assert (found.lower[j], found.upper[j]) == (pytest.approx(low, abs=1e-7), pytest.approx(high, abs=1e-7))
        assert low - 1e-6 <= found.proved_lower[j] <= low + 1e-9
        assert high - 1e-9 <= found.proved_upper[j] <= high + 1e-6
    assert found.width.max() < 2  # rows bind


def test_wide_ranges_take_few_programs() -> None:
    # Thirty equations through a point near a corner leave 200 coordinates of a box all of their room.
    rng = np.random.default_rng(0)
    x = np.where(rng.random(200) < 0.2, rng.random(200), 0.0)
    P = Polyhedron(A_eq=rng.standard_normal((30, 200)), b_eq=np.zeros(30), lower=0.0, upper=1.0, origin=x)
    found = ranges(P, progress=False)
    np.testing.assert_array_equal([found.lower, found.upper], [np.zeros(200), np.ones(200)])
    assert found.n_programs <= 12


def test_without_time_ends_are_open_and_what_is_proved_holds() -> None:
    P = Polyhedron(np.ones((1, 3)), np.ones(1), lower=-1.0, upper=2.0, origin=np.zeros(3))
    found = P.ranges(time_limit=0.0)
    assert set(found.lower_status) | set(found.upper_status) == {Status.TIME_LIMIT}
    assert np.isnan(found.lower).all()
    assert np.isnan(found.upper).all()
    assert (found.proved_lower.tolist(), found.proved_upper.tolist()) == ([-1.0] * 3, [2.0] * 3)
    far = P.farthest(np.zeros(3), 2, time_limit=0.0)
    assert far.point is None
    assert far.bound >= 12**0.5
    assert P.ranges(time_limit=60).lower_status.tolist() == [Status.OPTIMAL] * 3
