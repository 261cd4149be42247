"""Linear functionals minimised over one polyhedron, each from where the last one ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.constant_rows import constant_rows_hold
from unrelu.polyhedra.hull_rows import INCONSISTENT, RANK_TOLERANCE, HullRows, hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_multipliers import MultiplierLift
from unrelu.rigor.arithmetic import is_ieee
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

FEW_ROWS = 32
"""So many inequality rows are added at once where one is broken; of thousands of inactive neurons a few dozen bind."""

SMALLEST = 1e-9
"""HiGHS leaves out numbers of a matrix that are smaller than this."""

BROKEN = 1e-9
"""Rows of about unit size are broken beyond this, to which the solver keeps its own."""

MET = 1e-6
"""A minimum and its proved bound meet within this, relative to the minimum (at least 1)."""

_MIRRORED = {Status.INFEASIBLE: Status.UNBOUNDED, Status.UNBOUNDED: Status.INFEASIBLE}


@dataclass(frozen=True, eq=False)
class FunctionalMinimum:
    """Where a linear functional is least on a polyhedron.

    Attributes:
        status: how the solver stopped.
        point: (d,) float64, a member up to the solver's tolerance; None without an optimum.
        eq_duals: mu, (l,), multipliers of the equality rows of the program's polyhedron, for `functional_bound`.
        ub_duals: lam, (k,), those of its inequality rows, not negative.
        iterations: steps of the simplex method.
    """

    status: Status
    point: np.ndarray | None
    eq_duals: np.ndarray
    ub_duals: np.ndarray
    iterations: int


class FunctionalProgram:
    """A polyhedron held ready for many linear functionals. Not for use from several threads at once.

    Where the equalities leave fewer coordinates free than there are rows, the dual program in these n coordinates,
    `min h'lam` subject to `M'lam = -c`, `lam >= 0`, is solved: its bases are of size n, and a new functional moves
    its right-hand side alone, which the dual simplex method likes best. Otherwise the rows are used as they are; where
    bounds keep every coordinate, thousands of rows are left out until a solution breaks them.

    Attributes:
        polyhedron: the set with its rows brought to unit size (`unit_rows`); multipliers are about these rows.
    """

    def __init__(self, polyhedron: Polyhedron, rows: HullRows | None = None) -> None:
        """Hand the constraints to the solver.

        Args:
            polyhedron: the set.
            rows: its `hull_rows`, if they are at hand.

        Raises:
            SolverFailure: if the solver refuses the numbers.
        """
        P = self.polyhedron = polyhedron.unit_rows
        rows_of = np.vstack([P.A_ub, P.A_eq])
        self.is_whole = not bool(((rows_of != 0) & (np.abs(rows_of) < SMALLEST)).any())
        rows = hull_rows(P) if rows is None else rows
        self.is_sharp = is_ieee() and constant_rows_hold(rows, rows.frame.point, np.inf)
        n, n_eq = rows.frame.dimension, len(P.A_eq)
        self._contradictory = not rows.frame.consistent or rows.contradiction > INCONSISTENT
        if n > 0 and rows.count == 0:
            self._form = _Subspace(rows)
            return
        boxed = bool(np.isfinite(P.lower).all() and np.isfinite(P.upper).all())
        if boxed and n_eq <= n and len(P.A_ub) > FEW_ROWS:
            self._form = _WithFewRows(P)
        else:
            self._form = _InHull(rows) if n_eq + len(P.A_ub) > n > 0 else _AsGiven(P)

    def judged(self, status: Status, value: float, bound: float) -> Status:
        """The status of a minimum: where small numbers were left out, OPTIMAL only if a bound meets it.

        Args:
            status: how the solver stopped.
            value: the minimum it found.
            bound: a proved lower bound of the minimum.
        """
        if status is Status.OPTIMAL and not self.is_sharp:
            return Status.INACCURATE  # a row that was taken for constant may keep the set from this minimum
        if status is not Status.OPTIMAL or self.is_whole:
            return status
        return status if value - bound <= MET * max(1.0, abs(value)) else Status.INACCURATE

    def minimise(self, functional: np.ndarray) -> FunctionalMinimum:
        """Minimise `c'x`.

        Args:
            functional: c, (d,).

        Raises:
            InputError: if c is not finite or of another size.
            SolverFailure: if the solver refuses the numbers.
        """
        if self._contradictory:
            n_eq, n_ub = len(self.polyhedron.A_eq), len(self.polyhedron.A_ub)
            return FunctionalMinimum(Status.INFEASIBLE, None, np.zeros(n_eq), np.zeros(n_ub), 0)
        return self._form.minimise(functional)


class _Subspace:
    """No inequality is left within the hull of the equalities; a solver would call its empty program optimal."""

    def __init__(self, rows: HullRows) -> None:
        self.rows, self.lift = rows, MultiplierLift(rows)

    def minimise(self, functional: np.ndarray) -> FunctionalMinimum:
        P, basis = self.rows.polyhedron, self.rows.frame.basis
        multipliers = self.lift.lifted(functional, np.zeros(0))
        within = float(np.abs(functional @ basis).max(initial=0.0))
        constant = within <= RANK_TOLERANCE * len(functional) * float(np.abs(functional).max(initial=0.0))
        point = np.clip(self.rows.frame.point, P.lower, P.upper) if constant else None
        status = Status.OPTIMAL if constant else Status.UNBOUNDED
        return FunctionalMinimum(status, point, multipliers.eq, multipliers.ub, 0)


class _AsGiven:
    """Rows and bounds as they are, in unknowns `x - origin`."""

    def __init__(self, polyhedron: Polyhedron) -> None:
        P = self.polyhedron = polyhedron
        right = np.concatenate([P.b_eq, P.b_ub])
        left = np.concatenate([P.b_eq, np.full(len(P.b_ub), -np.inf)])
        matrix = np.vstack([P.A_eq, P.A_ub])
        self.program = LinearProgram(RowSystem(matrix, left, right, P.lower - P.origin, P.upper - P.origin))

    def minimise(self, functional: np.ndarray) -> FunctionalMinimum:
        P, n_eq = self.polyhedron, len(self.polyhedron.A_eq)
        solution = self.program.minimise(functional)
        # The solver's multipliers are negative at an upper end.
        duals = -solution.row_duals
        point = None
        if solution.status is Status.OPTIMAL and solution.point is not None:
            point = np.clip(P.origin + solution.point, P.lower, P.upper)
        return FunctionalMinimum(
            solution.status, point, duals[:n_eq], np.maximum(duals[n_eq:], 0.0), solution.iterations
        )


class _WithFewRows:
    """The rows that solutions so far have broken; a solution of these that keeps all others solves the whole."""

    def __init__(self, polyhedron: Polyhedron) -> None:
        self.polyhedron = polyhedron
        self.sizes = np.maximum(np.abs(polyhedron.A_ub).max(axis=1, initial=0.0), np.finfo(np.float64).tiny)
        self.used = np.zeros(len(polyhedron.A_ub), dtype=bool)
        self.program = self._program()

    def minimise(self, functional: np.ndarray) -> FunctionalMinimum:
        iterations = 0
        while True:
            found = self.program.minimise(functional)
            iterations += found.iterations
            if found.point is None or not self._add_broken(found.point):
                ub_duals = np.zeros(self.used.size)
                ub_duals[self.used] = found.ub_duals
                return FunctionalMinimum(found.status, found.point, found.eq_duals, ub_duals, iterations)
            self.program = self._program()

    def _add_broken(self, x: np.ndarray) -> bool:
        P = self.polyhedron
        excess = (P.A_ub @ (x - P.origin) - P.b_ub) / self.sizes
        excess[self.used] = -np.inf
        if not bool((excess > BROKEN).any()):
            return False
        self.used[np.argsort(-excess, kind="stable")[:FEW_ROWS]] = True
        return True

    def _program(self) -> _AsGiven:
        P, used = self.polyhedron, self.used
        return _AsGiven(Polyhedron(P.A_ub[used], P.b_ub[used], P.A_eq, P.b_eq, P.lower, P.upper, P.origin))


class _InHull:
    """The dual program in coordinates of the hull of the equalities."""

    def __init__(self, rows: HullRows) -> None:
        self.rows = rows
        self.slack = rows.slack(rows.frame.point)
        # Rows of unit norm: multipliers of like size.
        self.scales = 1.0 / rows.norms
        self.program = LinearProgram(RowSystem((rows.matrix * self.scales[:, None]).T, 0.0, 0.0, lower=0.0))
        self.lift = MultiplierLift(rows)

    def minimise(self, functional: np.ndarray) -> FunctionalMinimum:
        rows, P = self.rows, self.rows.polyhedron
        target = -(functional @ rows.frame.basis)
        solution = self.program.minimise(self.slack * self.scales, row_values=target)
        lam = np.zeros(rows.count) if solution.point is None else solution.point * self.scales
        multipliers = self.lift.lifted(functional, lam)
        status = _MIRRORED.get(solution.status, solution.status)
        point = None
        if status is Status.OPTIMAL:
            point = np.clip(rows.frame.lifted(solution.row_duals), P.lower, P.upper)
        return FunctionalMinimum(status, point, multipliers.eq, multipliers.ub, solution.iterations)
