"""Rows of a polyhedron about a point, collected one block after the other."""

from __future__ import annotations

import numpy as np

from unrelu.polyhedra.domain_at import DomainAt
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import UNDERFLOW, gamma


class RowCollection:
    """`{ x : rows (x - origin) <= right, ... }`, for whoever builds a set from several kinds of constraints."""

    def __init__(self, origin: np.ndarray) -> None:
        """Begin without constraints, about a point (d,)."""
        none = np.zeros((0, origin.size))
        self.origin = origin
        self._ub, self._eq = [none], [none]
        self._b_ub, self._b_eq = [np.zeros(0)], [np.zeros(0)]
        self._ub_error, self._eq_error = [np.zeros(0)], [np.zeros(0)]
        self._lower, self._upper = np.full(origin.size, -np.inf), np.full(origin.size, np.inf)

    def at_most(self, rows: np.ndarray, right: np.ndarray, error: np.ndarray | float = 0.0) -> None:
        """`rows z <= right`, z being what is added to the origin; right-hand sides are known up to an error."""
        self._ub.append(rows)
        self._b_ub.append(right)
        self._ub_error.append(np.broadcast_to(np.asarray(error, dtype=np.float64), right.shape))

    def equal(self, rows: np.ndarray, right: np.ndarray | float = 0.0, error: np.ndarray | float = 0.0) -> None:
        """`rows z = right`, likewise."""
        self._eq.append(rows)
        self._b_eq.append(np.broadcast_to(np.asarray(right, dtype=np.float64), rows.shape[:1]))
        self._eq_error.append(np.broadcast_to(np.asarray(error, dtype=np.float64), rows.shape[:1]))

    def within(self, domain: DomainAt) -> None:
        """The domain as it is at the origin."""
        D = domain.rows.domain
        self.equal(domain.equalities)
        kept = domain.kept
        self.at_most(D.A_ub[kept], domain.slack[kept], domain.slack_error[kept])
        self._lower, self._upper = D.lower, D.upper

    def about(self, domain: Polyhedron) -> None:
        """A domain of which the origin need not be a member: right-hand sides are computed anew."""
        D, z = domain, self.origin - domain.origin
        for rows, values, take in ((D.A_ub, D.b_ub, self.at_most), (D.A_eq, D.b_eq, self.equal)):
            size = np.abs(rows) @ (np.abs(self.origin) + np.abs(D.origin)) + np.abs(values)
            error = 2 * gamma(z.size + 4) * size + (2 * z.size + 8) * UNDERFLOW * (
                1 + np.abs(rows).max(axis=1, initial=0.0)
            )
            moved = bool(z.any())
            take(rows, values - rows @ z if moved else values, error * moved)
        self._lower, self._upper = D.lower, D.upper

    def polyhedron(self) -> Polyhedron:
        """All of it."""
        return Polyhedron(
            A_ub=np.vstack(self._ub),
            b_ub=np.concatenate(self._b_ub),
            A_eq=np.vstack(self._eq),
            b_eq=np.concatenate(self._b_eq),
            lower=self._lower,
            upper=self._upper,
            origin=self.origin,
            ub_error=np.concatenate(self._ub_error),
            eq_error=np.concatenate(self._eq_error),
        )
