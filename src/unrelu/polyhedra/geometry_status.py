"""What became of the search for a centre or a hull."""

from __future__ import annotations

import enum


class GeometryStatus(enum.StrEnum):
    """Whether a polyhedron has the centre or hull asked for; `advice` says in words what to do next."""

    FOUND = "found"
    EMPTY = "empty"
    UNBOUNDED = "unbounded"
    UNSETTLED = "unsettled"

    @property
    def advice(self) -> str:
        """What the status means and what to do next.

        >>> GeometryStatus.EMPTY.advice
        'no point keeps all constraints; check the domain, or allow a larger tolerance.'
        """
        return _ADVICE[self]


_ADVICE = {
    GeometryStatus.FOUND: "it was found to the tolerance asked for.",
    GeometryStatus.EMPTY: "no point keeps all constraints; check the domain, or allow a larger tolerance.",
    GeometryStatus.UNBOUNDED: "it goes on for ever and has no centre; bound it with a domain such as Box(0, 1).",
    GeometryStatus.UNSETTLED: "rounding or the step limit kept it from being found; scale the rows.",
}
