"""The dual simplex method for bounded unknowns, beside HiGHS."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.solvers.boxed_program import BoxedProgram, Outcome
from unrelu.solvers.first_gains import first_gains
from unrelu.solvers.linear_program import LinearProgram, LinearSolution
from unrelu.solvers.mirrored_columns import MirroredColumns
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def random_program(seed: int) -> tuple[Rows, np.ndarray]:
    """Rows that are equalities, intervals and half-open, of whole numbers, so that many vertices are degenerate."""
    rng = np.random.default_rng(seed)
    m, n = int(rng.integers(1, 8)), int(rng.integers(1, 12))
    A = rng.integers(-3, 4, (m, n)) * (rng.random((m, n)) < 0.7) * 1.0
    lower = rng.integers(-3, 1, n) * 1.0
    upper = lower + rng.integers(0, 4, n)
    inside = A @ (lower + (upper - lower) * rng.integers(0, 3, n) / 2) + (rng.random() < 0.3) * rng.integers(-4, 5, m)
    kind = rng.integers(0, 4, m)
    row_lower = np.where(kind == 1, -np.inf, inside - (kind == 2))
    row_upper = np.where(kind == 0, np.inf, inside + (kind == 2))
    return (A, row_lower, row_upper, lower, upper), rng.integers(-3, 4, n) * 1.0


def peer(rows: Rows, c: np.ndarray) -> LinearSolution:
    return LinearProgram(RowSystem(*rows)).minimise(c)


def bound(y: np.ndarray, rows: Rows, c: np.ndarray) -> float:
    """What multipliers of the rows prove, by weak duality; those of absent bounds are as good as 0."""
    A, row_lower, row_upper, lower, upper = rows
    side = np.where(y > 0, row_lower, row_upper)
    some = np.isfinite(side)
    d = c - np.where(some, y, 0.0) @ A
    return float(np.where(d > 0, d * lower, d * upper).sum() + y[some] @ side[some])


@pytest.mark.parametrize("shake", [0.0, 1e-7])
def test_optima_are_those_of_highs_and_multipliers_prove_them(shake: float) -> None:
    ends = set()
    for seed in range(300):
        rows, c = random_program(seed)
        program = BoxedProgram(*rows, c, shake=shake)
        outcome = program.run(most=2000)
        known = peer(rows, c)
        ends.add(outcome)
        if known.status is Status.INFEASIBLE:
            assert outcome is Outcome.INFEASIBLE, seed
            assert bound(program.ray, rows, np.zeros(len(c))) > 1e-6, seed
            continue
        assert outcome is Outcome.REACHED, seed
        assert c @ program.point == pytest.approx(known.objective, abs=1e-6), seed
        assert bound(program.multipliers, rows, c) == pytest.approx(known.objective, abs=1e-6), seed
        A, row_lower, row_upper, lower, upper = rows
        x = program.point
        assert ((x >= lower - 1e-9) & (x <= upper + 1e-9)).all()
        assert ((A @ x >= row_lower - 1e-7) & (A @ x <= row_upper + 1e-7)).all()
    assert ends == {Outcome.REACHED, Outcome.INFEASIBLE}


def test_it_goes_on_from_where_it_was_after_bounds_and_costs_change() -> None:
    rng = np.random.default_rng(0)
    for seed in range(100):
        (A, row_lower, row_upper, lower, upper), c = random_program(seed)
        program = BoxedProgram(A, row_lower, row_upper, lower, upper, c, shake=1e-7)
        program.run(most=2000)
        kept = program.state.copy()
        for _ in range(3):
            low = np.where(rng.random(len(c)) < 0.3, upper, lower)
            program.state = kept.copy()
            program.set_bounds(low, upper)
            outcome, known = program.run(most=2000), peer((A, row_lower, row_upper, low, upper), c)
            assert (outcome is Outcome.REACHED) == (known.status is Status.OPTIMAL), seed
            if outcome is Outcome.REACHED:
                assert c @ program.point == pytest.approx(known.objective, abs=1e-6), seed
        costs = rng.integers(-3, 4, len(c)) * 1.0
        program.put_bounds(lower, upper)
        program.put_costs(costs)
        program.stand(kept.basic, kept.at_upper)
        known = peer((A, row_lower, row_upper, lower, upper), costs)
        if program.run(most=2000) is Outcome.REACHED:
            assert costs @ program.point == pytest.approx(known.objective, abs=1e-6), seed
        else:
            assert known.status is Status.INFEASIBLE


def test_it_stops_at_a_cut_and_after_so_many_steps() -> None:
    rng = np.random.default_rng(1)
    A = rng.normal(size=(10, 30))
    c, lower, upper = np.ones(30), np.zeros(30), np.ones(30)
    inside = A @ rng.random(30)
    program = BoxedProgram(A, inside, inside, lower, upper, c)
    assert program.run(most=2) is Outcome.STOPPED
    assert program.n_steps == 2
    assert program.run(cut=program.objective - 1.0) is Outcome.CUT
    assert program.run() is Outcome.REACHED


def test_a_singular_basis_is_left_for_that_of_the_rows() -> None:
    A = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    program = BoxedProgram(A, np.ones(2), np.ones(2), np.zeros(3), np.ones(3), np.array([1.0, 2.0, 3.0]))
    program.stand(np.array([0, 1]), np.zeros(5, dtype=bool))
    assert program.run() is Outcome.REACHED
    assert program.objective == pytest.approx(1.0)


def test_first_gains_are_at_most_what_the_optimum_rises() -> None:
    seen = 0
    for seed in range(300):
        rows, c = random_program(seed)
        A, row_lower, row_upper, lower, upper = rows
        program = BoxedProgram(*rows, c)
        if program.run(most=2000) is not Outcome.REACHED:
            continue
        unknowns = np.flatnonzero(program.point > lower + 1e-6)
        gains = first_gains(program, unknowns, lower[unknowns])
        for unknown, gain in zip(unknowns.tolist(), gains.tolist(), strict=True):
            if np.isnan(gain):
                continue
            fixed = upper.copy()
            fixed[unknown] = lower[unknown]
            found = peer((A, row_lower, row_upper, lower, fixed), c)
            seen += gain > 0
            if found.status is not Status.INFEASIBLE:
                assert gain <= found.objective - program.objective + 1e-7, seed
    assert seen > 50


def test_products_with_mirrored_columns_are_those_of_the_matrix() -> None:
    rng = np.random.default_rng(0)
    for m, n in ((1, 1), (3, 5), (6, 20), (0, 4), (4, 0)):
        A = rng.integers(-1, 2, (m, n)) * 1.0
        if m:
            A[m // 2 :, : n // 2] = 0.0
        A = np.hstack([A, -A[:, ::2]])
        columns, y, v = MirroredColumns(A), rng.standard_normal(m), rng.standard_normal(A.shape[1])
        assert columns.row_times(y) == pytest.approx(y @ A, abs=1e-12)
        assert columns.times(v) == pytest.approx(A @ v, abs=1e-12)
