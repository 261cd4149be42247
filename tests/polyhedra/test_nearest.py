"""Nearest points of polyhedra: closed forms, scipy's own programs, proved bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyhedra.nearest_reference import nearest_distance
from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra import row_generation
from unrelu.polyhedra.nearest import NORMS, nearest_point
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


def random_polyhedron(seed: int, d: int = 6, n_eq: int = 2, n_ub: int = 5) -> Polyhedron:
    """Rows centred at a member that lies in [0, 1]^d, some of its coordinates at the bounds."""
    rng = np.random.default_rng(seed)
    origin = np.clip(rng.uniform(-0.5, 1.5, d), 0, 1)
    return Polyhedron(
        A_ub=rng.normal(size=(n_ub, d)),
        b_ub=rng.uniform(0, 0.5, n_ub),
        A_eq=rng.normal(size=(n_eq, d)),
        b_eq=np.zeros(n_eq),
        lower=0.0,
        upper=1.0,
        origin=origin,
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(6))
def test_distance_is_scipys_and_meets_the_bound(seed: int, norm: float) -> None:
    polyhedron = random_polyhedron(seed)
    target = np.random.default_rng(100 + seed).uniform(-0.5, 1.5, 6)  # often outside the box
    found = nearest_point(polyhedron, target, norm)
    assert found.status is Status.OPTIMAL
    assert found.point is not None
    assert found.distance == pytest.approx(nearest_distance(polyhedron, target, norm), abs=1e-6)
    assert found.distance == pytest.approx(float(np.linalg.norm(found.point - target, ord=norm)))
    assert found.bound <= found.distance + 1e-12
    assert found.bound == pytest.approx(found.distance, abs=1e-9)
    assert ((found.point >= 0) & (found.point <= 1)).all()
    assert polyhedron.violation(found.point[None])[0] < 1e-14
    assert found.radius < 1e-12


@pytest.mark.parametrize("norm", NORMS)
def test_distance_to_a_hyperplane_is_the_residual_over_the_dual_norm(norm: float) -> None:
    a, t = np.array([3.0, -4.0, 1.0]), np.array([1.0, 2.0, -1.0])
    dual = {1: math.inf, 2: 2, math.inf: 1}[norm]
    found = nearest_point(Polyhedron(A_eq=a[None], b_eq=np.array([7.0])), t, norm)
    expected = abs(a @ t - 7) / np.linalg.norm(a, ord=dual)
    assert found.distance == pytest.approx(expected, abs=1e-12)
    assert found.bound == pytest.approx(expected, abs=1e-12)
    assert found.bound <= expected


@pytest.mark.parametrize("norm", NORMS)
def test_nearest_point_of_a_box_is_the_clipped_target(norm: float) -> None:
    target = np.array([-3.0, 0.25, 2.0])
    found = nearest_point(Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(3)), target, norm)
    expected = np.linalg.norm([3.0, 0.0, 1.0], ord=norm)
    assert found.distance == pytest.approx(expected)
    assert found.bound == pytest.approx(expected)
    assert found.radius == 0.0


@pytest.mark.parametrize("norm", NORMS)
def test_a_target_inside_is_its_own_nearest_point(norm: float) -> None:
    polyhedron = random_polyhedron(0)
    found = nearest_point(polyhedron, polyhedron.origin, norm)
    assert found.point is not None
    np.testing.assert_array_equal(found.point, polyhedron.origin)
    assert (found.distance, found.bound, found.radius) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("norm", NORMS)
def test_dependent_rows_do_no_harm(norm: float) -> None:
    polyhedron = random_polyhedron(1)
    doubled = Polyhedron(
        A_ub=np.vstack([polyhedron.A_ub, polyhedron.A_ub]),
        b_ub=np.concatenate([polyhedron.b_ub, polyhedron.b_ub]),
        A_eq=np.vstack([polyhedron.A_eq, polyhedron.A_eq.sum(axis=0), np.zeros(6)]),
        b_eq=np.zeros(4),
        lower=0.0,
        upper=1.0,
        origin=polyhedron.origin,
    )
    target = np.ones(6)
    assert nearest_point(doubled, target, norm).distance == pytest.approx(
        nearest_point(polyhedron, target, norm).distance, abs=1e-9
    )


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("exponent", [-60, 60])
def test_rows_of_any_scale_are_kept(norm: float, exponent: int) -> None:
    # HiGHS forgets coefficients below 1e-12, and refuses those above 1e15.
    polyhedron = random_polyhedron(2)
    scaled = Polyhedron(
        A_ub=np.ldexp(polyhedron.A_ub, exponent),
        b_ub=np.ldexp(polyhedron.b_ub, exponent),
        A_eq=np.ldexp(polyhedron.A_eq, exponent),
        b_eq=polyhedron.b_eq,
        lower=0.0,
        upper=1.0,
        origin=polyhedron.origin,
    )
    found, expected = nearest_point(scaled, np.ones(6), norm), nearest_point(polyhedron, np.ones(6), norm)
    assert found.distance == pytest.approx(expected.distance, abs=1e-12)
    assert found.bound == pytest.approx(expected.bound, abs=1e-12)


@pytest.mark.parametrize("norm", NORMS)
def test_rows_added_round_by_round_give_the_same(norm: float, monkeypatch: pytest.MonkeyPatch) -> None:
    polyhedron = random_polyhedron(3, d=12, n_eq=2, n_ub=60)
    target = np.random.default_rng(3).uniform(0, 1, 12)
    at_once = nearest_point(polyhedron, target, norm)
    monkeypatch.setattr(row_generation, "FEW_ROWS", 2)
    by_rounds = nearest_point(polyhedron, target, norm)
    assert by_rounds.distance == pytest.approx(at_once.distance, abs=1e-9)
    assert by_rounds.bound == pytest.approx(at_once.distance, abs=1e-9)
    assert by_rounds.point is not None
    assert polyhedron.violation(by_rounds.point[None])[0] < 1e-11


@pytest.mark.parametrize("norm", NORMS)
def test_empty_and_stopped_are_values(norm: float) -> None:
    empty = Polyhedron(A_ub=np.array([[1.0], [-1.0]]), b_ub=np.array([-1.0, -1.0]))
    found = nearest_point(empty, np.zeros(1), norm)
    assert found.status is Status.INFEASIBLE
    assert found.point is None
    assert found.radius == math.inf
    stopped = nearest_point(random_polyhedron(4, d=40, n_eq=10, n_ub=300), np.ones(40), norm, time_limit=0.0)
    assert stopped.status is Status.TIME_LIMIT
    assert stopped.bound >= 0


@pytest.mark.parametrize("norm", NORMS)
def test_rows_that_nearly_depend_on_each_other_are_not_made_to_meet(norm: float) -> None:
    # Both rows are tight within a solver's tolerance at (0, 0.5), but they only meet at (0, 5).
    polyhedron = Polyhedron(np.array([[1.0, 0.0], [1.0, 1e-9]]), np.array([0.0, 5e-9]), origin=np.zeros(2))
    found = nearest_point(polyhedron, np.array([1.0, 0.5]), norm)
    assert found.distance == pytest.approx(1.0, abs=1e-8)
    assert found.bound == pytest.approx(1.0, abs=1e-8)
    assert found.status is Status.OPTIMAL


def test_misuse_is_told() -> None:
    polyhedron = random_polyhedron(0)
    with pytest.raises(InputError, match="measured in the norms 1, 2 and"):
        nearest_point(polyhedron, np.zeros(6), 3)
    with pytest.raises(ShapeError, match="the target needs shape"):
        nearest_point(polyhedron, np.zeros(5))
    with pytest.raises(InputError, match="the target holds NaN"):
        nearest_point(polyhedron, np.full(6, np.nan))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_small_integer_systems(data: st.DataObject) -> None:
    """Degenerate by nature: rows repeat, vanish, and are tight."""
    d = data.draw(st.integers(1, 4))
    small = st.integers(-2, 2)
    rows = lambda n: np.array(data.draw(st.lists(st.lists(small, min_size=d, max_size=d), min_size=n, max_size=n)))  # noqa: E731
    n_eq, n_ub = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 5))
    polyhedron = Polyhedron(
        A_ub=rows(n_ub).reshape(n_ub, d).astype(float),
        b_ub=np.array(data.draw(st.lists(st.integers(0, 1), min_size=n_ub, max_size=n_ub)), float),
        A_eq=rows(n_eq).reshape(n_eq, d).astype(float),
        b_eq=np.zeros(n_eq),
        lower=0.0,
        upper=data.draw(st.sampled_from([1.0, math.inf])),
        origin=np.array(data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=d, max_size=d))),
    )
    target = np.array(data.draw(st.lists(st.sampled_from([-1.0, 0.0, 0.25, 1.0, 2.0]), min_size=d, max_size=d)))
    norm = data.draw(st.sampled_from(NORMS))
    found = nearest_point(polyhedron, target, norm)
    assert found.point is not None
    assert polyhedron.violation(found.point[None])[0] < 1e-12
    assert found.bound <= found.distance + 1e-12
    assert found.bound == pytest.approx(found.distance, abs=1e-7)
    if norm != 2:
        assert found.distance == pytest.approx(nearest_distance(polyhedron, target, norm), abs=1e-6)
