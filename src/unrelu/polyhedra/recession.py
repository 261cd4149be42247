"""The directions in which a polyhedron goes on for ever."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.cones.cone import Cone
from unrelu.cones.decide import decide_cone
from unrelu.cones.proofs import Direction, ExactDirection
from unrelu.cones.strict_rows import strict_rows
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.hull_rows import RANK_TOLERANCE, HullRows, hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_multipliers import MultiplierLift, RowMultipliers
from unrelu.rigor.scaled_rows import ScaledRows


@dataclass(frozen=True, eq=False)
class Recession:
    """The recession cone `{ z : A_eq z = 0, A_ub z <= 0, z_j >= 0 or <= 0 at bounds }` of a polyhedron.

    A non-empty polyhedron is bounded exactly if this is {0}.

    Attributes:
        direction: (d,) float64 of norm 1 in its relative interior; None if the cone was found to be {0}.
        lineality: (d, k) float64, an orthonormal basis of the greatest subspace in the cone, as found in floats.
        multipliers: positive multipliers of all inequalities that move on the hull of the cone, whose sum with the
            equalities vanishes, so that all of them vanish on the cone; None unless all do. They are what
            `radius_bound` needs.
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
        # Equalities and coordinates that cannot move leave nothing, whatever the other inequalities say.
        none = np.zeros(cone.n_coordinates)
        nothing = RowMultipliers(np.zeros(len(cone.A_eq)), np.zeros(len(cone.A_ub)), none, none)
        return Recession(None, lineality, nothing, False)
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
    question = cone_of(polyhedron)
    if Direction(z, _held(question, polyhedron, rows, found.strict)).verify(question):
        return Recession(z, lineality, multipliers, True)
    # Another engine may find one that can be proved, in the relative interior or not.
    proof = decide_cone(question).certificate
    if isinstance(proof, Direction | ExactDirection):
        other = np.array([float(value) for value in proof.direction])
        return Recession(other / np.linalg.norm(other), lineality, multipliers, True)
    return Recession(z, lineality, multipliers, proof is not None and not proof.trivial)


def cone_of(polyhedron: Polyhedron) -> Cone:
    """The recession cone as the question whether it is {0}."""
    rows = DomainRows.of(polyhedron)
    n_eq, n_ub = len(rows.equalities), len(rows.inequalities)
    if n_eq + n_ub == 0:
        nothing = np.zeros(1, dtype=bool)
        return Cone(ScaledRows(np.zeros((1, polyhedron.n_coordinates))), nothing, nothing)
    held, others = rows.recession
    equal, none = np.ones(n_eq, dtype=bool), np.zeros(n_eq, dtype=bool)
    matrix = np.vstack([rows.equalities, rows.inequalities])
    return Cone(ScaledRows(matrix), np.concatenate([equal, held]), np.concatenate([none, others]))


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


def _held(question: Cone, polyhedron: Polyhedron, rows: HullRows, strict: np.ndarray) -> np.ndarray:
    """The inequality rows of the question that vanish on all of the cone: all but those that were found strict."""
    of = DomainRows.of(polyhedron)
    k, p = rows.rows.size, rows.upper.size
    own = np.zeros(len(polyhedron.A_ub), dtype=bool)
    lower, upper = np.zeros((2, polyhedron.n_coordinates), dtype=bool)
    own[rows.rows[strict[:k]]] = True
    upper[rows.upper[strict[k : k + p]]] = True
    lower[rows.lower[strict[k + p :]]] = True
    negative = np.concatenate([np.zeros(len(of.equalities), dtype=bool), own, lower[of.lower], upper[of.upper]])
    return np.flatnonzero(question.inequalities & ~negative[: len(question.inequalities)])
