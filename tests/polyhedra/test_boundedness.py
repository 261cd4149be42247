"""Boundedness: bodies of every kind, and what is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exact_sets import set_of
from known_bodies import BODIES, Body
from unrelu.polyhedra.boundedness import boundedness
from unrelu.polyhedra.polyhedron import Polyhedron


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_bodies_are_bounded_and_within_their_radius(body: Body) -> None:
    P = body.polyhedron
    found = boundedness(P)
    assert found.bounded
    reach = np.linalg.norm(body.center - P.origin) + body.inradius
    assert found.radius >= reach * (1 - 1e-9)
    if not np.isfinite(P.lower).all():
        assert math.isfinite(found.radius) or np.isfinite(P.lower).any()


def test_a_radius_is_sought_where_boundedness_is_known() -> None:
    P = Polyhedron(np.array([[1.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), np.ones(3))
    assert boundedness(P, known=True).radius == boundedness(P).radius < 100
    assert boundedness(P, known=False).bounded is False


def test_half_spaces_and_lines_are_not() -> None:
    assert boundedness(Polyhedron(np.ones((1, 2)), np.ones(1))).bounded is False
    assert boundedness(Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.ones(1))).bounded is False


def test_what_floats_cannot_tell_is_decided_exactly() -> None:
    P = Polyhedron(np.array([[1.0, 0.0], [-1.0, 1e-17], [0.0, -1.0]]), np.ones(3))
    assert boundedness(P).bounded is True
    assert not math.isfinite(boundedness(P).radius)
    assert boundedness(P, known=True).bounded is True


@pytest.mark.parametrize(
    "P",
    [
        # the upper bounds of the second coordinate are no part of the multipliers, which have to do without
        Polyhedron(
            np.array([[2.0, -1.0, -1.0], [-1.0, 2.0, 1.0]]), np.ones(2), lower=[-2, -3, 1], upper=[0, np.inf, 3]
        ),
        # an equality and a coordinate between bounds leave no direction at all
        Polyhedron(A_eq=np.array([[-1.0, 2.0]]), b_eq=np.zeros(1), lower=[-3, -2.5], upper=[np.inf, 0.5]),
        Polyhedron(A_eq=np.eye(1), b_eq=np.zeros(1)),
        Polyhedron(A_eq=np.eye(1), b_eq=np.ones(1), eq_error=np.array([0.5]), upper=2.0),
    ],
)
def test_coordinates_between_bounds_help_to_a_radius(P: Polyhedron) -> None:
    found = boundedness(P)
    assert found.bounded
    reach = max(np.sqrt(float(sum(v * v for v in corner))) for corner in set_of(P).corners)
    assert reach + P.eq_error.sum() <= found.radius < 100


def test_the_dimension_of_slacks_that_were_rounded_is_that_at_their_member() -> None:
    rows = np.array([[1.0, 1.0], [-1.0, -1.0], [1.0, 0.0]])
    P = Polyhedron(rows, np.array([0.0, 0.0, 1.0]), ub_error=np.array([0.0, 0.0, 0.5]))
    assert (P.dimension.lower, P.dimension.upper) == (1, 1)
    assert P.bounded is False
    open_ended = Polyhedron(rows, np.array([0.0, 0.0, 1.0]), ub_error=np.array([0.0, 0.5, 0.5]))
    assert open_ended.dimension.lower < 0 < open_ended.dimension.upper  # nothing, a line, or a strip
