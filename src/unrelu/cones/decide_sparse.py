"""Whether cones of sparse rows are {0}: counting by the pattern of their numbers first, then Newton's method."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from unrelu.cones.decision import ConeDecision, decided, still_open
from unrelu.cones.margin import margin_of
from unrelu.cones.proofs import Cone, Direction, LocalCounting, Multipliers
from unrelu.errors import TooLarge
from unrelu.rigor.matrices import SparseRows
from unrelu.solvers.potential_cone import PotentialProjection, project_by_potential
from unrelu.solvers.structural_kernel import scarce_columns


def decide_sparse_cone(cone: Cone) -> ConeDecision:
    """Decide a cone of sparse rows that counting all rows and the rank of the equality rows left open.

    Only what its certificate proves counts.
    """
    local = _unit_vector(cone) or _by_local_counting(cone)
    if local is not None:
        return decided(local)
    try:
        found = project_by_potential(cone.rows, cone.equalities, cone.inequalities)
    except TooLarge as error:
        return still_open(f"{error}")
    certificate = _certificate(found)
    if certificate is not None and certificate.verify(cone):
        return decided(certificate, margin_of(cone, certificate))
    return still_open(_reason(found))


def _unit_vector(cone: Cone) -> Direction | None:
    """A coordinate that no equality uses and all inequalities with numbers of one sign."""
    rows: SparseRows = cone.rows.matrix
    d = cone.dimension
    signs = sparse.csr_array((np.sign(rows.data), rows.indices, rows.indptr), shape=rows.shape)
    used = cone.equalities @ abs(signs)
    below, above = cone.inequalities @ (signs < 0), cone.inequalities @ (signs > 0)
    for free, sign in (((used == 0) & (above == 0), 1.0), ((used == 0) & (below == 0), -1.0)):
        if free.any():
            return Direction(np.where(np.arange(d) == int(free.argmax()), sign, 0.0), np.zeros(0, dtype=np.intp))
    return None


def _by_local_counting(cone: Cone) -> LocalCounting | None:
    used = cone.equalities | cone.inequalities
    columns = np.flatnonzero(scarce_columns(cone.rows.matrix[used], cone.equalities[used]))
    return LocalCounting(columns) if columns.size else None


def _certificate(found: PotentialProjection) -> Multipliers | Direction | None:
    if found.multipliers is not None:
        return Multipliers(found.multipliers)
    return None if found.direction is None else Direction(found.direction, found.held)


def _reason(found: PotentialProjection) -> str:
    if found.multipliers is not None:
        return "positive multipliers were found, but rounding or the rank of all rows keeps them from being proved"
    if found.direction is not None:
        return "a direction inside the cone was found, but dependent rows or rounding keep it from being proved"
    return (
        f"after {found.steps} steps of Newton's method neither multipliers nor a direction were clear (decrement "
        f"{found.decrement:.1g})"
    )
