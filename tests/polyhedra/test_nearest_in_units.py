"""Nearest points of sets of extreme size: exact answers by hand, whatever the size."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status

SIZES = [2.0**-300, 1e-18, 1e-9, 1.0, 1e9, 1e18, 2.0**300]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("norm", [1, 2, math.inf])
def test_the_corner_cut_off_a_square(size: float, norm: float) -> None:
    # x + y <= 3/2 within the unit square: (1, 1) is 1/2 off in L1, 1/4 in L-infinity, 1/sqrt(8) in L2.
    P = Polyhedron(np.ones((1, 2)), np.array([1.5 * size]), lower=0.0, upper=[size, size])
    found = P.nearest(np.full(2, size), norm)
    square = {1: Fraction(1, 4), 2: Fraction(1, 8), math.inf: Fraction(1, 16)}[norm]
    assert Fraction(found.bound) ** 2 <= square * Fraction(size) ** 2
    assert found.distance == pytest.approx(math.sqrt(square) * size, rel=1e-6)
    assert found.bound == pytest.approx(found.distance, rel=1e-6)
    assert found.status is Status.OPTIMAL
    assert found.radius <= 1e-6 * size


@pytest.mark.parametrize("size", SIZES)
def test_a_bound_that_does_not_meet_the_distance_is_not_optimal(size: float) -> None:
    P = Polyhedron(np.ones((1, 2)), np.array([1.5 * size]), lower=0.0, upper=[size, size])
    found = P.farthest(np.zeros(2), 2)
    assert found.distance == pytest.approx(math.sqrt(1.25) * size, rel=1e-6)
    assert not found.optimal  # the bound is that of the box of ranges, sqrt(2)
