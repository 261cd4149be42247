"""How a search or a solver stopped."""

from __future__ import annotations

import enum


class Status(enum.StrEnum):
    """How a search or a solver stopped; `advice` says in words what to do next."""

    OPTIMAL = "optimal"
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    INACCURATE = "inaccurate"
    LOCAL = "local"
    TIME_LIMIT = "time limit"
    INTERRUPTED = "interrupted"
    ITERATION_LIMIT = "iteration limit"
    FAILED = "failed"

    @property
    def advice(self) -> str:
        """What the status means and what to do next.

        >>> Status.INFEASIBLE.advice
        'no point was found that keeps all constraints; check the domain, or allow a larger tolerance.'
        """
        return _ADVICE[self]


_ADVICE = {
    Status.OPTIMAL: (
        "found to the tolerances asked for; where a bound stands beside it, that says how far it can be from the "
        "optimum."
    ),
    Status.INFEASIBLE: "no point was found that keeps all constraints; check the domain, or allow a larger tolerance.",
    Status.UNBOUNDED: (
        "the constraints go on for ever, so that there is no optimum and no centre; bound them with a domain such as "
        "Box(0, 1)."
    ),
    Status.INACCURATE: (
        "found, but not to the tolerances asked for; trust the bound that stands beside it, if any, not the status."
    ),
    Status.LOCAL: (
        "no step nearby leads on, which says nothing of what is farther away; the bound that stands beside it does."
    ),
    Status.TIME_LIMIT: "stopped at the time limit; the point and the bound are the best so far: allow more time.",
    Status.INTERRUPTED: "stopped by hand; the point and the bound are the best so far.",
    Status.ITERATION_LIMIT: (
        "stopped at the iteration limit; the point and the bound are the best so far: scale the rows or allow more."
    ),
    Status.FAILED: "rounding kept it from being found; scale the rows, or use another norm or tolerance.",
}
