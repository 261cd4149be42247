"""Distances of some coordinates only: those of a projection."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.nearest import NORMS
from unrelu.polyhedra.polyhedron import Polyhedron


@pytest.mark.parametrize("norm", NORMS)
def test_the_bound_is_that_of_the_projection(norm: float) -> None:
    """`x1 + x2 = 2 + s`, s between 0 and 1: the nearest x to 0 has the sum 2, wherever s is meant to be."""
    rows = Polyhedron(
        A_eq=np.array([[1.0, 1.0, -1.0]]),
        b_eq=np.array([2.0]),
        lower=np.array([-9.0, -9.0, 0.0]),
        upper=np.array([9.0, 9.0, 1.0]),
        origin=np.zeros(3),
    )
    best = {1: 2.0, 2: np.sqrt(2.0), np.inf: 1.0}[norm]
    multiplier = {1: -1.0, 2: -1.0, np.inf: -0.5}[norm]
    found = distance_bound(rows, np.array([0.0, 0.0, 5.0]), norm, np.array([multiplier]), np.zeros(0), measured=2)
    assert found == pytest.approx(best)
    assert found <= best
