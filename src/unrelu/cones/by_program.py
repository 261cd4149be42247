"""The cone question by one linear program: slow, and the last resort of floats."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from unrelu.cones.cone import Cone
from unrelu.cones.proofs import Direction, Multipliers
from unrelu.cones.strict_rows import strict_rows
from unrelu.errors import SolverFailure
from unrelu.rigor.matrices import as_array

NEGLIGIBLE = 1e-9
"""Numbers of a direction below this part of the greatest are also tried as zeros; only what is proved counts."""


def certificate_by_program(cone: Cone) -> Direction | Multipliers | None:
    """A proof that the cone is {0}, or is not, from the rows that can be strict (`strict_rows`); None if none is found.

    A direction in the relative interior leaves the most room for rounding; rows that vanish on all of the cone are held
    as equalities.
    """
    rows = as_array(cone.rows.matrix)
    equalities, inequalities = np.flatnonzero(cone.equalities), np.flatnonzero(cone.inequalities & ~cone.equalities)
    B, G = rows[equalities], rows[inequalities]
    Z = scipy.linalg.null_space(B) if len(B) else np.eye(cone.dimension)
    M = G @ Z
    moving = np.linalg.norm(M, axis=1) > 1e-12 * np.linalg.norm(G, axis=1)
    if not Z.shape[1] or not moving.any():
        return None
    try:
        found = strict_rows(M[moving])
    except SolverFailure:
        return None
    if found.strict.any():
        held = np.ones(len(inequalities), dtype=bool)
        held[np.flatnonzero(moving)[found.strict]] = False
        z = Z @ found.direction
        sparse = np.where(np.abs(z) > NEGLIGIBLE * np.abs(z).max(), z, 0.0)
        candidates = [Direction(each, inequalities[held]) for each in (z, sparse)]
        return next((each for each in candidates if each.verify(cone)), None)
    values = np.zeros(len(rows))
    lam = np.ones(len(inequalities))
    lam[moving] = found.multipliers
    values[inequalities] = lam
    if len(B):
        values[equalities] = -np.linalg.lstsq(B.T, G.T @ lam)[0]
    certificate = Multipliers(values)
    return certificate if certificate.verify(cone) else None
