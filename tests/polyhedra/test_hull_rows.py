"""Coordinates of the hull: orthonormal, on the equalities, with the same inequalities."""

from __future__ import annotations

import numpy as np
import pytest

from known_bodies import BODIES, Body
from unrelu.polyhedra.hull_rows import equality_frame, hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron


def random_polyhedron(seed: int) -> Polyhedron:
    """Dependent equality rows of all sizes, fixed coordinates, bounds of all kinds; its origin is a member."""
    rng = np.random.default_rng(seed)
    d = 9
    origin = rng.standard_normal(d)
    A_eq = rng.standard_normal((3, d)) * np.array([[1e-6], [1.0], [1e6]])
    A_eq = np.vstack([A_eq, A_eq[0] + 1e-6 * A_eq[1], np.zeros(d)])
    lower, upper = origin - rng.uniform(0, 1, d), origin + rng.uniform(0, 1, d)
    lower[0] = upper[0] = origin[0]
    lower[1], upper[2] = -np.inf, np.inf
    A_ub = rng.standard_normal((4, d))
    A_ub[0] = A_eq[1]
    return Polyhedron(A_ub, rng.uniform(0, 1, 4), A_eq, np.zeros(5), lower, upper, origin)


@pytest.mark.parametrize("seed", range(5))
def test_frame_lies_on_the_equalities(seed: int) -> None:
    P = random_polyhedron(seed)
    frame = equality_frame(P)
    assert frame.dimension == 9 - 1 - 3
    assert frame.consistent
    np.testing.assert_allclose(frame.basis.T @ frame.basis, np.eye(frame.dimension), atol=1e-13)
    scales = np.maximum(np.abs(P.A_eq).max(axis=1), 1e-300)
    np.testing.assert_allclose((P.A_eq @ frame.basis) / scales[:, None], 0.0, atol=1e-12)
    np.testing.assert_allclose(P.A_eq @ (frame.point - P.origin) / scales, 0.0, atol=1e-12)
    assert (frame.basis[0] == 0).all()
    assert frame.point[0] == P.origin[0]
    assert len(frame.independent) == 3
    assert np.linalg.matrix_rank(P.A_eq[frame.independent] / scales[frame.independent, None]) == 3


@pytest.mark.parametrize("seed", range(5))
def test_products_adjoint_and_gram_are_those_of_the_matrix(seed: int) -> None:
    P = random_polyhedron(seed)
    rows = hull_rows(P)
    rng = np.random.default_rng(seed)
    M = rows.matrix
    v, w = rng.standard_normal(rows.frame.dimension), rng.uniform(0, 1, rows.count)
    np.testing.assert_allclose(rows.products(v), M @ v, atol=1e-12)
    np.testing.assert_allclose(rows.adjoint(w), M.T @ w, atol=1e-12)
    np.testing.assert_allclose(rows.gram(w), M.T @ (w[:, None] * M), atol=1e-12)
    np.testing.assert_allclose(rows.norms, np.linalg.norm(M, axis=1), atol=1e-12)
    # The row that an equality repeats is constant, and left out; so are the bounds of the fixed coordinate.
    assert rows.rows.tolist() == [1, 2, 3]
    assert 0 not in rows.upper
    assert rows.contradiction <= 1e-9


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_slack_falls_by_the_products(body: Body) -> None:
    rows = hull_rows(body.polyhedron)
    v = np.random.default_rng(0).standard_normal(rows.frame.dimension)
    x = rows.frame.point
    np.testing.assert_allclose(rows.slack(rows.frame.lifted(v)), rows.slack(x) - rows.products(v), atol=1e-10)
    np.testing.assert_allclose(rows.frame.projected(rows.frame.lifted(v)), v, atol=1e-12)


def test_without_equality_rows_the_coordinates_are_selected() -> None:
    P = Polyhedron(np.ones((1, 3)), np.ones(1), lower=[0.0, 1.0, -np.inf], upper=[1.0, 1.0, 2.0])
    rows = hull_rows(P)
    assert rows.frame.selected is not None
    assert rows.frame.selected.tolist() == [0, 2]
    w = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(rows.gram(w), rows.matrix.T @ np.diag(w) @ rows.matrix)


def test_contradictory_equalities_are_noticed() -> None:
    A = np.array([[1.0, 1.0], [2.0, 2.0]])
    assert not equality_frame(Polyhedron(A_eq=A, b_eq=np.array([1.0, 2.1]))).consistent
    assert equality_frame(Polyhedron(A_eq=A, b_eq=np.array([1.0, 2.0]))).consistent
    assert not equality_frame(Polyhedron(A_eq=np.zeros((1, 2)), b_eq=np.ones(1))).consistent
    # On fixed coordinates alone.
    assert not equality_frame(Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.ones(1), lower=1.0, upper=1.0)).consistent


def test_a_constant_row_that_is_broken_is_a_contradiction() -> None:
    P = Polyhedron(np.array([[1.0, 1.0]]), np.array([0.5]), np.array([[2.0, 2.0]]), np.array([2.0]))
    assert hull_rows(P).contradiction > 0.1
    P = Polyhedron(A_eq=np.array([[1.0, 0.0]]), b_eq=np.array([2.0]), upper=1.0)
    assert hull_rows(P).contradiction > 0.1
    assert hull_rows(Polyhedron(np.zeros((1, 2)), np.array([-1.0]))).contradiction > 0.1
