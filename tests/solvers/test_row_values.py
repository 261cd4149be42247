"""One linear program with many right-hand sides."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from unrelu.errors import InputError, ShapeError
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status


def test_each_right_hand_side_has_scipys_optimum() -> None:
    rng = np.random.default_rng(0)
    A, costs = rng.standard_normal((4, 9)), rng.uniform(0.1, 1, 9)
    program = LinearProgram(RowSystem(A, 0.0, 0.0, lower=0.0))
    for _ in range(6):
        values = A @ rng.uniform(0, 1, 9)
        found = program.minimise(costs, row_values=values)
        expected = linprog(costs, A_eq=A, b_eq=values)
        assert found.status is Status.OPTIMAL
        assert found.objective == pytest.approx(expected.fun, abs=1e-8)
        assert found.bound == pytest.approx(expected.fun, abs=1e-7)
    # Without values, the rows are what they were.
    assert program.minimise(costs).objective == pytest.approx(0.0)


def test_wrong_values_are_told() -> None:
    program = LinearProgram(RowSystem(np.ones((1, 2)), 0.0, 0.0))
    with pytest.raises(ShapeError, match="row_lower needs"):
        program.minimise(np.ones(2), row_values=np.ones(3))
    with pytest.raises(InputError, match="NaN"):
        program.minimise(np.ones(2), row_values=np.array([np.nan]))
