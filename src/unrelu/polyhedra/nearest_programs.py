"""Nearest-point problems as linear and quadratic programs, for rows of about unit size."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy import sparse

from unrelu.polyhedra.polishing import TIGHT, polished
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.linear_program import LinearProgram, LinearSettings
from unrelu.solvers.quadratic_program import QuadraticProgram, QuadraticSettings
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class Multipliers:
    """Multipliers of a polyhedron's rows, signed as in `minimise f + mu'(A_eq z - b_eq) + lam'(A_ub z - b_ub)`.

    Attributes:
        eq: mu, (l,).
        ub: lam, (k,), non-negative up to the solver's tolerance.
    """

    eq: np.ndarray
    ub: np.ndarray


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a program ended with.

    Attributes:
        point: (d,), within the bounds exactly and within the rows up to rounding; None where there is none.
        multipliers: guesses at the optimal ones; for L2 those of `1/2 ||x - target||^2`.
        status: how the solver stopped.
    """

    point: np.ndarray | None
    multipliers: tuple[Multipliers, ...]
    status: Status


def solve_program(polyhedron: Polyhedron, target: np.ndarray, norm: float, time_limit: float = math.inf) -> Candidate:
    """Minimise `||x - target||` over a polyhedron by one program.

    Args:
        polyhedron: the set, with rows of about unit size: solvers forget small numbers, and measure residuals in the
            rows' own units.
        target: (d,).
        norm: 1, 2 or inf.
        time_limit: seconds the solver may take.

    Raises:
        SolverFailure: if the solver refuses the numbers.
    """
    if norm == 1:
        return _solve_l1(polyhedron, target, time_limit)
    if norm == 2:
        return _solve_l2(polyhedron, target, time_limit)
    return _solve_linf(polyhedron, target, time_limit)


@dataclass(frozen=True, eq=False)
class _Rows:
    """All rows of a polyhedron, equalities first, as `lower <= matrix (x - base) <= upper`."""

    matrix: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    n_eq: int

    def multipliers(self, row_duals: np.ndarray) -> Multipliers:
        """From a solver's duals, which are positive at lower ends."""
        return Multipliers(-row_duals[: self.n_eq], -row_duals[self.n_eq : len(self.matrix)])


def _rows_from(polyhedron: Polyhedron, base: np.ndarray) -> _Rows:
    matrix = np.vstack([polyhedron.A_eq, polyhedron.A_ub])
    n_eq = len(polyhedron.A_eq)
    upper = np.concatenate([polyhedron.b_eq, polyhedron.b_ub]) - matrix @ (base - polyhedron.origin)
    lower = upper.copy()
    lower[n_eq:] = -np.inf
    return _Rows(matrix, lower, upper, n_eq)


def _solve_l1(polyhedron: Polyhedron, target: np.ndarray, time_limit: float) -> Candidate:
    """Minimise `sum(up + down)` for `x = base + up - down`, with base the target clipped to the bounds.

    Clipping takes a constant from the distance.
    """
    d = polyhedron.n_coordinates
    base = np.clip(target, polyhedron.lower, polyhedron.upper)
    rows = _rows_from(polyhedron, base)
    room_up, room_down = polyhedron.upper - base, base - polyhedron.lower
    solution = LinearProgram(
        RowSystem(
            np.hstack([rows.matrix, -rows.matrix]), rows.lower, rows.upper, 0.0, np.concatenate([room_up, room_down])
        ),
        LinearSettings(time_limit=time_limit),
    ).minimise(np.ones(2 * d))
    multipliers = (rows.multipliers(solution.row_duals),)
    if solution.point is None:
        return Candidate(None, multipliers, solution.status)
    up, down = solution.point[:d], solution.point[d:]
    x = base + (up - down)
    # A solver leaves variables at their bounds exactly, but base + (upper - base) may round away from upper.
    x = np.where((down == 0) & (up >= room_up), polyhedron.upper, x)
    x = np.where((up == 0) & (down >= room_down), polyhedron.lower, x)
    return Candidate(polished(polyhedron, x, kept=x == target), multipliers, solution.status)


