"""The affine hull: exact vertices as the oracle, proofs that hold, known flat bodies."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exact_oracle import rank
from known_bodies import BODIES, Body, squeezed_cube
from polyhedra.exact_polytopes import constraints, dot, random_integer_polytope, vertices
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.exact_hull import exact_hull
from unrelu.polyhedra.hull_rows import equality_frame
from unrelu.polyhedra.interior_proof import dimension_upper_bound, equality_count, is_strictly_inside
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


def true_dimension(P: Polyhedron) -> int:
    """Of the convex hull of all vertices; -1 if there are none."""
    corners = vertices(P)
    if not corners:
        return -1
    return rank([[a - b for a, b in zip(corner, corners[0], strict=True)] for corner in corners[1:]])


@pytest.mark.parametrize("start", range(0, 400, 40))
def test_integer_polytopes(start: int) -> None:
    kinds = set()
    for seed in range(start, start + 40):
        P = random_integer_polytope(seed)
        hull = affine_hull(P)
        dimension = true_dimension(P)
        assert (hull.lower, hull.dimension, hull.upper) == (dimension,) * 3, seed
        assert hull.empty is (dimension < 0)
        kinds.add(dimension)
        if dimension < 0:
            assert hull.status is Status.INFEASIBLE
            continue
        assert hull.point is not None
        assert P.violation(hull.point[None])[0] < 1e-12
        inequalities, _ = constraints(P)
        corners = vertices(P)
        implicit = [all(dot(a, x) == b for x in corners) for a, b in inequalities]
        assert all(np.array(implicit[: len(P.A_ub)], dtype=bool)[hull.implicit_rows]), seed
        # Together with the equalities as given, these leave no more room than there is.
        assert equality_frame(hull.polyhedron).dimension == dimension, seed
        # Strictly inside all that is not implicit.
        slack = hull.polyhedron.b_ub - hull.polyhedron.A_ub @ (hull.point - P.origin)
        assert (slack > 1e-9)[hull.polyhedron.A_ub.any(axis=1)].all() or dimension == 0
    assert {-1, 0, 1} <= kinds


@pytest.mark.parametrize("start", range(0, 200, 40))
def test_what_floats_prove_is_true(start: int) -> None:
    definite = 0
    for seed in range(start, start + 40):
        P = random_integer_polytope(seed)
        dimension = true_dimension(P)
        # Without rational arithmetic, which would decide all of these: the proofs by rounding bounds alone.
        assert dimension <= dimension_upper_bound(P)
        corners = vertices(P)
        if not corners:
            continue
        middle = np.mean([[float(v) for v in corner] for corner in corners], axis=0)
        if is_strictly_inside(P, middle):
            definite += 1
            inequalities, _ = constraints(P)
            strict = [any(dot(a, x) < b for x in corners) for a, b in inequalities]
            fixed = np.flatnonzero(P.lower == P.upper)
            bound_rows = [j for j in range(P.n_coordinates) for _ in range(2)]
            constant = [not np.any(a) for a in P.A_ub] + [j in fixed for j in bound_rows]
            assert all(s or c for s, c in zip(strict, constant, strict=True)), seed
            assert dimension >= P.n_coordinates - equality_count(P)
    assert definite >= 5


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_known_bodies(body: Body) -> None:
    hull = affine_hull(body.polyhedron)
    assert hull.status is Status.OPTIMAL
    assert hull.dimension == body.dimension
    assert hull.lower <= body.dimension <= hull.upper
    assert hull.point is not None
    assert body.polyhedron.violation(hull.point[None])[0] < 1e-9


def test_a_full_interior_is_proved_and_a_missing_one_is_not_by_floats() -> None:
    full = affine_hull(squeezed_cube(80, 0).polyhedron)
    assert (full.lower, full.upper) == (80, 80)
    # Too large for rational arithmetic: that rows vanish is not proved, and not claimed.
    flat = affine_hull(squeezed_cube(80, 7).polyhedron)
    assert flat.dimension == 73
    assert (flat.lower, flat.upper) == (73, 80)
    assert flat.empty is False
    assert flat.implicit_rows.all()


def test_fixed_coordinates_and_repeated_equalities_count_once() -> None:
    # In 80 coordinates, so that floats are all there is: two of them fixed, one equation three times.
    rng = np.random.default_rng(0)
    a = rng.standard_normal(80)
    upper = np.ones(80)
    upper[:2] = 0.0
    P = Polyhedron(A_eq=np.stack([a, -a, 4 * a]), b_eq=np.zeros(3), lower=0.0, upper=upper, origin=np.zeros(80))
    hull = affine_hull(P)
    assert (hull.dimension, hull.lower, hull.upper) == (77, 77, 77)


def test_empty_sets_are_proved_empty() -> None:
    # In 80 coordinates: by multipliers, rounding included.
    P = Polyhedron(np.ones((1, 80)), np.array([-1e-3]), lower=0.0)
    hull = affine_hull(P)
    assert (hull.lower, hull.upper, hull.empty) == (-1, -1, True)
    # An error in the right-hand side may hide a member.
    assert affine_hull(replace(P, ub_error=np.array([1e-2]))).empty is None
    assert affine_hull(Polyhedron(np.zeros((1, 80)), np.array([-1.0]))).empty is True
    assert affine_hull(Polyhedron(A_eq=np.zeros((1, 80)), b_eq=np.ones(1))).empty is True


def test_a_slab_of_width_1e_12() -> None:
    def slab(width: float) -> Polyhedron:
        rows = np.array([[1.0, 1.0], [-1.0, -1.0]])
        return Polyhedron(rows, np.array([1.0, width - 1.0]), lower=-3.0, upper=3.0)

    assert affine_hull(slab(1e-12)).lower == 2
    assert affine_hull(slab(0.0)).upper == 1
    assert affine_hull(slab(-1e-12)).empty is True


def test_the_error_of_the_right_hand_side_widens_what_is_proved() -> None:
    P = Polyhedron(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([1e-6, 1e-6]), lower=-1.0, upper=1.0)
    assert affine_hull(replace(P, ub_error=np.full(2, 1e-9))).lower == 2
    assert affine_hull(replace(P, ub_error=np.full(2, 1e-5))).lower == -1


def test_exact_arithmetic_has_its_limits() -> None:
    assert exact_hull(Polyhedron(origin=np.zeros(61))) is None
    found = exact_hull(Polyhedron(origin=np.zeros(3)))
    assert found is not None
    assert found.dimension == 3
    # Bounds that are no dyadic sums: 0.1 + 0.2 > 0.3 in exact arithmetic on floats.
    P = Polyhedron(np.array([[1.0]]), np.array([0.3 - 0.1]), lower=0.2 + 0.1 - 0.1, origin=np.array([0.0]))
    found = exact_hull(P)
    assert found is not None
    assert found.dimension == (-1 if 0.2 + 0.1 - 0.1 > 0.3 - 0.1 else 0)
