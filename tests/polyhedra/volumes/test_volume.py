"""Volumes: closed forms in every method, with their dimensions; what is infinite, empty or refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from known_bodies import BODIES, FLAT_BODIES, Body, corner_simplex, cross_polytope, cube, flat_simplex, turned_cube
from unrelu.errors import InputError
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.volumes.result import Volume, VolumeMethod
from unrelu.polyhedra.volumes.volume import volume


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_known_bodies(body: Body) -> None:
    found = volume(body.polyhedron, confidence=0.999, progress=False)
    assert found.dimension == body.dimension
    if body.dimension == 0:
        assert found.method is VolumeMethod.POINT
    elif body.dimension <= 8:
        assert found.method is VolumeMethod.EXACT
        assert found.log_lower == found.log_estimate == found.log_upper
        assert found.log_estimate == pytest.approx(body.log_volume, abs=1e-9)
    else:
        assert found.method is VolumeMethod.ANNEALING
        assert found.confidence == 0.999
        assert found.log_lower <= body.log_volume <= found.log_upper
        assert found.log_upper - found.log_lower < 0.5
    # Flat bodies in many coordinates have dimensions that floats cannot prove.
    assert found.dimension_proved or body is FLAT_BODIES["squeezed cube of 33"]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_ellipsoids_hold_the_volume(body: Body) -> None:
    found = volume(body.polyhedron, method="ellipsoids")
    assert found.log_lower <= body.log_volume + 1e-9
    assert found.log_upper >= body.log_volume - 1e-9
    assert found.dimension == body.dimension
    if body.dimension > 0:
        assert found.method is VolumeMethod.ELLIPSOIDS
        assert math.isnan(found.log_estimate)
        assert found.confidence == 1.0


def test_the_ellipsoids_of_a_cube_are_its_balls() -> None:
    n = 300
    found = volume(cube(n, 2.0).polyhedron, method="ellipsoids")
    ball = 0.5 * n * math.log(math.pi) - math.lgamma(0.5 * n + 1)
    assert found.log_lower == pytest.approx(ball, rel=1e-9)
    assert found.log_upper == pytest.approx(ball + 0.5 * n * math.log(n), rel=1e-9)
    assert volume(cube(n, 2.0).polyhedron).method is VolumeMethod.ELLIPSOIDS


@pytest.mark.parametrize(
    "body", [corner_simplex(3), cross_polytope(4), flat_simplex(6), turned_cube(5, 9), cube(2)], ids=str
)
def test_annealing_agrees_where_the_exact_volume_is_known(body: Body) -> None:
    found = volume(body.polyhedron, method="annealing", confidence=0.999, accuracy=0.1, progress=False)
    assert found.method is VolumeMethod.ANNEALING
    assert found.log_lower <= body.log_volume <= found.log_upper
    assert found.log_lower < found.log_estimate < found.log_upper
    # Sure bounds cut off what chance alone leaves.
    sure = volume(body.polyhedron, method="ellipsoids")
    assert sure.log_lower <= found.log_lower
    assert found.log_upper <= sure.log_upper


def test_a_seed_gives_the_same_estimate() -> None:
    P = corner_simplex(9).polyhedron
    assert volume(P, seed=3, progress=False) == volume(P, seed=3, progress=False)
    assert volume(P, seed=3, progress=False) != volume(P, seed=4, progress=False)


def test_a_body_scales() -> None:
    P = cross_polytope(3).polyhedron
    for factor in (1e-8, 1e8):
        scaled = Polyhedron(P.A_ub, P.b_ub * factor)
        assert volume(scaled).log_estimate == pytest.approx(math.log(4 / 3) + 3 * math.log(factor), rel=1e-9)


def test_unbounded_sets_are_infinite_and_bounded_ones_are_proved_to_be() -> None:
    for P in (
        Polyhedron(lower=np.zeros(3)),
        Polyhedron(origin=np.zeros(2)),
        Polyhedron(np.array([[1.0, 1], [-1, -1]]), np.ones(2)),
        Polyhedron(A_eq=np.array([[1.0, 1, 0]]), b_eq=np.ones(1), lower=0.0),
    ):
        found = volume(P)
        assert found.method is VolumeMethod.UNBOUNDED
        assert found.log_lower == found.log_estimate == found.log_upper == math.inf
        assert found.estimate == math.inf
    # A ray in the plane: of dimension 1.
    assert volume(Polyhedron(A_eq=np.array([[1.0, -1]]), b_eq=np.zeros(1), lower=0.0)).dimension == 1


def test_a_point_has_volume_one_in_no_dimension() -> None:
    found = volume(Polyhedron(lower=[1.0, 2.0], upper=[1.0, 2.0]))
    assert (found.dimension, found.estimate, found.method) == (0, 1.0, VolumeMethod.POINT)
    assert found.dimension_proved


def test_the_empty_set() -> None:
    found = volume(Polyhedron(np.ones((1, 2)), np.array([-1.0]), lower=0.0))
    assert (found.method, found.dimension, found.estimate) == (VolumeMethod.EMPTY, -1, 0.0)


def test_what_is_not_decided_is_refused() -> None:
    # See test_recession: floats cannot tell the recession cone of this long triangle from a half line.
    A = np.array([[1.0, 0.0], [-1.0, 1e-17], [0.0, -1.0]])
    assert volume(Polyhedron(A, np.ones(3))).log_estimate == pytest.approx(math.log(2e17), abs=1e-12)
    # Nor is it small enough for exact arithmetic among 60 other coordinates.
    fixed = np.append(np.full(2, np.inf), np.zeros(60))
    P = Polyhedron(np.pad(A, [(0, 0), (0, 60)]), np.ones(3), lower=-fixed, upper=fixed, origin=np.zeros(62))
    found = volume(P)
    assert found.method is VolumeMethod.UNDECIDED
    assert (found.log_lower, found.log_upper) == (-math.inf, math.inf)
    assert math.isnan(found.log_estimate)
    assert volume(P, bounded=False).method is VolumeMethod.UNBOUNDED


def test_boundedness_may_be_given() -> None:
    assert volume(corner_simplex(3).polyhedron, bounded=True).log_estimate == pytest.approx(-math.log(6))


def test_a_line_says_it_all() -> None:
    assert str(volume(cube(2, 2.0).polyhedron)) == "2-dimensional volume exp(1.38629) (exact)"
    bounds = Volume(-3.0, math.nan, 4.0, 200, True, VolumeMethod.ELLIPSOIDS)
    assert str(bounds) == "200-dimensional volume within exp(-3) and exp(4) (ellipsoids)"
    assert Volume(0.0, 1e4, 2e4, 9, True, VolumeMethod.ANNEALING, 0.9).estimate == math.inf
    assert all(len(method.meaning) > 10 for method in VolumeMethod)


def test_misuse_is_told() -> None:
    P = cube(2).polyhedron
    with pytest.raises(InputError, match="not 'guess'"):
        volume(P, method="guess")
    with pytest.raises(InputError, match="not 'point'"):
        volume(P, method="point")
    with pytest.raises(InputError, match="accuracy must be positive"):
        volume(P, accuracy=0.0)
    with pytest.raises(InputError, match="confidence must lie between"):
        volume(P, confidence=1.0)
