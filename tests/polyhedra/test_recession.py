"""The recession cone: known cones, exact vertices of small ones, lineality, proofs."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import cone_is_trivial, fractions
from known_bodies import BODIES, Body
from unrelu.cones.strict_rows import strict_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.recession import lineality_space, recession, recession_cone


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_polytopes_have_none(body: Body) -> None:
    found = recession(body.polyhedron)
    assert found.direction is None
    assert found.lineality.shape == (body.polyhedron.n_coordinates, 0)
    assert not found.proved


def test_relatively_interior() -> None:
    # The orthant: all coordinates grow.
    found = recession(Polyhedron(lower=np.zeros(4)))
    assert found.direction is not None
    assert (found.direction > 0.1).all()
    assert np.linalg.norm(found.direction) == pytest.approx(1)
    assert found.proved
    # x_0 + x_1 <= 2 ties the first two: only the third grows.
    found = recession(Polyhedron(np.array([[1.0, 1, 0]]), np.array([2.0]), lower=0.0))
    assert found.direction is not None
    np.testing.assert_allclose(found.direction, [0, 0, 1], atol=1e-9)
    assert found.proved
    # Down, where there are only upper bounds.
    found = recession(Polyhedron(upper=np.ones(2), A_eq=np.array([[1.0, -2.0]]), b_eq=np.ones(1)))
    assert found.direction is not None
    np.testing.assert_allclose(found.direction, -np.array([2, 1]) / np.sqrt(5), atol=1e-9)
    assert found.proved


def test_lines() -> None:
    slab = Polyhedron(np.array([[1.0, 1, 0], [-1, -1, 0]]), np.ones(2), lower=[-np.inf, -np.inf, 0.0])
    found = recession(slab)
    np.testing.assert_allclose(np.abs(found.lineality[:, 0]), np.array([1, 1, 0]) / np.sqrt(2), atol=1e-12)
    assert found.lineality.shape == (3, 1)
    assert found.direction is not None
    assert found.direction[2] > 0.1
    assert found.proved
    np.testing.assert_allclose(np.abs(lineality_space(slab)), np.abs(found.lineality), atol=1e-12)
    assert lineality_space(Polyhedron(origin=np.zeros(3))).shape == (3, 3)
    assert lineality_space(Polyhedron(lower=np.zeros(3))).shape == (3, 0)
    # Only lines: every inequality vanishes on the cone, and multipliers say so.
    only = recession(Polyhedron(np.array([[1.0, 1], [-1, -1]]), np.ones(2)))
    assert only.multipliers is not None
    assert only.direction is not None
    assert only.proved


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_small_integer_cones(start: int) -> None:
    met = set()
    for seed in range(start, start + 50):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(1, 4))
        A_ub, A_eq = (
            rng.integers(-2, 3, (int(rng.integers(0, 7)), d)),
            rng.integers(-1, 2, (int(rng.integers(0, 2)), d)),
        )
        lower = np.where(rng.random(d) < 0.3, 0.0, -np.inf)
        P = Polyhedron(A_ub.astype(float), np.ones(len(A_ub)), A_eq.astype(float), np.zeros(len(A_eq)), lower)
        found = recession(P)
        bounds = -np.eye(d, dtype=int)[np.isfinite(lower)]
        trivial = cone_is_trivial(fractions(A_eq), fractions(np.vstack([A_ub, bounds])), d)
        assert (found.direction is None) == trivial, seed
        met.add(trivial)
        if found.direction is not None:
            assert recession_cone(P).violation(found.direction[None])[0] < 1e-9, seed
            # Relatively interior: a row that vanishes there vanishes on all of the cone.
            for row in np.vstack([A_ub, bounds]):
                if row.any() and abs(row @ found.direction) < 1e-9:
                    assert not can_be_negative(A_eq, np.vstack([A_ub, bounds]), row, d), seed
        assert not (found.proved and trivial)
    assert met == {True, False}


def can_be_negative(B: np.ndarray, G: np.ndarray, row: np.ndarray, d: int) -> bool:
    """Whether `{ B z = 0, G z <= 0, row.z = -1 }` has a member: not if adding `row.z = 0` makes no difference."""
    # z with row.z = -t and t >= 0, t free of scale: the cone in (z, t) has a member with t > 0 iff it is not {t = 0}.
    lifted_B = np.vstack([np.hstack([B, np.zeros((len(B), 1), int)]), np.append(row, 1)])
    # Trivial once lines of the cone are cut away: maximise t by asking whether t = 0 throughout.
    from scipy.optimize import linprog

    found = linprog(
        np.append(np.zeros(d), -1.0),
        np.hstack([G, np.zeros((len(G), 1), int)]) if len(G) else None,
        np.zeros(len(G)) if len(G) else None,
        lifted_B,
        np.zeros(len(lifted_B)),
        bounds=[(None, None)] * d + [(0, 1)],
    )
    return bool(found.fun < -0.5)


def test_proofs_are_for_the_very_floats() -> None:
    # x <= 0, x >= 1e-17 y and y >= 0 leave only 0; with 0 in place of 1e-17 the half line y >= 0 is left.
    def cone(leaning: float) -> np.ndarray:
        return np.array([[1.0, 0.0], [-1.0, leaning], [0.0, -1.0]])

    for leaning in (0.0, 1e-17):
        found = recession(Polyhedron(cone(leaning), np.ones(3)))
        trivial = cone_is_trivial([], fractions(cone(leaning)), 2)
        assert trivial == (leaning > 0)
        assert found.direction is not None  # floats cannot tell the two apart
        assert found.proved == (not trivial)


def test_implicit_equalities_of_a_cone() -> None:
    # u_0 <= 0 and -u_0 <= 0 vanish; u_1 <= 0 and u_1 + u_2 <= 0 can be strict.
    M = np.array([[1.0, 0, 0], [-2, 0, 0], [0, 1, 0], [0, 1, 1]])
    found = strict_rows(M)
    assert found.strict.tolist() == [False, False, True, True]
    assert (M @ found.direction)[2:].max() < -0.5
    np.testing.assert_allclose((M @ found.direction)[:2], 0, atol=1e-9)
    np.testing.assert_allclose(M.T @ found.multipliers, 0, atol=1e-9)
    assert (found.multipliers[:2] > 0).all()
    assert (found.multipliers[2:] == 0).all()
    assert strict_rows(np.zeros((0, 3))).strict.shape == (0,)
