"""The analytic centre: closed forms, stationarity, the two ellipsoids, and what has none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from known_bodies import BODIES, Body
from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.analytic_center import AnalyticCenter, analytic_center
from unrelu.polyhedra.centering import newton_centre
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


def barrier(P: Polyhedron, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and Hessian of `-sum log slack` in the original coordinates, written out."""
    gradient, hessian = np.zeros(P.n_coordinates), np.zeros((P.n_coordinates, P.n_coordinates))
    constraints = [(a, b - a @ (x - P.origin)) for a, b in zip(P.A_ub, P.b_ub, strict=True)]
    for j, unit in enumerate(np.eye(P.n_coordinates)):
        if P.lower[j] < P.upper[j]:
            constraints += [(unit, P.upper[j] - x[j])] if np.isfinite(P.upper[j]) else []
            constraints += [(-unit, x[j] - P.lower[j])] if np.isfinite(P.lower[j]) else []
    for a, slack in constraints:
        gradient += a / slack
        hessian += np.outer(a, a) / slack**2
    return gradient, hessian


def random_polytope(seed: int, d: int = 12, equalities: int = 4, rows: int = 30) -> Polyhedron:
    """A random polytope about its origin, which is a vertex of its bounds: no start could be worse."""
    rng = np.random.default_rng(seed)
    origin = rng.integers(0, 2, d).astype(float)
    A_eq = rng.standard_normal((equalities, d))
    inside = np.where(origin == 0, 0.3, 0.7)
    A_ub = rng.standard_normal((rows, d))
    b_ub = np.maximum(A_ub @ (inside - origin), 0.0) + rng.uniform(0, 0.1, rows)
    return Polyhedron(A_ub, b_ub, A_eq, A_eq @ (inside - origin), 0.0, 1.0, origin)


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_known_bodies(body: Body) -> None:
    found = analytic_center(body.polyhedron)
    assert found.status is Status.OPTIMAL
    assert found.dimension == body.dimension
    np.testing.assert_allclose(found.point, body.center, atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_stationary_and_inside(seed: int) -> None:
    P = random_polytope(seed)
    found = analytic_center(P)
    assert found.status is Status.OPTIMAL
    assert P.violation(found.point[None])[0] < 1e-12
    assert (P.b_ub - P.A_ub @ (found.point - P.origin) > 0).all()
    assert ((found.point > P.lower) & (found.point < P.upper)).all()
    gradient, hessian = barrier(P, found.point)
    # The gradient vanishes within the hull, in the barrier's own measure.
    g, H = found.basis.T @ gradient, found.basis.T @ hessian @ found.basis
    assert math.sqrt(g @ np.linalg.solve(H, g)) < 1e-8
    np.testing.assert_allclose(found.hessian, H, rtol=1e-9, atol=1e-9 * np.abs(H).max())
    np.testing.assert_allclose(P.A_eq @ found.basis, 0.0, atol=1e-12)
    np.testing.assert_allclose(found.basis.T @ found.basis, np.eye(found.dimension), atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_ellipsoids_of_sonnevend(seed: int) -> None:
    P = random_polytope(seed)
    found = analytic_center(P)
    rng = np.random.default_rng(seed)
    directions = rng.standard_normal((200, found.dimension))
    boundary = np.linalg.solve(found.cholesky.T, (directions / np.linalg.norm(directions, axis=1)[:, None]).T).T
    assert P.violation(found.point + (1 - 1e-9) * boundary @ found.basis.T).max() < 1e-12
    m = found.rows.count
    outside = found.point + math.sqrt(m * (m - 1)) * (1 + 1e-9) * boundary @ found.basis.T
    assert (P.violation(outside) > 0).all()


@pytest.mark.parametrize("seed", range(4))
def test_any_start_leads_to_the_same_centre(seed: int) -> None:
    P = random_polytope(seed)
    centre = analytic_center(P).point
    for start in (P.origin, np.full(P.n_coordinates, 0.5), np.full(P.n_coordinates, -40.0), centre):
        np.testing.assert_allclose(analytic_center(P, start).point, centre, atol=1e-8)
    assert analytic_center(P, centre).steps <= 2


@pytest.mark.parametrize("seed", range(8))
def test_newton_finds_its_way_inside_from_a_vertex(seed: int) -> None:
    # Without the linear program that would find a point inside.
    P = random_polytope(seed)
    found = newton_centre(hull_rows(P), P.origin)
    assert found.status is Status.OPTIMAL
    assert found.steps < 30


def test_scaling_rows_does_not_move_it() -> None:
    P = random_polytope(0)
    scales = 10.0 ** np.random.default_rng(0).uniform(-6, 6, len(P.A_ub))
    scaled = Polyhedron(P.A_ub * scales[:, None], P.b_ub * scales, P.A_eq, P.b_eq, P.lower, P.upper, P.origin)
    np.testing.assert_allclose(analytic_center(scaled).point, analytic_center(P).point, atol=1e-8)


def test_a_repeated_row_counts_twice() -> None:
    # x <= 1 twice and x >= 0: 2/(1 - x) = 1/x.
    found = analytic_center(Polyhedron(np.ones((1, 1)), np.ones(1), lower=0.0, upper=1.0))
    assert found.point[0] == pytest.approx(1 / 3)


def test_very_thin_and_very_long() -> None:
    sides = 10.0 ** np.arange(-6.0, 7.0)
    found = analytic_center(Polyhedron(lower=-sides, upper=sides * 3))
    assert found.status is Status.OPTIMAL
    np.testing.assert_allclose(found.point, sides, rtol=1e-9)


def expect(polyhedron: Polyhedron, status: Status) -> AnalyticCenter:
    found = analytic_center(polyhedron)
    assert found.status is status
    return found


def test_unbounded_sets_have_none() -> None:
    expect(Polyhedron(lower=np.zeros(3)), Status.UNBOUNDED)
    expect(Polyhedron(origin=np.zeros(2)), Status.UNBOUNDED)
    # A slab: the barrier has minimisers, but no single one.
    expect(Polyhedron(np.array([[1.0, 1], [-1, -1]]), np.ones(2)), Status.UNBOUNDED)
    # A wedge whose recession direction is no coordinate axis.
    expect(Polyhedron(np.array([[1.0, -1], [-2.0, 1]]), np.ones(2)), Status.UNBOUNDED)
    # Unbounded only within its hull, a ray.
    expect(
        Polyhedron(np.array([[1.0, -1, 0], [-1, 1, 0]]), np.zeros(2), lower=0.0, upper=[np.inf, np.inf, 1.0]),
        Status.UNBOUNDED,
    )


def test_empty_sets_have_none() -> None:
    expect(Polyhedron(np.ones((1, 2)), np.array([-1.0]), lower=0.0), Status.INFEASIBLE)
    expect(Polyhedron(A_eq=np.ones((2, 2)), b_eq=np.array([0.0, 1.0])), Status.INFEASIBLE)
    expect(Polyhedron(np.array([[1.0], [-1.0]]), np.array([0.0, -1e-6])), Status.INFEASIBLE)


def test_a_point_is_its_own_centre() -> None:
    found = expect(Polyhedron(lower=[1.0, 2.0], upper=[1.0, 2.0]), Status.OPTIMAL)
    assert found.point.tolist() == [1.0, 2.0]
    assert found.dimension == 0
    assert found.cholesky.shape == (0, 0)


def test_misuse_is_told() -> None:
    P = random_polytope(0)
    with pytest.raises(ShapeError, match=r"start needs shape \(12,\)"):
        analytic_center(P, np.zeros(3))
    with pytest.raises(InputError, match="start holds NaN"):
        analytic_center(P, np.full(12, np.nan))


def test_too_few_steps_leave_a_point_inside_that_is_no_centre() -> None:
    P = Polyhedron(np.array([[1.0, 3.0]]), np.array([2.0]), lower=0.0, upper=1.0)
    found = analytic_center(P, np.array([1e-3, 1e-3]), max_steps=1)
    assert found.status is Status.ITERATION_LIMIT
    assert (P.violation(found.point[None]) == 0).all()
    assert found.decrement > 0.1
