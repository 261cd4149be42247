"""Nearest-point programs with many inequality rows, solved with those that matter."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np

from unrelu.polyhedra.nearest_programs import Candidate, Multipliers, solve_program
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status

FEW_ROWS = 150
"""So many inequality rows are given to the solver at once; more are added round by round, where they are broken."""

BROKEN = 1e-12
"""A row of about unit size is broken beyond this, which is more than rounding and less than solvers see."""


def solve_with_few_rows(
    polyhedron: Polyhedron, target: np.ndarray, norm: float, time_limit: float = math.inf
) -> Candidate:
    """Minimise `||x - target||` over a polyhedron, adding inequality rows only where they are broken.

    Of thousands of inactive neurons a few dozen bind at the solution. A solution of fewer rows that keeps all of
    them solves the whole problem, and its multipliers, with zeros for the others, prove it.

    Args:
        polyhedron: the set, with rows of about unit size.
        target: (d,).
        norm: 1, 2 or inf.
        time_limit: seconds that all rounds together may take.

    Raises:
        SolverFailure: if the solver refuses the numbers.
    """
    deadline = time.monotonic() + time_limit
    used = np.zeros(len(polyhedron.A_ub), dtype=bool)
    base = np.clip(target, polyhedron.lower, polyhedron.upper)
    _add_most_broken(polyhedron, base, used)
    while True:
        part = Polyhedron(
            A_ub=polyhedron.A_ub[used],
            b_ub=polyhedron.b_ub[used],
            A_eq=polyhedron.A_eq,
            b_eq=polyhedron.b_eq,
            lower=polyhedron.lower,
            upper=polyhedron.upper,
            origin=polyhedron.origin,
        )
        found = solve_program(part, target, norm, max(0.0, deadline - time.monotonic()))
        found = replace(found, multipliers=tuple(_spread(multipliers, used) for multipliers in found.multipliers))
        if found.point is None or not _add_most_broken(polyhedron, found.point, used):
            return found
        if time.monotonic() > deadline:
            return Candidate(None, found.multipliers, Status.TIME_LIMIT)


def _add_most_broken(polyhedron: Polyhedron, x: np.ndarray, used: np.ndarray) -> bool:
    """Mark the rows that a point breaks most as used; whether there were any."""
    if used.all():
        return False
    if len(used) <= FEW_ROWS:
        used[:] = True
        return True
    excess = polyhedron.A_ub @ (x - polyhedron.origin) - polyhedron.b_ub
    excess[used] = 0.0
    worst = np.argsort(-excess, kind="stable")[:FEW_ROWS]
    worst = worst[excess[worst] > BROKEN]
    used[worst] = True
    return bool(len(worst))


def _spread(multipliers: Multipliers, used: np.ndarray) -> Multipliers:
    ub = np.zeros(len(used))
    ub[used] = multipliers.ub
    return Multipliers(multipliers.eq, ub)
