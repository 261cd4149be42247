"""The member of a polyhedron nearest to a solver's point that breaks some rows a little."""

from __future__ import annotations

import math
import time

import numpy as np
from scipy import sparse

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.quadratic_program import QuadraticProgram, QuadraticSettings
from unrelu.solvers.row_system import RowSystem

KEPT = 1e-12
"""A row of about unit size is kept within this, relative to the point's largest number (at least 1): about rounding."""

_ROUNDS = 3

_FAR = 1e4
"""Rows and bounds with so many times more slack than the worst is broken by are left out."""


def restored(polyhedron: Polyhedron, point: np.ndarray, time_limit: float = math.inf) -> np.ndarray:
    """A point near the given one that keeps all rows up to rounding, where it can be found.

    The least correction u is the solution of a quadratic program in `u / residual`, whose numbers are of the size of 1,
    so that what the solver misses is small beside the residual: iterative refinement (Gleixner, Steffy and Wolter,
    Iterative refinement for linear programming, 2016). Rows may depend on each other, unlike in `polished`.

    Args:
        polyhedron: the set, with rows of about unit size.
        point: (d,) within the bounds.
        time_limit: seconds that all programs together may take.

    Returns:
        (d,) within the bounds; the point itself where nothing better was found.
    """
    deadline = time.monotonic() + time_limit
    P, best = polyhedron, point
    least = float(P.violation(best[None])[0])
    for _ in range(_ROUNDS):
        left = deadline - time.monotonic()
        if left <= 0 or is_kept(P, best):
            break
        slack = P.b_ub - P.A_ub @ (best - P.origin)
        close = slack <= _FAR * least
        missing = P.b_eq - P.A_eq @ (best - P.origin)
        low, high = (P.lower - best) / least, (P.upper - best) / least
        system = RowSystem(
            np.vstack([P.A_eq, P.A_ub[close]]),
            np.concatenate([missing, np.full(int(close.sum()), -np.inf)]) / least,
            np.concatenate([missing, slack[close]]) / least,
            np.where(low >= -_FAR, low, -np.inf),
            np.where(high <= _FAR, high, np.inf),
        )
        program = QuadraticProgram(sparse.eye_array(point.size), system, QuadraticSettings(time_limit=left))
        found = program.minimise(np.zeros(point.size)).point
        if found is None:
            break
        candidate = np.clip(best + least * found, P.lower, P.upper)
        residual = float(P.violation(candidate[None])[0])
        if not residual < least:
            break
        best, least = candidate, residual
    return best


def is_kept(polyhedron: Polyhedron, point: np.ndarray) -> bool:
    """Whether a point breaks no row by more than `KEPT`, for rows of about unit size."""
    size = max(1.0, float(np.abs(point - polyhedron.origin).max(initial=0.0)))
    return float(polyhedron.violation(point[None])[0]) <= KEPT * size
