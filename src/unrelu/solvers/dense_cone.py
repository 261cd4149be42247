"""The cone test for one cone by dense factorisations: slower, and at home in degenerate cases."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

RANK_TOLERANCE = 64 * 2.0**-52
"""Relative size, times the larger side, below which a pivot or a row in the null space counts as zero.

It only steers the search: what is found is judged by its certificate.
"""

TIGHT = 1e-9
"""A row counts as tight at r where `|g.r| <= TIGHT ||r||`; it only steers the search."""


class DenseOutcome(enum.StrEnum):
    """What the dense test found."""

    FULL_RANK = "the equality rows alone have full column rank"
    MULTIPLIERS = "positive multipliers and full column rank: the cone is {0}"
    LINE = "a direction in the null space of all rows"
    DIRECTION = "a direction inside the cone"
    UNSETTLED = "the solver did not end"


@dataclass(frozen=True, eq=False)
class DenseProjection:
    """What was found; evidence, not proof.

    Attributes:
        outcome: which of the following are set.
        inequality_multipliers: (k,), at least 1 (MULTIPLIERS).
        equality_multipliers: (l,) (MULTIPLIERS).
        directions: candidates (d,), the likeliest first (LINE, DIRECTION).
        held: for each candidate, indices of the inequality rows that hold as equalities there.
    """

    outcome: DenseOutcome
    inequality_multipliers: np.ndarray | None = None
    equality_multipliers: np.ndarray | None = None
    directions: tuple[np.ndarray, ...] = ()
    held: tuple[np.ndarray, ...] = ()


def project_dense(B: np.ndarray, G: np.ndarray) -> DenseProjection:
    """Test whether `{ z : B z = 0, G z <= 0 }` is {0}.

    The residuals `r_k` of the staged problem (ones only on the rows tight so far) add up to a direction in the
    relative interior of the cone, and the rows tight at the end are its implicit equalities.

    Args:
        B: (l, d).
        G: (k, d).

    Returns:
        What was found.
    """
    d = B.shape[1]
    Z = _null_basis(B)
    if Z.shape[1] == 0:
        return DenseProjection(DenseOutcome.FULL_RANK)
    M = G @ Z
    M[np.linalg.norm(M, axis=1) <= RANK_TOLERANCE * d * np.linalg.norm(G, axis=1)] = 0.0
    tight = np.ones(len(G), dtype=bool)
    candidates: list[tuple[np.ndarray, np.ndarray]] = []
    interior = np.zeros(Z.shape[1])
    while tight.any():
        stage = _stage(M, tight)
        if stage is None:
            return DenseProjection(DenseOutcome.UNSETTLED)
        lam, r = stage
        size = float(np.linalg.norm(r))
        if size <= TIGHT * float(np.linalg.norm(M[tight].sum(axis=0)) + 1.0):
            if not candidates:
                return _without_direction(B, G, Z, M, lam)
            break
        products = M @ r
        candidates.append((r, lam > 0))
        interior = interior + r / size
        now = tight & (np.abs(products) <= TIGHT * size)
        if now.sum() == tight.sum():
            break
        tight = now
    if not candidates:  # there are no inequality rows, or all of them vanish
        candidates.append((np.eye(Z.shape[1])[0], np.zeros(len(G), dtype=bool)))
        tight = np.ones(len(G), dtype=bool)
    if interior.any():
        candidates.insert(0, (interior, tight))
        # Also with the rows of every stage that are tight but carry no multiplier.
        first = candidates[1][0]
        candidates.append((first, np.abs(M @ first) <= TIGHT * float(np.linalg.norm(first))))
    return DenseProjection(
        DenseOutcome.DIRECTION,
        directions=tuple(Z @ z for z, _ in candidates),
        held=tuple(np.flatnonzero(mask) for _, mask in candidates),
    )


def _stage(M: np.ndarray, tight: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    target = -M[tight].sum(axis=0)
    try:
        lam, _ = nnls(M.T, target)
    except RuntimeError:
        return None
    return lam, target - M.T @ lam


def _without_direction(B: np.ndarray, G: np.ndarray, Z: np.ndarray, M: np.ndarray, lam: np.ndarray) -> DenseProjection:
    """The first residual is zero: the cone is the null space of all rows."""
    null = _null_basis(M)
    if null.shape[1]:
        z = Z @ null[:, 0]
        return DenseProjection(DenseOutcome.LINE, directions=(z,), held=(np.arange(len(G)),))
    positive = 1.0 + lam
    mu = np.linalg.lstsq(B.T, -(G.T @ positive))[0] if len(B) else np.zeros(0)
    return DenseProjection(DenseOutcome.MULTIPLIERS, positive, mu)


def _null_basis(matrix: np.ndarray) -> np.ndarray:
    """An orthonormal basis (d, d - rank) of the null space, by a singular value decomposition."""
    p, d = matrix.shape
    if p == 0:
        return np.eye(d)
    _, sizes, Vh = np.linalg.svd(matrix, full_matrices=True)
    rank = int((sizes > RANK_TOLERANCE * max(p, d) * sizes[0]).sum()) if sizes[0] > 0 else 0
    return Vh[rank:].T
