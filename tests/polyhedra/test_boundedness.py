"""Boundedness: bodies of every kind, and what is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

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


def test_what_floats_cannot_tell_stays_open() -> None:
    P = Polyhedron(np.array([[1.0, 0.0], [-1.0, 1e-17], [0.0, -1.0]]), np.ones(3))
    assert boundedness(P).bounded is None
    assert boundedness(P, known=True).bounded is True
