"""Convex quadratic programs, solved by Clarabel. The only file that imports clarabel."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import clarabel as _untyped
import numpy as np
from scipy import sparse

from unrelu.errors import ShapeError
from unrelu.solvers.row_system import RowSystem, checked_costs
from unrelu.solvers.status import Status
from unrelu.solvers.weak_duality import lower_bound

clarabel: Any = _untyped  # it ships no types

_STATUS = {
    "Solved": Status.OPTIMAL,
    "AlmostSolved": Status.INACCURATE,
    "InsufficientProgress": Status.INACCURATE,
    "PrimalInfeasible": Status.INFEASIBLE,
    "AlmostPrimalInfeasible": Status.INFEASIBLE,
    "DualInfeasible": Status.UNBOUNDED,
    "AlmostDualInfeasible": Status.UNBOUNDED,
    "MaxTime": Status.TIME_LIMIT,
    "MaxIterations": Status.ITERATION_LIMIT,
}


@dataclass(frozen=True)
class QuadraticSettings:
    """How a quadratic program is solved.

    Attributes:
        tolerance: relative size of the residuals and of the duality gap at the end.
        time_limit: seconds that one `minimise` may take.
        iteration_limit: steps that it may take.
    """

    tolerance: float = 1e-9
    time_limit: float = math.inf
    iteration_limit: int = 200


@dataclass(frozen=True, eq=False)
class QuadraticSolution:
    """What a quadratic program ended with.

    Attributes:
        status: how the solver stopped.
        point: x, (n,) float64; an interior-point iterate, so it keeps the constraints up to the tolerance
            only. None where the solver has none.
        objective: `1/2 x'P x + c'x`; nan without a point.
        row_duals: y, (m,) float64, positive at a lower bound and negative at an upper one.
        reduced_costs: `P x + c - A'y`, (n,) float64; zeros without a point.
        bound: a lower bound of the optimum, computed from `row_duals` (float64): by convexity
            `f(v) >= f(x) + (P x + c)'(v - x)`, and the linear right-hand side is bounded by weak duality. -inf
            where that proves nothing.
        iterations: steps of the interior-point method.
    """

    status: Status
    point: np.ndarray | None
    objective: float
    row_duals: np.ndarray
    reduced_costs: np.ndarray
    bound: float
    iterations: int


@dataclass(frozen=True, eq=False)
class QuadraticProgram:
    """Minimise `1/2 x'P x + c'x` over constraints.

    Attributes:
        hessian: P, (n, n), symmetric positive semidefinite.
        system: the constraints.
        settings: how to solve.

    >>> program = QuadraticProgram(sparse.eye_array(1), RowSystem(np.ones((1, 1)), row_lower=2.0))
    >>> program.minimise(np.zeros(1)).point.round(6)
    array([2.])
    """

    hessian: sparse.csc_array
    system: RowSystem
    settings: QuadraticSettings

    def __init__(
        self,
        hessian: np.ndarray | sparse.sparray | sparse.spmatrix,
        system: RowSystem,
        settings: QuadraticSettings | None = None,
    ) -> None:
        """Put a program together.

        Args:
            hessian: P, (n, n), dense or sparse, symmetric positive semidefinite.
            system: the constraints on n unknowns.
            settings: how to solve; the defaults of `QuadraticSettings` if None.

        Raises:
            ShapeError: if the parts do not fit together.
        """
        P = sparse.csc_array(hessian, dtype=np.float64)
        n = system.n_unknowns
        if P.shape != (n, n):
            raise ShapeError(f"the quadratic form needs shape ({n}, {n}), not {P.shape}.")
        object.__setattr__(self, "hessian", P)
        object.__setattr__(self, "system", system)
        object.__setattr__(self, "settings", settings or QuadraticSettings())

    def minimise(self, costs: np.ndarray) -> QuadraticSolution:
        """Minimise `1/2 x'P x + c'x`.

        Args:
            costs: c, (n,).

        Raises:
            ShapeError: if the costs do not fit the constraints.
            InputError: if a cost is not finite.
        """
        c = checked_costs(costs, self.system)
        cones = _cones(self.system)
        outcome = clarabel.DefaultSolver(
            sparse.csc_matrix(sparse.triu(self.hessian)),
            c,
            cones.matrix,
            cones.right_hand_side,
            cones.kinds,
            self._options(),
        ).solve()
        status = _STATUS.get(str(outcome.status), Status.FAILED)
        return self._solution(c, status, np.array(outcome.x), cones.row_duals(np.array(outcome.z)), outcome.iterations)

    def _options(self) -> Any:
        options = clarabel.DefaultSettings()
        options.verbose = False
        options.max_threads = 1
        options.time_limit = self.settings.time_limit
        options.max_iter = self.settings.iteration_limit
        options.tol_feas = options.tol_gap_abs = options.tol_gap_rel = self.settings.tolerance
        return options

    def _solution(
        self, costs: np.ndarray, status: Status, point: np.ndarray, duals: np.ndarray, iterations: int
    ) -> QuadraticSolution:
        m, n = self.system.n_rows, self.system.n_unknowns
        solved = status not in {Status.INFEASIBLE, Status.UNBOUNDED, Status.FAILED}
        if not (solved and bool(np.isfinite(point).all()) and bool(np.isfinite(duals).all())):
            return QuadraticSolution(status, None, math.nan, np.zeros(m), np.zeros(n), -math.inf, iterations)
        slope = self.hessian @ point
        objective = float(point @ slope / 2 + costs @ point)
        gradient = slope + costs
        below = lower_bound(gradient, self.system, duals, negligible=self.settings.tolerance)
        return QuadraticSolution(
            status=status,
            point=point,
            objective=objective,
            row_duals=duals,
            reduced_costs=gradient - self.system.matrix.T @ duals,
            bound=objective - float(gradient @ point) + below,
            iterations=iterations,
        )


@dataclass(frozen=True, eq=False)
class _Cones:
    """Constraints as Clarabel takes them: `matrix x + s = right_hand_side`, s in a product of cones.

    Attributes:
        matrix: (k, n), sparse by columns: equalities, then upper and lower ends of rows and of bounds.
        right_hand_side: (k,).
        kinds: the cones.
        rows: (k,) the row of the system that each comes from, -1 for bounds.
        signs: (k,) -1 for upper ends and equalities, 1 for lower ends: what turns Clarabel's dual into ours.
        n_rows: m.
    """

    matrix: sparse.csc_matrix
    right_hand_side: np.ndarray
    kinds: list[Any]
    rows: np.ndarray
    signs: np.ndarray
    n_rows: int

    def row_duals(self, duals: np.ndarray) -> np.ndarray:
        """Multipliers y of the system's rows, positive at a lower end: (m,)."""
        own = self.rows >= 0
        return np.bincount(self.rows[own], (self.signs * duals)[own], minlength=self.n_rows).astype(np.float64)


