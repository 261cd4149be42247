"""Multipliers of a polyhedron's own rows from those of its rows on the hull."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg

from unrelu.polyhedra.hull_rows import HullRows


@dataclass(frozen=True, eq=False)
class RowMultipliers:
    """Multipliers of the rows of a polyhedron.

    Attributes:
        eq: mu, (l,), of the equality rows.
        ub: lam, (k,), of the inequality rows, not negative.
        upper: (d,) of the upper bounds, not negative; 0 where there is none.
        lower: (d,) of the lower bounds, not negative; 0 where there is none.
    """

    eq: np.ndarray
    ub: np.ndarray
    upper: np.ndarray
    lower: np.ndarray


class MultiplierLift:
    """Turns multipliers of `M u <= h` into those of the polyhedron's rows, for any number of functionals."""

    def __init__(self, rows: HullRows) -> None:
        """Remember the rows."""
        self.rows = rows

    @cached_property
    def _eq_inverse(self) -> np.ndarray:
        P = self.rows.polyhedron
        return np.asarray(scipy.linalg.pinv(P.A_eq[:, P.lower < P.upper].T, rtol=1e-12))

    def lifted(self, functional: np.ndarray, lam: np.ndarray) -> RowMultipliers:
        """Given `Z'c + M'lam = 0`, the mu with `c + A_eq'mu + A_ub'lam_ub + lam_upper - lam_lower = 0`.

        Coordinates that bounds fix are left out of the equation, their bounds taking what is left.

        Args:
            functional: c, (d,).
            lam: (m,) multipliers of the rows of M; rounding below 0 counts as 0.
        """
        rows, P = self.rows, self.rows.polyhedron
        k, p, d = rows.rows.size, rows.upper.size, P.n_coordinates
        lam = np.maximum(lam, 0.0)
        ub, upper, lower = np.zeros(len(P.A_ub)), np.zeros(d), np.zeros(d)
        ub[rows.rows], upper[rows.upper], lower[rows.lower] = lam[:k], lam[k : k + p], lam[k + p :]
        if not len(P.A_eq):
            return RowMultipliers(np.zeros(0), ub, upper, lower)
        pulled = functional + P.A_ub.T @ ub + upper - lower
        return RowMultipliers(-(self._eq_inverse @ pulled[P.lower < P.upper]), ub, upper, lower)
