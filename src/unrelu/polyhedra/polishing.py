"""A solver's point moved onto the constraints it should keep exactly."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from unrelu.polyhedra.polyhedron import Polyhedron

TIGHT = 1e-8
"""A row is held as an equality within this slack, relative to its largest number; solvers keep rows to 1e-9."""

NEAR = 1e-7
"""A correction goes no farther than this, relative to the point's largest number (at least 1), or ten times the
residual: where rows nearly depend on each other it would lead away from the optimum."""

_ROUNDS = 6


def polished(polyhedron: Polyhedron, point: np.ndarray, *, kept: np.ndarray | None = None) -> np.ndarray:
    """A point near the given one that lies in the bounds exactly and keeps tight rows to rounding error.

    Coordinates at a bound stay there. The others take the least-squares correction of the residual of all
    equality rows and of the inequality rows that are tight or broken, a few times over, as in iterative refinement.

    Args:
        polyhedron: the set.
        point: (d,), close to it.
        kept: (d,) bool: coordinates that should keep their value if the others suffice.

    Returns:
        (d,); the point with the smallest residual seen that is near and breaks no other constraint more than the given
        one does.
    """
    x = np.clip(point, polyhedron.lower, polyhedron.upper)
    rows, right = _tight_rows(polyhedron, x)
    if not len(rows):
        return x
    movable = (x > polyhedron.lower) & (x < polyhedron.upper)
    choices = [movable] if kept is None else [movable & ~kept, movable]
    best, least = x, float(np.abs(rows @ (x - polyhedron.origin) - right).max())
    rounding = _rounding(rows, right, x - polyhedron.origin)
    reach = max(NEAR * max(1.0, float(np.abs(x).max(initial=0.0))), 10 * least)
    allowed = max(polyhedron.violation(x[None])[0], 4 * rounding)
    for free in choices:
        candidate, residual = _corrected(polyhedron, rows, right, best, free)
        near = bool((np.abs(candidate - x) <= reach).all()) and polyhedron.violation(candidate[None])[0] <= allowed
        if residual < least and near:
            best, least = candidate, residual
        if least <= rounding:
            break
    return best


def _tight_rows(polyhedron: Polyhedron, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    z = x - polyhedron.origin
    slack = polyhedron.b_ub - polyhedron.A_ub @ z
    tight = slack <= TIGHT * np.abs(polyhedron.A_ub).max(axis=1, initial=0.0)
    rows = np.vstack([polyhedron.A_eq, polyhedron.A_ub[tight]])
    return rows, np.concatenate([polyhedron.b_eq, polyhedron.b_ub[tight]])


def _corrected(
    polyhedron: Polyhedron, rows: np.ndarray, right: np.ndarray, x: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, float]:
    """The best point of a few corrections of the free coordinates, and its largest residual."""
    best, least, inverse = x, np.inf, None
    for _ in range(_ROUNDS):
        residual = rows @ (x - polyhedron.origin) - right
        worst = float(np.abs(residual).max())
        if not worst < least or not free.any():
            break
        best, least = x, worst
        if inverse is None:
            # Rows may be dependent.
            inverse = np.asarray(scipy.linalg.pinv(rows[:, free], rtol=1e-12))
        moved = x.copy()
        moved[free] -= inverse @ residual
        x = np.clip(moved, polyhedron.lower, polyhedron.upper)
        stopped = x != moved
        if stopped.any():
            # What ran into a bound stays there, and the others make up for it in the next round.
            free, inverse = free & ~stopped, None
    return best, least


def _rounding(rows: np.ndarray, right: np.ndarray, z: np.ndarray) -> float:
    """About what rounding alone leaves of the largest residual."""
    return float((np.abs(rows) @ np.abs(z) + np.abs(right)).max()) * 2.0**-52
