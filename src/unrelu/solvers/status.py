"""How a solver stopped."""

from __future__ import annotations

import enum


class Status(enum.StrEnum):
    """How a solver stopped; `advice` says in words what to do next."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    INACCURATE = "inaccurate"
    TIME_LIMIT = "time limit"
    ITERATION_LIMIT = "iteration limit"
    FAILED = "failed"

    @property
    def advice(self) -> str:
        """What the status means and what to do next.

        >>> Status.OPTIMAL.advice
        'solved to the tolerances asked for; the bound computed from the duals says how far it can be from the optimum.'
        """
        return _ADVICE[self]


_ADVICE = {
    Status.OPTIMAL: (
        "solved to the tolerances asked for; the bound computed from the duals says how far it can be from the optimum."
    ),
    Status.INFEASIBLE: (
        "the solver found no point that keeps all constraints; check the domain, or allow a larger tolerance."
    ),
    Status.UNBOUNDED: "the objective has no lower limit over the constraints; bound the domain.",
    Status.INACCURATE: (
        "solved, but not to the tolerances asked for; trust the bound computed from the duals, not the status."
    ),
    Status.TIME_LIMIT: "stopped at the time limit; the point and the bound are the best so far: allow more time.",
    Status.ITERATION_LIMIT: (
        "stopped at the iteration limit; the point and the bound are the best so far: scale the rows or allow more."
    ),
    Status.FAILED: "the solver gave up for numerical reasons; scale the rows, or use another norm or tolerance.",
}
