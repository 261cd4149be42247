"""The Chebyshev centre: closed forms, scipy's own optimum, what has none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.optimize import linprog

from known_bodies import BODIES, Body, turned_cube
from unrelu.polyhedra.chebyshev import chebyshev_center
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.inscribed_ball import inscribed_ball
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


def random_polyhedron(seed: int, d: int, equalities: int, rows: int) -> Polyhedron:
    rng = np.random.default_rng(seed)
    origin = rng.standard_normal(d)
    A_eq = rng.standard_normal((equalities, d))
    A_ub = rng.standard_normal((rows, d)) * 10.0 ** rng.uniform(-3, 3, (rows, 1))
    b_ub = np.abs(A_ub).sum(axis=1) * rng.uniform(0, 0.2, rows)
    return Polyhedron(A_ub, b_ub, A_eq, np.zeros(equalities), origin - 0.3, origin + rng.uniform(0.1, 0.5, d), origin)


def scipy_radius(P: Polyhedron) -> float:
    """The same program in coordinates of scipy's null space, by scipy's interior-point method."""
    Z = null_space(P.A_eq) if len(P.A_eq) else np.eye(P.n_coordinates)
    M = np.vstack([P.A_ub, np.eye(P.n_coordinates), -np.eye(P.n_coordinates)]) @ Z
    h = np.concatenate([P.b_ub, P.upper - P.origin, P.origin - P.lower])
    found = linprog(
        np.append(np.zeros(Z.shape[1]), -1.0),
        np.column_stack([M, np.linalg.norm(M, axis=1)]),
        h,
        bounds=(None, None),
        method="highs-ipm",
    )
    return -found.fun


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_known_bodies(body: Body) -> None:
    found = chebyshev_center(body.polyhedron)
    assert found.status is Status.OPTIMAL
    assert found.dimension == body.dimension
    assert found.radius == pytest.approx(body.inradius, rel=1e-7)
    assert found.point is not None
    assert body.polyhedron.violation(found.point[None])[0] < 1e-8


@pytest.mark.parametrize("seed", range(6))
# With more rows than coordinates in the hull, and with fewer: two forms of the program.
@pytest.mark.parametrize(("equalities", "rows"), [(4, 30), (2, 3), (0, 12)])
def test_radius_is_scipys_and_the_ball_fits(seed: int, equalities: int, rows: int) -> None:
    P = random_polyhedron(seed, 10, equalities, rows)
    found = chebyshev_center(P)
    assert found.status is Status.OPTIMAL
    assert found.point is not None
    assert found.radius == pytest.approx(scipy_radius(P), rel=1e-6)
    # Points of the ball, within the hull.
    Z = null_space(P.A_eq) if equalities else np.eye(10)
    directions = np.random.default_rng(0).standard_normal((300, Z.shape[1]))
    sphere = found.radius * directions / np.linalg.norm(directions, axis=1)[:, None]
    scaled = np.maximum(np.linalg.norm(P.A_ub, axis=1), 1.0).max()
    assert P.violation(found.point + sphere @ Z.T).max() < 1e-8 * scaled


def test_the_ball_lives_in_the_hull() -> None:
    # A segment of length 2 sqrt 2 across the plane: measured in the plane its "radius" would be smaller.
    P = Polyhedron(np.array([[1.0, 0.0]]), np.ones(1), np.array([[1.0, 1.0]]), np.zeros(1), lower=[-1.0, -np.inf])
    assert chebyshev_center(P).radius == pytest.approx(math.sqrt(2))


def test_a_slab_has_a_centre_though_it_is_unbounded() -> None:
    found = chebyshev_center(Polyhedron(np.array([[1.0, 1], [-1, -1]]), np.array([1.0, 0.0])))
    assert found.status is Status.OPTIMAL
    assert found.radius == pytest.approx(0.25 * math.sqrt(2))


def test_balls_of_any_size() -> None:
    for P in (Polyhedron(lower=np.zeros(3)), Polyhedron(origin=np.zeros(2)), Polyhedron(np.eye(2), np.ones(2))):
        found = chebyshev_center(P)
        assert found.status is Status.UNBOUNDED
        assert found.radius == math.inf
        assert found.point is None


@pytest.mark.parametrize(
    "P",
    [
        Polyhedron(np.ones((1, 2)), np.array([-1.0]), lower=0.0),
        Polyhedron(A_eq=np.ones((2, 2)), b_eq=np.array([0.0, 1.0])),
        Polyhedron(np.array([[1.0, 1.0], [-1.0, -1.0]]), np.array([0.0, -1e-3])),
    ],
)
def test_empty_sets(P: Polyhedron) -> None:
    found = chebyshev_center(P)
    assert found.status is Status.INFEASIBLE
    assert found.point is None
    assert found.dimension == -1
    assert math.isnan(found.radius)


@pytest.mark.parametrize("rows", [1, 8])
def test_a_negative_radius_comes_with_farkas_multipliers(rows: int) -> None:
    # sum x <= -1 (several times, so that both forms of the program are met) and x >= 0.
    P = Polyhedron(np.ones((rows, 4)), np.full(rows, -1.0), lower=0.0)
    ball = inscribed_ball(hull_rows(P))
    assert ball.status is Status.OPTIMAL
    assert ball.radius < 0
    # lam'A >= 0 with lam'b < 0: no x >= 0 can keep the rows.
    assert (ball.ub_duals @ P.A_ub >= -1e-9).all()
    assert ball.ub_duals @ P.b_ub < 0


def test_rows_of_any_size_measure_the_same() -> None:
    body = turned_cube(3, 6)
    P = body.polyhedron
    scales = np.array([1e-7, 1.0, 1e7, 1e-3, 1.0, 1e5])
    scaled = Polyhedron(P.A_ub * scales[:, None], P.b_ub * scales, P.A_eq, P.b_eq, origin=P.origin)
    assert chebyshev_center(scaled).radius == pytest.approx(0.5, rel=1e-6)
