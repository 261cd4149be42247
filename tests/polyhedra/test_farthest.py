"""Farthest points against closed forms and against all vertices of small polytopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from known_bodies import corner_simplex, cross_polytope, cube, flat_simplex, turned_cube
from polyhedra.exact_polytopes import random_integer_polytope, vertices
from unrelu.errors import InputError, ShapeError
from unrelu.polyhedra.farthest import farthest_point
from unrelu.polyhedra.polyhedron import Polyhedron

NORMS = (1, 2, math.inf)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(40))
def test_bounds_hold_and_no_vertex_is_farther(seed: int, norm: float) -> None:
    P = random_integer_polytope(seed)
    corners = [np.array([float(value) for value in vertex]) for vertex in vertices(P)]
    if not corners:
        return
    p = np.random.default_rng(seed).integers(-3, 4, P.n_coordinates).astype(float)
    truth = max(float(np.linalg.norm(corner - p, ord=norm)) for corner in corners)
    found = farthest_point(P, p, norm, progress=False)
    assert found.point is not None
    assert found.distance <= truth + 1e-7 <= found.bound + 2e-7
    # Local ascent from many directions finds the best of a few corners.
    assert found.distance == pytest.approx(truth, abs=1e-7)
    if norm == math.inf:
        assert found.optimal
    if found.optimal:
        assert found.distance == pytest.approx(truth, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_boxes_are_solved_and_the_corner_is_the_one_farther_away(norm: float) -> None:
    found = farthest_point(cube(20, 2.0).polyhedron, np.full(20, 0.5), norm, progress=False)
    assert found.optimal
    assert found.distance == pytest.approx(np.linalg.norm(np.full(20, 1.5), ord=norm))
    assert found.radius == 0.0


@pytest.mark.parametrize("norm", [1, 2])
def test_no_step_along_the_tangent_leads_farther(norm: float) -> None:
    rng = np.random.default_rng(3)
    A = rng.standard_normal((160, 40))
    P, p = Polyhedron(A, np.ones(160), lower=-3.0, upper=3.0), rng.standard_normal(40)
    found = farthest_point(P, p, norm, progress=False)
    assert found.point is not None
    z = found.point - p
    tangent = np.sign(z) if norm == 1 else z
    best = linprog(-tangent, A, np.ones(160), bounds=(-3, 3))
    assert tangent @ best.x <= tangent @ found.point + 1e-6


def test_known_diameters() -> None:
    # From a corner of the simplex to another; across an octahedron; across a turned cube.
    assert farthest_point(corner_simplex(9).polyhedron, np.eye(9)[0], 2, progress=False).distance == pytest.approx(
        math.sqrt(2)
    )
    assert farthest_point(flat_simplex(9).polyhedron, np.eye(9)[0], 1, progress=False).distance == pytest.approx(2)
    assert farthest_point(cross_polytope(4).polyhedron, np.eye(4)[0], 2, progress=False).distance == pytest.approx(2)
    body = turned_cube(3, 6)
    found = farthest_point(body.polyhedron, body.center, 2, progress=False)
    assert found.distance == pytest.approx(math.sqrt(3) / 2)
    assert not found.optimal  # the box around a turned cube has corners that are farther away
    assert math.isfinite(found.bound)


def test_without_bounds_on_coordinates_the_radius_proves_the_bound() -> None:
    found = farthest_point(cross_polytope(3).polyhedron, np.zeros(3), math.inf, progress=False)
    assert found.optimal
    assert found.distance <= found.bound <= 1 + 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_unbounded_sets_have_no_farthest_point(norm: float) -> None:
    found = farthest_point(Polyhedron(lower=0.0, origin=np.zeros(2)), np.zeros(2), norm, progress=False)
    assert (found.point, found.distance, found.optimal) == (None, math.inf, True)


def test_what_is_not_decided_is_not_called_infinite() -> None:
    # See test_recession: floats cannot tell the recession cone of this long triangle from a half line.
    P = Polyhedron(np.array([[1.0, 0.0], [-1.0, 1e-17], [0.0, -1.0]]), np.ones(3))
    found = farthest_point(P, np.zeros(2), progress=False)
    assert found.bound == math.inf
    assert not found.optimal


def test_misuse_is_told() -> None:
    P = cube(2).polyhedron
    with pytest.raises(ShapeError, match=r"the point needs shape \(2,\)"):
        farthest_point(P, np.zeros(3))
    with pytest.raises(InputError, match="the point holds NaN"):
        farthest_point(P, np.array([0.0, np.nan]))
    with pytest.raises(InputError, match=r"norms 1, 2 and math\.inf"):
        farthest_point(P, np.zeros(2), 3)