def _solve_linf(polyhedron: Polyhedron, target: np.ndarray, time_limit: float) -> Candidate:
    """Minimise tau subject to `-tau <= x - target <= tau`."""
    d = polyhedron.n_coordinates
    # In x itself, so that bounds are exact.
    rows = _rows_from(polyhedron, np.zeros(d))
    identity, column = sparse.eye_array(d), np.ones((d, 1))
    within = sparse.block_array([[rows.matrix, None], [identity, -column], [identity, column]], format="csr")
    solution = LinearProgram(
        RowSystem(
            sparse.csr_array(within),
            np.concatenate([rows.lower, np.full(d, -np.inf), target]),
            np.concatenate([rows.upper, target, np.full(d, np.inf)]),
            np.append(polyhedron.lower, 0.0),
            np.append(polyhedron.upper, np.inf),
        ),
        LinearSettings(time_limit=time_limit),
    ).minimise(np.append(np.zeros(d), 1.0))
    multipliers = (rows.multipliers(solution.row_duals),)
    if solution.point is None:
        return Candidate(None, multipliers, solution.status)
    return Candidate(polished(polyhedron, solution.point[:d]), multipliers, solution.status)


def _solve_l2(polyhedron: Polyhedron, target: np.ndarray, time_limit: float) -> Candidate:
    """Minimise `1/2 ||x - target||^2`, then solve once more with the active constraints held as equalities."""
    d = polyhedron.n_coordinates
    rows = _rows_from(polyhedron, target)
    system = RowSystem(rows.matrix, rows.lower, rows.upper, polyhedron.lower - target, polyhedron.upper - target)
    solution = QuadraticProgram(sparse.eye_array(d), system, QuadraticSettings(time_limit=time_limit)).minimise(
        np.zeros(d)
    )
    if solution.point is None:
        return Candidate(None, (), solution.status)
    multipliers = rows.multipliers(solution.row_duals)
    x = target + solution.point
    refined = _projected_on_active(polyhedron, target, x, multipliers, solution.reduced_costs)
    if refined is not None and refined.point is not None and _as_near(refined.point, x, target):
        return Candidate(refined.point, (multipliers, *refined.multipliers), solution.status)
    return Candidate(polished(polyhedron, x), (multipliers,), solution.status)


def _as_near(refined: np.ndarray, x: np.ndarray, target: np.ndarray) -> bool:
    """Whether a refined point is no farther from the target than rounding makes it; with wrong rows held it may be."""
    distance = float(np.linalg.norm(x - target))
    return float(np.linalg.norm(refined - target)) <= distance + TIGHT * max(1.0, distance)


def _projected_on_active(
    polyhedron: Polyhedron, target: np.ndarray, x: np.ndarray, multipliers: Multipliers, reduced_costs: np.ndarray
) -> Candidate | None:
    """The projection onto the active constraints in closed form, if it keeps all others; else None.

    An interior-point solution stays off its constraints by about the tolerance, but tells which are active:
    those whose multiplier exceeds their slack.
    """
    at_lower = reduced_costs > x - polyhedron.lower
    at_upper = -reduced_costs > polyhedron.upper - x
    active = multipliers.ub > polyhedron.b_ub - polyhedron.A_ub @ (x - polyhedron.origin)
    rows = np.vstack([polyhedron.A_eq, polyhedron.A_ub[active]])
    right = np.concatenate([polyhedron.b_eq, polyhedron.b_ub[active]])
    x = np.where(at_lower, polyhedron.lower, np.where(at_upper, polyhedron.upper, target))
    free = ~(at_lower | at_upper)
    row_multipliers = np.zeros(len(rows))
    if len(rows) and free.any():
        # x_F = t_F - C_F'y with C_F x_F = what the rows ask for; the second round refines the first.
        inverse = np.asarray(scipy.linalg.pinv(rows[:, free], rtol=1e-12))
        for _ in range(2):
            x[free] -= inverse @ (rows @ (x - polyhedron.origin) - right)
        row_multipliers = inverse.T @ (target - x)[free]
    inside = np.clip(x, polyhedron.lower, polyhedron.upper)
    if not np.array_equal(inside, x) or polyhedron.violation(x[None])[0] > TIGHT:
        return None
    n_eq = len(polyhedron.A_eq)
    ub = np.zeros(len(polyhedron.A_ub))
    ub[active] = row_multipliers[n_eq:]
    return Candidate(polished(polyhedron, x), (Multipliers(row_multipliers[:n_eq], ub),), Status.OPTIMAL)
