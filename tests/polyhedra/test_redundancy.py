"""Rows that touch a polytope: known ones among many that do not, and against scipy row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.redundancy import touching_rows
from unrelu.polyhedra.volumes.result import VolumeMethod
from unrelu.polyhedra.volumes.volume import volume


def crowded_cube(n: int, seed: int = 0) -> Polyhedron:
    """`[-1, 1]^n` as rows among 400 that stay clear of it, mixed up and of unlike sizes."""
    rng = np.random.default_rng(seed)
    far = rng.standard_normal((400, n))
    A = np.vstack([np.eye(n), -np.eye(n), far])
    b = np.concatenate([np.ones(2 * n), np.abs(far).sum(axis=1) * rng.uniform(1.01, 3, 400)])
    order, scale = rng.permutation(len(A)), 10.0 ** rng.uniform(-3, 3, len(A))
    return Polyhedron((A * scale[:, None])[order], (b * scale)[order])


@pytest.mark.parametrize("n", [2, 5, 9])
def test_only_the_facets_of_a_cube_touch_it(n: int) -> None:
    P = crowded_cube(n)
    touching = touching_rows(hull_rows(P), np.full(n, 0.3))
    facets = (P.A_ub != 0).sum(axis=1) == 1
    np.testing.assert_array_equal(touching, facets)


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_touch_are_those_of_which_scipy_reaches_the_end(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A, b = rng.standard_normal((60, 4)), rng.uniform(0.3, 3, 60)
    found = touching_rows(hull_rows(Polyhedron(A, b)), np.zeros(4))
    reached = [-linprog(-row, A, b, bounds=(None, None)).fun for row in A]
    np.testing.assert_array_equal(found, np.isclose(reached, b, rtol=1e-6))
    assert 4 < found.sum() < 60


def test_a_row_that_touches_in_a_corner_alone_counts() -> None:
    P = Polyhedron(np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([2.0, 2.1]), lower=-1.0, upper=1.0)
    np.testing.assert_array_equal(touching_rows(hull_rows(P), np.zeros(2)), [True, False] + [True] * 4)


def test_crowded_bodies_have_exact_volumes_in_low_dimension_and_estimates_in_medium() -> None:
    found = volume(crowded_cube(7))
    assert found.method is VolumeMethod.EXACT
    assert found.log_estimate == pytest.approx(7 * math.log(2), abs=1e-8)
    found = volume(crowded_cube(12), confidence=0.999, progress=False)
    assert found.log_lower <= 12 * math.log(2) <= found.log_upper
