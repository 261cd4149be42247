"""Quadratic programs: closed forms, projections, SLSQP, weak duality."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

from unrelu.errors import InputError, ShapeError
from unrelu.solvers.quadratic_program import QuadraticProgram, QuadraticSettings
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status


def test_projection_onto_an_affine_set_has_a_closed_form() -> None:
    rng = np.random.default_rng(0)
    A, b, t = rng.normal(size=(3, 8)), rng.normal(size=3), rng.normal(size=8)
    solution = QuadraticProgram(sparse.eye_array(8), RowSystem(A, b, b)).minimise(-t)
    assert solution.status is Status.OPTIMAL
    assert solution.point is not None
    np.testing.assert_allclose(solution.point, t + np.linalg.pinv(A) @ (b - A @ t), atol=1e-7)


def test_projection_onto_a_box_is_clipping_and_reduced_costs_tell_the_side() -> None:
    t = np.array([-1.0, 0.5, 3.0])
    program = QuadraticProgram(np.eye(3), RowSystem(np.zeros((0, 3)), lower=0.0, upper=1.0))
    solution = program.minimise(-t)
    assert solution.point is not None
    np.testing.assert_allclose(solution.point, [0.0, 0.5, 1.0], atol=1e-6)
    np.testing.assert_allclose(solution.reduced_costs, [1.0, 0.0, -2.0], atol=1e-6)


def test_dual_signs() -> None:
    # min x^2 / 2 over x >= 2 resp. x <= -2: the optimum moves by x for every unit of the right-hand side.
    below = QuadraticProgram(np.eye(1), RowSystem(np.eye(1), row_lower=2.0)).minimise(np.zeros(1))
    assert below.row_duals[0] == pytest.approx(2.0, abs=1e-6)
    above = QuadraticProgram(np.eye(1), RowSystem(np.eye(1), row_upper=-2.0)).minimise(np.zeros(1))
    assert above.row_duals[0] == pytest.approx(-2.0, abs=1e-6)
    both = QuadraticProgram(np.eye(1), RowSystem(np.eye(1), 2.0, 2.0)).minimise(np.zeros(1))
    assert both.row_duals[0] == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_optimum_is_slsqps_and_the_bound_meets_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    P, c = root @ root.T, rng.normal(size=4)
    A = rng.normal(size=(5, 4))
    b = A @ rng.uniform(-0.5, 0.5, 4) + rng.uniform(0, 0.5, 5)
    system = RowSystem(A, row_upper=b, lower=-1.0, upper=1.0)
    solution = QuadraticProgram(P, system).minimise(c)
    other = minimize(
        lambda x: x @ P @ x / 2 + c @ x,
        np.zeros(4),
        jac=lambda x: P @ x + c,
        bounds=[(-1, 1)] * 4,
        constraints={"type": "ineq", "fun": lambda x: b - A @ x, "jac": lambda _: -A},
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 500},
    )
    assert solution.objective == pytest.approx(other.fun, abs=1e-6)
    assert solution.bound <= other.fun + 1e-9
    assert solution.bound == pytest.approx(other.fun, abs=1e-6)
    # However early the solver stops, the bound stays below.
    rough = QuadraticProgram(P, system, QuadraticSettings(tolerance=0.1)).minimise(c)
    assert rough.bound <= other.fun + 1e-9
    assert rough.bound < rough.objective


def test_infeasible_unbounded_and_stopped_are_values() -> None:
    infeasible = QuadraticProgram(np.eye(1), RowSystem(np.eye(1), row_lower=2.0, upper=1.0)).minimise(np.zeros(1))
    assert infeasible.status is Status.INFEASIBLE
    assert infeasible.point is None
    assert infeasible.bound == -np.inf
    unbounded = QuadraticProgram(np.zeros((1, 1)), RowSystem(np.eye(1), row_upper=1.0)).minimise(np.ones(1))
    assert unbounded.status is Status.UNBOUNDED
    stopped = QuadraticProgram(
        np.eye(2), RowSystem(np.eye(2), row_lower=1.0), QuadraticSettings(time_limit=0.0)
    ).minimise(np.ones(2))
    assert stopped.status is Status.TIME_LIMIT


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    QuadraticProgram(np.eye(2), RowSystem(np.eye(2), row_lower=1.0)).minimise(np.ones(2))
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == ""


def test_misuse_is_told() -> None:
    with pytest.raises(ShapeError, match="the quadratic form needs shape"):
        QuadraticProgram(np.eye(3), RowSystem(np.eye(2)))
    with pytest.raises(ShapeError, match="the costs need shape"):
        QuadraticProgram(np.eye(2), RowSystem(np.eye(2))).minimise(np.ones(3))
    with pytest.raises(InputError, match="the costs hold NaN"):
        QuadraticProgram(np.eye(2), RowSystem(np.eye(2))).minimise(np.array([np.nan, 0.0]))
