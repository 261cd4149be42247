"""Lines in polyhedra: which coordinates and functionals change along them, against exact ranks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exact_oracle import fractions, rank
from unrelu.polyhedra.free_direction import free_direction
from unrelu.polyhedra.functional_range import functional_range
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.ranges import ranges
from unrelu.solvers.status import Status


def changes_along_a_line(P: Polyhedron, c: np.ndarray) -> bool:
    """Whether a functional is no combination of the rows and the coordinates with a bound, by exact elimination."""
    bounded = np.isfinite(P.lower) | np.isfinite(P.upper)
    rows = fractions(np.vstack([P.A_eq, P.A_ub, np.eye(P.n_coordinates)[bounded]]))
    return rank([*rows, *fractions(c[None])]) > rank(rows)


@pytest.mark.parametrize("seed", range(40))
def test_what_moves_is_what_exact_ranks_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d = 6
    A = rng.integers(-2, 3, (4, d)) * rng.integers(0, 2, (4, d))
    P = Polyhedron(
        A[:2],
        np.ones(2),
        A[2:],
        np.zeros(2),
        lower=np.where(rng.random(d) < 0.3, 0.0, -np.inf),
        origin=np.full(d, 0.1),
    )
    found = free_direction(P)
    for c in [*np.eye(d), *A.astype(float), rng.integers(-2, 3, d).astype(float)]:
        moves = found is not None and found.moves(c)
        assert not moves or changes_along_a_line(P, c)
        if rank(fractions(A[:, np.isinf(P.lower)])) == len(A):  # independent rows leave nothing open
            assert moves == changes_along_a_line(P, c)
    if found is not None:
        assert found.moves_coordinates().tolist() == [found.moves(c) for c in np.eye(d)]


def test_no_program_is_solved_for_what_has_no_end() -> None:
    rng = np.random.default_rng(0)
    d = 60
    A = np.vstack([rng.standard_normal((29, d)), np.eye(1, d)])  # the first coordinate is at most 1
    P = Polyhedron(A[15:], np.ones(15), A[:15], np.zeros(15), lower=np.r_[np.zeros(d - 1) - np.inf, -2.0])
    found = ranges(P, progress=False, workers=1)
    assert np.isinf(found.lower).tolist() == [True] * (d - 1) + [False]
    assert np.isinf(found.upper).tolist() == [False] + [True] * (d - 1)
    assert found.upper[0] == pytest.approx(1.0)
    assert found.lower[-1] == -2.0
    assert found.n_programs <= 4
    assert {found.lower_status[1], found.upper_status[1]} == {Status.UNBOUNDED}
    assert found.proved_lower[1] == -math.inf
    c = rng.standard_normal(d)
    both = functional_range(P, c)
    assert (both.lower, both.upper, both.minimiser, both.maximiser) == (-math.inf, math.inf, None, None)
    assert functional_range(P, A[20]).upper == pytest.approx(1.0)
    assert functional_range(P, A[3]).upper == functional_range(P, A[3]).lower == pytest.approx(0.0, abs=1e-12)


def test_dependent_rows_leave_the_coordinates_that_none_uses() -> None:
    row = np.array([[1.0, 3.0, 0.0, 0.0]])
    P = Polyhedron(np.vstack([row, row / 3, row / 7]), np.ones(3), upper=[np.inf, np.inf, np.inf, 1.0])
    found = free_direction(P)
    assert found is not None
    assert found.moves_coordinates().tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    "P",
    [
        Polyhedron(lower=np.zeros(3)),
        Polyhedron(np.vstack([np.eye(2), -np.eye(2)]), np.ones(4)),
        # Perhaps empty, as here: what is not there goes on nowhere.
        Polyhedron(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([-1.0, 0.0])),
    ],
    ids=["orthant", "square", "empty"],
)
def test_sets_without_a_line(P: Polyhedron) -> None:
    assert free_direction(P) is None


def test_an_empty_set_has_an_empty_range() -> None:
    empty = Polyhedron(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([-1.0, 0.0]))
    found = ranges(empty, progress=False)
    assert (found.lower.tolist(), found.upper.tolist()) == ([math.inf] * 2, [-math.inf] * 2)


def test_nearly_dependent_rows_prove_no_line_that_is_not_there() -> None:
    # Of full rank by far less than a float null space can see.
    P = Polyhedron(A_eq=np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-50]]), b_eq=np.zeros(2))
    found = free_direction(P)
    assert found is None or not found.moves_coordinates().any()
