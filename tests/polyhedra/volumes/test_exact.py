"""Exact volumes against Qhull's own and against determinants, and what is declined."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial import ConvexHull, HalfspaceIntersection

from known_bodies import cube
from unrelu.polyhedra.analytic_center import analytic_center
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.volumes.exact import exact_log_volume
from unrelu.polyhedra.volumes.round_body import round_body


def random_polytope(seed: int, n: int, m: int) -> Polyhedron:
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((m, n))
    return Polyhedron(np.vstack([rows, -rows.sum(axis=0)]), rng.uniform(0.5, 2, m + 1))


def log_volume(P: Polyhedron) -> float | None:
    return exact_log_volume(round_body(analytic_center(P)))


@pytest.mark.parametrize(("n", "m"), [(2, 5), (2, 60), (3, 8), (3, 100), (4, 12), (5, 10), (6, 9)])
@pytest.mark.parametrize("seed", range(3))
def test_random_polytopes_have_qhulls_volume(seed: int, n: int, m: int) -> None:
    P = random_polytope(seed, n, m)
    corners = HalfspaceIntersection(np.column_stack([P.A_ub, -P.b_ub]), np.zeros(n)).intersections
    assert log_volume(P) == pytest.approx(math.log(ConvexHull(corners).volume), abs=1e-8)


@pytest.mark.parametrize("n", [2, 5, 8])
def test_a_sheared_cube_has_its_determinant(n: int) -> None:
    rng = np.random.default_rng(n)
    S = rng.standard_normal((n, n))
    P = Polyhedron(np.vstack([S, -S]), np.ones(2 * n), origin=rng.standard_normal(n))
    assert log_volume(P) == pytest.approx(n * math.log(2) - np.linalg.slogdet(S)[1], abs=1e-9)


def test_facets_with_many_vertices() -> None:
    # A prism over a regular 40-gon: area 20 sin(2 pi / 40) of the unit-circle polygon, times height 2.
    angles = 2 * np.pi * np.arange(40) / 40
    apothem = math.cos(math.pi / 40)
    rows = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(40)])
    P = Polyhedron(rows, np.full(40, apothem), lower=[-np.inf, -np.inf, -1.0], upper=[np.inf, np.inf, 1.0])
    assert log_volume(P) == pytest.approx(math.log(2 * 20 * math.sin(2 * math.pi / 40)), abs=1e-9)


def test_redundant_and_repeated_rows_change_nothing() -> None:
    P = random_polytope(0, 4, 9)
    more = np.vstack([P.A_ub, P.A_ub[:3], 2 * P.A_ub[:2], P.A_ub[0] + P.A_ub[1]])
    values = np.concatenate([P.b_ub, P.b_ub[:3], 2 * P.b_ub[:2], [P.b_ub[0] + P.b_ub[1]]])
    assert log_volume(Polyhedron(more, values)) == pytest.approx(log_volume(P), abs=1e-8)


def test_a_vertex_where_many_facets_meet() -> None:
    # A pyramid over a regular 12-gon of radius 1 and apothem cos(pi/12), of height 1.
    angles = 2 * np.pi * np.arange(12) / 12
    apothem = math.cos(math.pi / 12)
    sides = np.column_stack([np.cos(angles), np.sin(angles), np.full(12, apothem)])
    P = Polyhedron(np.vstack([sides, [[0, 0, -1]]]), np.append(np.full(12, apothem), 0.0))
    assert log_volume(P) == pytest.approx(math.log(6 * math.sin(math.pi / 6) / 3), abs=1e-9)


def test_what_takes_too_long_is_declined() -> None:
    assert log_volume(cube(9).polyhedron) is None
    assert log_volume(random_polytope(0, 6, 900)) is None
