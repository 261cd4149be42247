"""The greatest ball inside the inequalities of a polyhedron, within the hull of its equalities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from unrelu.polyhedra.hull_rows import HullRows
from unrelu.polyhedra.row_multipliers import MultiplierLift
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class InscribedBall:
    """The point that is farthest from its nearest facet.

    Attributes:
        status: how the solver stopped; UNBOUNDED where there are balls of any size.
        point: (d,) on the hull of the equalities; None without an optimum.
        radius: the least distance of the point from a facet, within the hull; negative by how much the worst one is
            broken where nothing is inside all of them.
        ub_duals: (k,) multipliers of the inequality rows; with `radius < 0` they prove that the set is empty.
        eq_duals: (l,) those of the equality rows.
    """

    status: Status
    point: np.ndarray | None
    radius: float
    ub_duals: np.ndarray
    eq_duals: np.ndarray


def inscribed_ball(rows: HullRows) -> InscribedBall:
    """Maximise r subject to `M u + r ||M_i|| <= h`.

    Args:
        rows: the inequalities, m >= 1 of them, in n >= 1 coordinates.

    Raises:
        SolverFailure: if the solver refuses the numbers.
    """
    P = rows.polyhedron
    # With fewer coordinates than rows the dual program is the smaller one; see `FunctionalProgram`.
    return _in_hull(rows) if len(P.A_eq) + len(P.A_ub) > rows.frame.dimension else _as_given(rows)


def _as_given(rows: HullRows) -> InscribedBall:
    P, d = rows.polyhedron, rows.polyhedron.n_coordinates
    units = sparse.csr_array(sparse.eye_array(d))
    own = rows.norms[: rows.rows.size]
    # Unit norms on the hull, but for bounds, whose sparse rows stay sparse.
    scales = np.concatenate([1.0 / own, np.ones(rows.upper.size + rows.lower.size)])
    inequalities = sparse.vstack(
        [sparse.csr_array(P.A_ub[rows.rows] / own[:, None]), units[rows.upper], -units[rows.lower]]
    )
    right = rows.slack(P.origin) * scales
    eq_scales = 1.0 / np.maximum(np.abs(P.A_eq).max(axis=1, initial=0.0), np.finfo(np.float64).tiny)
    # One column more, for the radius.
    columns = sparse.vstack([inequalities, sparse.csr_array(P.A_eq * eq_scales[:, None])])
    radius_column = np.concatenate([rows.norms * scales, np.zeros(len(P.A_eq))])[:, None]
    matrix = sparse.csr_array(sparse.hstack([columns, sparse.csr_array(radius_column)]))
    values = P.b_eq * eq_scales
    fixed = P.lower == P.upper
    # A coordinate that the equality rows hold constant has its bound here; others have theirs in the rows.
    constant = ~fixed & ~np.isin(np.arange(d), np.concatenate([rows.upper, rows.lower]))
    lower = np.where(fixed | constant, P.lower - P.origin, -np.inf)
    upper = np.where(fixed | constant, P.upper - P.origin, np.inf)
    system = RowSystem(
        matrix,
        np.concatenate([np.full(rows.count, -np.inf), values]),
        np.concatenate([right, values]),
        np.append(lower, -np.inf),
        np.append(upper, np.inf),
    )
    solution = LinearProgram(system).minimise(np.append(np.zeros(d), -1.0))
    duals = -solution.row_duals
    ub = np.zeros(len(P.A_ub))
    ub[rows.rows] = np.maximum(duals[: rows.rows.size] / own, 0.0)
    eq = duals[rows.count :] * eq_scales
    if solution.status is not Status.OPTIMAL or solution.point is None:
        return InscribedBall(solution.status, None, np.nan, ub, eq)
    return _ball(rows, P.origin + solution.point[:d], ub, eq)


def _in_hull(rows: HullRows) -> InscribedBall:
    P, norms = rows.polyhedron, rows.norms
    n = rows.frame.dimension
    scaled = rows.matrix / norms[:, None]
    slack = rows.slack(rows.frame.point) / norms
    system = RowSystem(np.vstack([scaled.T, np.ones(rows.count)]), 0.0, 0.0, lower=0.0)
    solution = LinearProgram(system).minimise(slack, row_values=np.append(np.zeros(n), 1.0))
    status = {Status.INFEASIBLE: Status.UNBOUNDED, Status.UNBOUNDED: Status.INFEASIBLE}.get(
        solution.status, solution.status
    )
    lam = np.zeros(rows.count) if solution.point is None else solution.point / norms
    multipliers = MultiplierLift(rows).lifted(np.zeros(P.n_coordinates), lam)
    ub, eq = multipliers.ub, multipliers.eq
    if status is not Status.OPTIMAL:
        return InscribedBall(status, None, np.nan, ub, eq)
    return _ball(rows, rows.frame.lifted(solution.row_duals[:n]), ub, eq)


def _ball(rows: HullRows, x: np.ndarray, ub: np.ndarray, eq: np.ndarray) -> InscribedBall:
    frame = rows.frame
    x = frame.lifted(frame.projected(x))
    return InscribedBall(Status.OPTIMAL, x, float((rows.slack(x) / rows.norms).min()), ub, eq)
