"""Which inequalities of a cone can hold strictly, and a direction in which all of these do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import SolverFailure
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class StrictRows:
    """The relative interior of a cone `{ u : M u <= 0 }`, up to rounding.

    Attributes:
        strict: (m,) bool, the rows that are negative somewhere in the cone; the others vanish on all of it.
        direction: (n,) a point of the relative interior, where all strict rows are negative; 0 if there are none.
        multipliers: (m,) with `M' lam = 0`, positive on the rows that vanish and 0 on the others: the reason why.
    """

    strict: np.ndarray
    direction: np.ndarray
    multipliers: np.ndarray


def strict_rows(M: np.ndarray) -> StrictRows:
    """Find the implicit equalities of a cone by one linear program.

    Maximise `1'y` subject to `M u + y <= 0`, `0 <= y <= 1` (Freund, Roundy and Todd, Identifying the set of
    always-active constraints in a system of linear inequalities by a single linear program, 1985): since u can be
    scaled, every y_i is 0 or 1 at the optimum. It is solved in its dual form, which has n rows: `min 1'w` subject to
    `M'(1 - w + v) = 0`, `v >= 0`, `0 <= w <= 1`.

    Args:
        M: (m, n), no zero rows.

    Raises:
        SolverFailure: if the solver does not come to an end.
    """
    m, n = M.shape
    if m == 0 or n == 0:
        return StrictRows(np.zeros(m, dtype=bool), np.zeros(n), np.ones(m))
    norms = np.linalg.norm(M, axis=1)
    scaled = M / norms[:, None]
    total = -scaled.sum(axis=0)
    system = RowSystem(
        np.hstack([scaled.T, -scaled.T]), total, total, 0.0, np.concatenate([np.full(m, np.inf), np.ones(m)])
    )
    solution = LinearProgram(system).minimise(np.concatenate([np.zeros(m), np.ones(m)]))
    if solution.status is not Status.OPTIMAL or solution.point is None:
        raise SolverFailure(
            f"the program for implicit equalities, which always has an optimum, ended as {solution.status}; "
            "scale the rows."
        )
    v, w = solution.point[:m], solution.point[m:]
    strict = w > 0.5
    direction = solution.row_duals if strict.any() else np.zeros(n)
    return StrictRows(strict, direction, np.where(strict, 0.0, 1.0 - w + v) / norms)
