"""The directions in which a polyhedron goes on for ever."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.polyhedra.hull_rows import RANK_TOLERANCE, hull_rows
from unrelu.polyhedra.interior_proof import distinct_equalities
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_multipliers import MultiplierLift, RowMultipliers
from unrelu.polyhedra.strict_rows import strict_rows


@dataclass(frozen=True, eq=False)
class Recession:
    """The recession cone `{ z : A_eq z = 0, A_ub z <= 0, z_j >= 0 or <= 0 at bounds }` of a polyhedron.

    A non-empty polyhedron is bounded exactly if this is {0}.

    Attributes:
        direction: (d,) float64 of norm 1 in its relative interior; None if the cone was found to be {0}.
        lineality: (d, k) float64, an orthonormal basis of the greatest subspace in the cone, as found in floats.
        multipliers: positive multipliers of all inequalities, whose sum with the equalities vanishes, so that all of
            them vanish on the cone; None unless all do. They are what `radius_bound` needs.
        proved: whether an exact non-zero member of the cone is proved to exist near the direction.
    """

    direction: np.ndarray | None
    lineality: np.ndarray
    multipliers: RowMultipliers | None
    proved: bool


def recession(polyhedron: Polyhedron) -> Recession:
    """Find the directions in which a polyhedron is unbounded.

    Args:
        polyhedron: the set, of dimension d; whether it is empty does not matter.

    Raises:
        SolverFailure: if a solver refuses the numbers.

    >>> recession(Polyhedron(np.array([[1.0, 1.0]]), np.ones(1), lower=0.0)).direction is None
    True
    """
    cone = recession_cone(polyhedron)
    rows = hull_rows(cone)
    frame = rows.frame
    M = rows.matrix
    lineality = frame.basis @ _null_space(M)
    if frame.dimension == 0:
        return Recession(None, lineality, None, False)
    found = strict_rows(M)
    multipliers = None
    if not found.strict.any():
        lifted = MultiplierLift(rows).lifted(np.zeros(cone.n_coordinates), found.multipliers)
        multipliers = lifted if rows.count else None
        if not lineality.shape[1]:
            return Recession(None, lineality, multipliers, False)
    z = frame.basis @ found.direction
    size = float(np.linalg.norm(z))
    z = z / size if size > 0 else np.zeros(cone.n_coordinates)
    if lineality.shape[1]:
        z = z + lineality[:, 0]
    z /= np.linalg.norm(z)
    return Recession(z, lineality, multipliers, _is_proved(cone, z, found.strict, rows.rows, rows.upper, rows.lower))


def lineality_space(polyhedron: Polyhedron) -> np.ndarray:
    """An orthonormal basis (d, k) of the directions in which a polyhedron goes on both ways, as found in floats.

    >>> lineality_space(Polyhedron(lower=np.array([0.0, -np.inf])))
    array([[0.],
           [1.]])
    """
    P = polyhedron
    bounded = np.isfinite(P.lower) | np.isfinite(P.upper)
    rows = np.vstack([P.A_eq, P.A_ub])[:, ~bounded]
    basis = np.zeros((P.n_coordinates, 0))
    inside = _null_space(rows)
    basis = np.zeros((P.n_coordinates, inside.shape[1]))
    basis[~bounded] = inside
    return basis


def recession_cone(polyhedron: Polyhedron) -> Polyhedron:
    """The recession cone as a polyhedron about 0."""
    P = polyhedron
    return Polyhedron(
        A_ub=P.A_ub,
        b_ub=np.zeros(len(P.A_ub)),
        A_eq=P.A_eq,
        b_eq=np.zeros(len(P.A_eq)),
        lower=np.where(np.isfinite(P.lower), 0.0, -np.inf),
        upper=np.where(np.isfinite(P.upper), 0.0, np.inf),
        origin=np.zeros(P.n_coordinates),
    )


def _null_space(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the null space, columns."""
    p, n = rows.shape
    norms = np.linalg.norm(rows, axis=1)
    kept = rows[norms > 0] / norms[norms > 0, None]
    if not len(kept) or n == 0:
        return np.eye(n)
    # The triangular factor has the null space of the rows, and at most n of them.
    _, sizes, Vh = np.linalg.svd(scipy.linalg.qr(kept, mode="r")[0][:n] if len(kept) > n else kept)
    rank = int((sizes > RANK_TOLERANCE * max(p, n) * sizes[0]).sum())
    return np.ascontiguousarray(Vh[rank:].T)


def _is_proved(
    cone: Polyhedron, z: np.ndarray, strict: np.ndarray, rows: np.ndarray, upper: np.ndarray, lower: np.ndarray
) -> bool:
    """Whether an exact non-zero member is proved: one near z on which the rows that vanish are held as equalities."""
    k, p = rows.size, upper.size
    held = np.ones(len(cone.A_ub), dtype=bool)
    held[rows[strict[:k]]] = False
    fixed = np.isfinite(cone.lower) | np.isfinite(cone.upper)
    fixed[upper[strict[k : k + p]]] = fixed[lower[strict[k + p :]]] = False
    # Coordinates with both bounds cannot move.
    fixed |= np.isfinite(cone.lower) & np.isfinite(cone.upper)
    z = np.where(fixed, 0.0, z)
    equalities = np.vstack([cone.A_eq, cone.A_ub[held]])
    part = Polyhedron(
        A_ub=cone.A_ub[~held],
        b_ub=cone.b_ub[~held],
        A_eq=equalities,
        b_eq=np.zeros(len(equalities)),
        lower=np.where(fixed, 0.0, cone.lower),
        upper=np.where(fixed, 0.0, cone.upper),
        origin=cone.origin,
    )
    radius = member_radius(distinct_equalities(part), z)
    return math.isfinite(radius) and radius < 0.5 * float(np.linalg.norm(z))
