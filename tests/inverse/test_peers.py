"""The methods that inversion is held against: what they find is there, and where it is known they find it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.milp_peer import milp_solutions
from benchmarks.newton_peer import newton_solutions
from benchmarks.peer_solutions import distinct
from benchmarks.random_problems import random_problem
from exact_inversion import exact_solutions, holds_none
from inverse_cases import inverse_case
from known_preimages import (
    Known,
    bijection,
    conditional,
    corners,
    fixed_input,
    magnitudes,
    never_reached,
    overdetermined,
    scales,
    tents,
)

POINTS = [
    magnitudes(3),
    tents(5, 0.3125),
    bijection(3, 3, 2),
    overdetermined(),
    corners(2),
    fixed_input(),
    scales(1e-6, 1e6, "relu"),
    conditional(-1.0),
    conditional(1.0),
    never_reached(),
]

RELUS = [magnitudes(2, "relu"), tents(3, 0.75), overdetermined(), conditional(-1.0), conditional(1.0)]


def same(found: np.ndarray, case: Known) -> bool:
    """Whether these are the solutions, each once, to a millionth of the box."""
    truth = np.array([[float(v) for v in x] for x in sorted(case.points)]).reshape(-1, case.lower.size)
    width = np.where(case.upper > case.lower, case.upper - case.lower, 1.0)
    far = np.abs((found[:, None] - truth[None]) / width).max(axis=2)
    return len(found) == len(truth) and bool((far.min(axis=1, initial=np.inf) <= 1e-6).all())


@pytest.mark.parametrize("case", POINTS, ids=lambda case: case.name)
def test_newton_from_many_starts_finds_every_point(case: Known) -> None:
    found = newton_solutions(case.network, case.measured, case.lower, case.upper, starts=400, steps=60)
    assert same(found.points, case)
    assert not found.claims_all
    assert ((found.points >= case.lower) & (found.points <= case.upper)).all()


@pytest.mark.parametrize("case", RELUS, ids=lambda case: case.name)
def test_the_program_finds_every_point_and_says_when_there_is_none_left(case: Known) -> None:
    found = milp_solutions(case.network, case.measured, case.lower, case.upper)
    assert same(found.points, case)
    assert found.finished
    assert found.claims_all
    assert found.runs > len(case.points)


def test_newton_finds_only_what_the_oracle_lists() -> None:
    seen = 0
    for seed in range(40):
        case = inverse_case(seed)
        found = newton_solutions(case.network, case.measured, case.lower, case.upper, starts=30, steps=30)
        truth = exact_solutions(case.network, case.measured, case.lower, case.upper)
        assert not any(holds_none(truth, x - 1e-6, x + 1e-6) for x in found.points)
        seen += len(found.points)
    assert seen > 40


def test_a_program_out_of_time_claims_nothing() -> None:
    case = random_problem(3, 64, 2, 0)
    found = milp_solutions(case.network, case.measured, case.lower, case.upper, time_limit=0.0)
    assert (len(found.points), found.finished, found.claims_all) == (0, False, False)


def test_of_near_solutions_the_best_stays() -> None:
    points = np.array([[0.0, 0.0], [1e-7, 0.0], [0.5, 0.0], [0.5 + 1e-5, 0.0]])
    kept = distinct(points, np.array([2.0, 1.0, 3.0, 4.0]), np.zeros(2), np.ones(2))
    assert kept.tolist() == [1, 2, 3]
    assert distinct(np.zeros((0, 2)), np.zeros(0), np.zeros(2), np.ones(2)).tolist() == []


@pytest.mark.parametrize(("d", "units", "depth"), [(1, 16, 1), (3, 17, 3), (5, 64, 4)])
def test_random_problems_have_the_sizes_asked_for_and_a_solution(d: int, units: int, depth: int) -> None:
    case = random_problem(d, units, depth, 1)
    layers = [case.network.layer(name) for name in case.network.layers]
    assert (len(layers), sum(layer.n_outputs for layer in layers)) == (depth, units)
    assert (case.network.input_size, case.network.output_size) == (d, d)
    assert np.array_equal(np.asarray(case.network(case.point[None]))[0], case.measured)
    assert np.abs(case.point).max() <= 1
    assert np.array_equal(case.measured, random_problem(d, units, depth, 1).measured)
    # kinks run through the box: of its random points none is like another
    x = np.random.default_rng(0).uniform(-1, 1, (200, d))
    active = np.concatenate([case.network.upto(name)(x) > 0 for name in case.network.layers], axis=1)
    assert len(np.unique(active, axis=0)) > units / 2
