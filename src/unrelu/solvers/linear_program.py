"""Linear programs, solved by HiGHS. The only file that imports highspy."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import highspy
import numpy as np

from unrelu.errors import SolverFailure
from unrelu.solvers.row_system import RowSystem, checked_costs
from unrelu.solvers.status import Status
from unrelu.solvers.weak_duality import lower_bound

_STATUS = {
    highspy.HighsModelStatus.kOptimal: Status.OPTIMAL,
    highspy.HighsModelStatus.kModelEmpty: Status.OPTIMAL,
    highspy.HighsModelStatus.kInfeasible: Status.INFEASIBLE,
    highspy.HighsModelStatus.kUnbounded: Status.UNBOUNDED,
    highspy.HighsModelStatus.kUnknown: Status.INACCURATE,
    highspy.HighsModelStatus.kTimeLimit: Status.TIME_LIMIT,
    highspy.HighsModelStatus.kIterationLimit: Status.ITERATION_LIMIT,
}


@dataclass(frozen=True)
class LinearSettings:
    """How a linear program is solved.

    Attributes:
        feasibility_tolerance: how far a constraint may be broken, in its own units; at least 1e-10.
        optimality_tolerance: how far a reduced cost may have the wrong sign; at least 1e-10.
        time_limit: seconds that one `minimise` may take.
    """

    feasibility_tolerance: float = 1e-9
    optimality_tolerance: float = 1e-9
    time_limit: float = math.inf


@dataclass(frozen=True, eq=False)
class LinearSolution:
    """What a linear program ended with.

    Attributes:
        status: how the solver stopped.
        point: x, (n,) float64; None where the solver has no point that keeps the constraints.
        objective: `c'x`; nan without a point.
        row_duals: y, (m,) float64, positive at a lower bound and negative at an upper one.
        reduced_costs: `c - A'y`, (n,) float64.
        bound: a lower bound of the optimum, computed from `row_duals` by weak duality (float64); -inf
            where they prove nothing.
        iterations: steps of the simplex method.
    """

    status: Status
    point: np.ndarray | None
    objective: float
    row_duals: np.ndarray
    reduced_costs: np.ndarray
    bound: float
    iterations: int


@dataclass(frozen=True, eq=False)
class LinearProgram:
    """Constraints held ready for many objectives, and for many right-hand sides.

    The solver keeps its last basis, so that a new objective starts from the last optimal vertex, and new values of
    the rows from the last optimal multipliers. Not for use from several threads at once.

    Attributes:
        system: the constraints.
        settings: how to solve.

    >>> program = LinearProgram(RowSystem(np.ones((1, 2)), row_upper=1.0, lower=0.0))
    >>> program.minimise(np.array([-1.0, -2.0])).objective
    -2.0
    """

    system: RowSystem
    settings: LinearSettings = LinearSettings()
    _highs: highspy.Highs = field(init=False, repr=False)
    _held: list[RowSystem] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        highs = highspy.Highs()
        options = {
            "output_flag": False,
            "threads": 1,
            "allow_unbounded_or_infeasible": False,
            "parallel": "off",
            "solver": "simplex",
            "primal_feasibility_tolerance": self.settings.feasibility_tolerance,
            "dual_feasibility_tolerance": self.settings.optimality_tolerance,
            # HiGHS forgets coefficients below this; 1e-12 is the least it takes.
            "small_matrix_value": 1e-12,
        }
        for name, value in options.items():
            _check(highs.setOptionValue(name, value), f"HiGHS does not take {name} = {value}")
        _check(highs.passModel(_model(self.system)), "HiGHS does not take the linear program")
        object.__setattr__(self, "_highs", highs)
        object.__setattr__(self, "_held", [self.system])

    def minimise(self, costs: np.ndarray, *, row_values: np.ndarray | None = None) -> LinearSolution:
        """Minimise `c'x`.

        Args:
            costs: c, (n,).
            row_values: (m,) what the rows shall be equal to this time, in place of their bounds; None for these.

        Raises:
            ShapeError: if the costs or values do not fit the constraints.
            InputError: if a cost is not finite or a value NaN.
            SolverFailure: if HiGHS refuses the program.
        """
        system = self.system
        if row_values is not None:
            system = RowSystem(system.matrix, row_values, row_values, system.lower, system.upper)
        c = checked_costs(costs, system)
        n = c.size
        highs = self._highs
        if system is not self._held[0]:
            rows = np.arange(system.n_rows, dtype=np.int32)
            change = highs.changeRowsBounds  # pyright: ignore[reportAttributeAccessIssue], its stubs lack it
            outcome = change(rows.size, rows, system.row_lower, system.row_upper)
            _check(outcome, "HiGHS does not take the values of the rows")
            self._held[0] = system
        _check(highs.changeColsCost(n, np.arange(n, dtype=np.int32), c), "HiGHS does not take the costs")
        # Its clock runs over the life of the model.
        highs.setOptionValue("time_limit", highs.getRunTime() + self.settings.time_limit)
        _check(highs.run(), "HiGHS does not solve the linear program")
        return self._solution(c, system, _STATUS.get(highs.getModelStatus(), Status.FAILED))

    def _solution(self, costs: np.ndarray, system: RowSystem, status: Status) -> LinearSolution:
        solution = self._highs.getSolution()
        info = self._highs.getInfo()
        feasible = (
            status is Status.OPTIMAL or info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        )
        point = np.array(solution.col_value, dtype=np.float64) if feasible and solution.value_valid else None
        duals = np.array(solution.row_dual, dtype=np.float64) if solution.dual_valid else np.zeros(system.n_rows)
        return LinearSolution(
            status=status,
            point=point,
            objective=math.nan if point is None else float(costs @ point),
            row_duals=duals,
            reduced_costs=costs - system.matrix.T @ duals,
            bound=lower_bound(costs, system, duals, negligible=self.settings.optimality_tolerance),
            iterations=max(0, int(info.simplex_iteration_count)),
        )


def _model(system: RowSystem) -> highspy.HighsLp:
    matrix = system.matrix
    model = highspy.HighsLp()
    model.num_row_ = system.n_rows
    model.num_col_ = system.n_unknowns
    model.col_cost_ = np.zeros(system.n_unknowns)
    model.col_lower_ = system.lower
    model.col_upper_ = system.upper
    model.row_lower_ = system.row_lower
    model.row_upper_ = system.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.asarray(matrix.indptr, dtype=np.int32)
    model.a_matrix_.index_ = np.asarray(matrix.indices, dtype=np.int32)
    model.a_matrix_.value_ = np.asarray(matrix.data, dtype=np.float64)
    return model


def _check(outcome: highspy.HighsStatus, complaint: str) -> None:
    if outcome == highspy.HighsStatus.kError:
        raise SolverFailure(
            f"{complaint}; check that its numbers are of a sensible size (HiGHS {highspy.Highs().version()})."
        )
