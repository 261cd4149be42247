"""Linear programs: closed forms, scipy's own optimum, weak duality, warm starts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from unrelu.errors import InputError, ShapeError, SolverFailure
from unrelu.solvers.linear_program import LinearProgram, LinearSettings
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status


def random_system(seed: int, m: int = 7, n: int = 5) -> RowSystem:
    """A bounded system with a point inside, an equality and a two-sided row."""
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(m, n))
    inside = A @ rng.uniform(-1, 1, n)
    below = np.where(np.arange(m) % 2, -np.inf, inside - rng.uniform(0, 1, m))
    above = inside + rng.uniform(0, 1, m)
    below[0] = above[0] = inside[0]
    return RowSystem(A, below, above, -2.0, 2.0)


def scipy_optimum(system: RowSystem, costs: np.ndarray) -> float:
    A = system.matrix.toarray()
    upper, lower = np.isfinite(system.row_upper), np.isfinite(system.row_lower)
    outcome = linprog(
        costs,
        A_ub=np.vstack([A[upper], -A[lower]]),
        b_ub=np.concatenate([system.row_upper[upper], -system.row_lower[lower]]),
        bounds=np.column_stack([system.lower, system.upper]),
        method="highs-ipm",
    )
    return outcome.fun


@pytest.mark.parametrize("seed", range(8))
def test_optimum_is_scipys(seed: int) -> None:
    system = random_system(seed)
    costs = np.random.default_rng(100 + seed).normal(size=5)
    solution = LinearProgram(system).minimise(costs)
    assert solution.status is Status.OPTIMAL
    assert solution.point is not None
    assert solution.objective == pytest.approx(scipy_optimum(system, costs), abs=1e-7)
    values = system.matrix @ solution.point
    assert (values <= system.row_upper + 1e-8).all()
    assert (values >= system.row_lower - 1e-8).all()
    assert (np.abs(solution.point) <= 2).all()


@pytest.mark.parametrize("seed", range(8))
def test_strong_duality_with_the_duals_reported(seed: int) -> None:
    system = random_system(seed)
    costs = np.random.default_rng(100 + seed).normal(size=5)
    solution = LinearProgram(system).minimise(costs)
    assert solution.bound == pytest.approx(solution.objective, abs=1e-8)
    np.testing.assert_allclose(
        solution.reduced_costs, costs - system.matrix.toarray().T @ solution.row_duals, atol=1e-12
    )


def test_dual_signs_on_one_unknown() -> None:
    # min x over x >= 3 (a row): one more unit of the right-hand side costs one more: y = 1.
    solution = LinearProgram(RowSystem(np.ones((1, 1)), row_lower=3.0)).minimise(np.ones(1))
    assert solution.row_duals[0] == pytest.approx(1.0)
    assert solution.bound == pytest.approx(3.0)
    # max x over x <= 3: the multiplier of an upper end is negative.
    solution = LinearProgram(RowSystem(np.ones((1, 1)), row_upper=3.0)).minimise(-np.ones(1))
    assert solution.row_duals[0] == pytest.approx(-1.0)
    assert solution.bound == pytest.approx(-3.0)


def test_one_program_many_objectives_gives_coordinate_ranges() -> None:
    # The simplex { x >= 0, sum x = 1 } has the range [0, 1] in every coordinate.
    n = 6
    program = LinearProgram(RowSystem(np.ones((1, n)), 1.0, 1.0, lower=0.0))
    for unit in np.eye(n):
        assert program.minimise(unit).objective == pytest.approx(0.0)
        assert program.minimise(-unit).objective == pytest.approx(-1.0)


def test_a_new_objective_starts_from_the_last_vertex() -> None:
    system = random_system(3, m=60, n=30)
    costs = np.random.default_rng(0).normal(size=30)
    program = LinearProgram(system)
    cold = program.minimise(costs)
    again = program.minimise(costs)
    assert again.objective == pytest.approx(cold.objective)
    assert cold.iterations > 0
    assert again.iterations == 0


def test_infeasible_and_unbounded_are_values() -> None:
    infeasible = LinearProgram(RowSystem(np.eye(2), row_lower=2.0, upper=1.0)).minimise(np.ones(2))
    assert infeasible.status is Status.INFEASIBLE
    assert infeasible.point is None
    assert np.isnan(infeasible.objective)
    # -x is unbounded below on the half line; presolve alone would say "unbounded or infeasible".
    unbounded = LinearProgram(RowSystem(np.array([[1.0, -1.0]]), row_lower=0.0)).minimise(np.array([-1.0, 0.0]))
    assert unbounded.status is Status.UNBOUNDED
    assert unbounded.bound == -np.inf


def test_a_time_limit_is_a_value_and_leaves_a_valid_bound() -> None:
    system = random_system(5, m=400, n=300)
    costs = np.random.default_rng(5).normal(size=300)
    stopped = LinearProgram(system, LinearSettings(time_limit=0.0)).minimise(costs)
    assert stopped.status is Status.TIME_LIMIT
    best = LinearProgram(system).minimise(costs)
    assert stopped.bound <= best.objective + 1e-9


def test_the_time_limit_counts_each_call_alone() -> None:
    # HiGHS's clock runs over all calls, so the limit it is given has to move on.
    program = LinearProgram(random_system(2, m=150, n=100), LinearSettings(time_limit=30.0))
    highs = program._highs
    assert program.minimise(np.ones(100)).status is Status.OPTIMAL
    spent = highs.getRunTime()
    assert program.minimise(-np.ones(100)).status is Status.OPTIMAL
    assert spent > 0
    assert float(highs.getOptionValue("time_limit")[1]) >= 30.0 + spent


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    LinearProgram(random_system(0)).minimise(np.ones(5))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_misuse_is_told() -> None:
    with pytest.raises(ShapeError, match="row_lower needs one number or shape"):
        RowSystem(np.eye(2), row_lower=np.zeros(3))
    with pytest.raises(ShapeError, match="needs shape"):
        RowSystem(np.zeros(3))
    with pytest.raises(InputError, match="NaN or infinite"):
        RowSystem(np.array([[np.nan]]))
    with pytest.raises(InputError, match="upper holds NaN"):
        RowSystem(np.eye(1), upper=np.nan)
    with pytest.raises(ShapeError, match="the costs need shape"):
        LinearProgram(RowSystem(np.eye(2))).minimise(np.ones(3))
    with pytest.raises(SolverFailure, match="does not take the linear program"):
        LinearProgram(RowSystem(np.array([[1e16]])))
    with pytest.raises(SolverFailure, match="primal_feasibility_tolerance"):
        LinearProgram(RowSystem(np.eye(1)), LinearSettings(feasibility_tolerance=0.0))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_multipliers_give_a_lower_bound(data: st.DataObject) -> None:
    """Weak duality does not ask where the multipliers come from."""
    from unrelu.solvers.weak_duality import lower_bound

    m, n = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    small = st.integers(-3, 3)
    A = np.array(data.draw(st.lists(st.lists(small, min_size=n, max_size=n), min_size=m, max_size=m)), float)
    point = np.array(data.draw(st.lists(small, min_size=n, max_size=n)), float)
    slack = np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0, np.inf]), min_size=m, max_size=m)))
    system = RowSystem(A, A @ point - slack, A @ point + 1.0, point - 1.0, point + 2.0)
    costs = np.array(data.draw(st.lists(small, min_size=n, max_size=n)), float)
    duals = np.array(data.draw(st.lists(st.integers(-5, 5), min_size=m, max_size=m)), float)
    assert lower_bound(costs, system, duals) <= scipy_optimum(system, costs) + 1e-6
