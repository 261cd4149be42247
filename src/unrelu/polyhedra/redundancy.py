"""Which inequality rows of a polyhedron touch it."""

from __future__ import annotations

import numpy as np

from unrelu.polyhedra.hull_rows import HullRows
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

TOUCHING = 1e-7
"""A row whose least slack is below this fraction of its slack at the given point counts as touching; solvers keep
constraints to 1e-9."""


def touching_rows(rows: HullRows, inside: np.ndarray) -> np.ndarray:
    """The rows that hold with equality somewhere on a bounded polyhedron; the others can be left out.

    With `v` counted from a point inside and rows `a_i.v <= 1`, row i touches the set iff the greatest value of `a_i.v`
    is 1. By duality that is the least `sum lam` with `sum lam_k a_k = a_i`, `lam >= 0`: for all i one program whose
    right-hand side changes. Each solution shows a vertex, and all rows that touch there.

    Args:
        rows: the inequalities, m of them.
        inside: (d,) a point strictly inside all of them.

    Returns:
        (m,) bool; True also for rows of which the solver could not tell.

    Raises:
        SolverFailure: if the solver refuses the numbers.
    """
    A = rows.matrix / rows.slack(inside)[:, None]
    touching, known = np.ones(len(A), dtype=bool), np.zeros(len(A), dtype=bool)
    program = LinearProgram(RowSystem(A.T, 0.0, 0.0, lower=0.0))
    # Long rows are near to the point, and the first to touch.
    for i in np.argsort(-np.linalg.norm(A, axis=1), kind="stable"):
        if known[i]:
            continue
        found = program.minimise(np.ones(len(A)), row_values=A[i])
        known[i] = True
        if found.status is Status.OPTIMAL:
            touching[i] = found.objective > 1 - TOUCHING
            known |= A @ found.row_duals > 1 - TOUCHING
    return touching
