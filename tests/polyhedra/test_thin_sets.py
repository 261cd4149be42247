"""Sets that are thinner, smaller, larger or farther away than floats can tell, against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from unrelu import Box, ReLULayer, preimage
from unrelu.cones.strict_rows import strict_rows
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.exact_hull import FAR, exact_hull
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status

SCALED = np.array(
    [
        [268435456.0, -3.022314549036573e23, 402653184.0, 1.0],
        [6.617444900424222e-24, -7.450580596923828e-09, 9.926167350636332e-24, 2.465190328815662e-32],
        [0.0, 0.0, 0.0, 4.440892098500626e-16],
        [-34359738368.0, 3.8685626227668134e25, -51539607552.0, -128.0],
    ]
)
"""Rows of small integers, rows and columns times powers of two between 2^-80 and 2^80."""


def scaled_domain() -> Polyhedron:
    return Polyhedron(
        np.array([[2.0**-23, -(2.0**27), 0, 0], [2.0**-24, 0, 2.0**-25, 2.0**-52]]),
        np.array([0, 1.0]),
        np.array([[0, 0, 2.0**-25, 2.0**-52]]),
        np.zeros(1),
    )


def test_an_interior_point_that_is_no_float_is_no_error() -> None:
    W = np.array([[-1.0, -2.0, 0.0], [1.0000000000000002, 2.0, -5e-324]])
    domain = Box([0, 0, -2.0], [np.inf, np.inf, 1.0])
    found = preimage(ReLULayer(W, np.array([-2.0, 3.0])), at=np.array([0, 0, 5e-324]), domain=domain).dimension
    assert (found.lower, found.upper) == (2, 2)
    # x >= 1.7e308 * 2^10, which no float keeps.
    far = Polyhedron(np.array([[-(2.0**-10)]]), np.array([-1.7e308]))
    hull = exact_hull(far)
    assert hull is not None
    assert (hull.dimension, hull.point) == (1, None)
    assert hull.interior is not None
    assert hull.interior[0] > Fraction(1.7e308) * 2**10
    assert (affine_hull(far).lower, affine_hull(far).status) == (1, Status.FAILED)


def test_interior_points_of_cones_are_not_far_away() -> None:
    cone = Polyhedron(np.array([[5e-324, -1.0], [-1.0, 0.0]]), np.zeros(2))  # y >= 5e-324 x, x >= 0
    hull = exact_hull(cone)
    assert hull is not None
    assert hull.interior is not None
    x, y = hull.interior
    assert 0 < x <= FAR
    assert FAR >= y > x / 2**1074


def test_what_a_solver_refuses_is_decided_exactly_or_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    found = preimage(ReLULayer(SCALED, np.zeros(4)), at=np.zeros(4), domain=scaled_domain()).dimension
    assert (found.lower, found.upper) == (2, 2)
    P = Polyhedron(np.vstack([SCALED, -SCALED]), np.zeros(8))
    hull = affine_hull(P)
    assert (hull.lower, hull.upper) == (2, 2)
    monkeypatch.setattr("unrelu.polyhedra.affine_hull.exact_hull", lambda polyhedron: None)

    def refused(M: np.ndarray) -> None:
        from unrelu.errors import SolverFailure

        raise SolverFailure("no end")

    monkeypatch.setattr("unrelu.polyhedra.affine_hull.strict_rows", refused)
    hull = affine_hull(P)
    assert hull.status is Status.FAILED
    assert (hull.lower, hull.upper) == (0, 4)  # the origin is a member


def test_errors_that_reach_no_row_leave_exact_hulls_proved() -> None:
    # Two rows 2^-50 apart in direction meet in x = y = 0; of the last row the right-hand side is not exact.
    rows = np.array([[1.0, 1.0, 0.0], [-1.0, -1.0 - 2.0**-50, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 1.0]])

    def box(errors: list[float]) -> Polyhedron:
        return Polyhedron(rows, np.array([0.0, 0, 0, 0.5]), lower=-2.0, upper=1.0, ub_error=np.array(errors))

    for errors, interval in (
        ([0.0, 0.0, 0.0, 0.0], (1, 1)),
        ([0.0, 0.0, 0.0, 1e-9], (1, 1)),
        ([0.0, 0.0, 1e-9, 0.0], (-1, 3)),  # y <= 1e-9 leaves room
        ([0.0, 0.0, 0.0, 5.0], (-1, 3)),  # z <= -4.5 leaves none
    ):
        hull = affine_hull(box(errors))
        assert (hull.lower, hull.upper) == interval


def test_strict_rows_of_nothing() -> None:
    assert strict_rows(np.zeros((0, 3))).strict.size == 0