def _cones(system: RowSystem) -> _Cones:
    m, n = system.n_rows, system.n_unknowns
    equal = system.row_lower == system.row_upper
    identity = sparse.eye_array(n, format="csr")
    none = np.full(n, -1)
    blocks = [
        (system.matrix, system.row_upper, np.arange(m), equal, -1.0),
        (system.matrix, system.row_upper, np.arange(m), ~equal & np.isfinite(system.row_upper), -1.0),
        (system.matrix, system.row_lower, np.arange(m), ~equal & np.isfinite(system.row_lower), 1.0),
        (identity, system.upper, none, np.isfinite(system.upper), -1.0),
        (identity, system.lower, none, np.isfinite(system.lower), 1.0),
    ]
    sizes = [int(kept.sum()) for *_, kept, _ in blocks]
    signs = np.repeat([sign for *_, sign in blocks], sizes)
    return _Cones(
        matrix=sparse.csc_matrix(sparse.vstack([-sign * rows[kept] for rows, _, _, kept, sign in blocks])),
        right_hand_side=-signs * np.concatenate([ends[kept] for _, ends, _, kept, _ in blocks]),
        kinds=[clarabel.ZeroConeT(sizes[0]), clarabel.NonnegativeConeT(sum(sizes[1:]))],
        rows=np.concatenate([origin[kept] for *_, origin, kept, _ in blocks]),
        signs=signs,
        n_rows=m,
    )
