"""The dimension of a preimage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.singular import proves_full_rank


@dataclass(frozen=True)
class DimensionInterval:
    """A proved interval for the dimension of the affine hull of a set.

    Attributes:
        lower: it is at least this.
        upper: it is at most this.
    """

    lower: int
    upper: int


def preimage_dimension(
    system: LayerSystem, at: np.ndarray, pattern: LayerPattern, singleton: bool | None
) -> DimensionInterval:
    """A proved interval for the dimension of a preimage.

    It is that of the tangent cone at x0: at least d minus the number of its rows, and at most d minus the rank of its
    equality rows, which is bounded below by a proof of full row rank. Where that leaves it open, tight rows that are
    strictly negative somewhere in the cone, and those that vanish on all of it, are told apart.

    Args:
        system: the layer, the domain and the tolerance.
        at: (d,) x0.
        pattern: what is active and tight there.
        singleton: whether the preimage is known to be a single point or known to be more.
    """
    if singleton is True:
        return DimensionInterval(0, 0)
    cone = system.tangent_cone(pattern)
    d = cone.dimension
    counted = int(((cone.equalities | cone.inequalities) & ~cone.rows.is_zero).sum())
    B = cone.rows.matrix[cone.equalities & ~cone.rows.is_zero]
    lower = max(d - counted, int(singleton is False))
    upper = d - (B.shape[0] if B.shape[0] < d and proves_full_rank(B) else 0)
    if lower < upper and not system.layer.is_sparse:  # the hull's linear programs are for dense rows
        hull = affine_hull(_tangent_cone(system, at, pattern))
        lower, upper = max(lower, hull.lower), min(upper, hull.upper)
    return DimensionInterval(lower, upper)


def _tangent_cone(system: LayerSystem, at: np.ndarray, pattern: LayerPattern) -> Polyhedron:
    """The tangent cone at x0, moved to 0; no number in it is rounded."""
    A, D = system.layer.dense_weight, system.domain
    A_eq = A[pattern.active] if system.tolerance == 0 else A[:0]
    A_ub, low, high = A[pattern.tight], np.full(at.size, -np.inf), np.full(at.size, np.inf)
    if D is not None:
        A_ub, A_eq = np.vstack([A_ub, D.A_ub[pattern.domain_tight[: len(D.A_ub)]]]), np.vstack([A_eq, D.A_eq])
        low[at == D.lower], high[at == D.upper] = 0.0, 0.0
    return Polyhedron(A_ub, np.zeros(len(A_ub)), A_eq, np.zeros(len(A_eq)), low, high, np.zeros(at.size))
