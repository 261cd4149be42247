"""The dimension of a preimage."""

from __future__ import annotations

import numpy as np

from unrelu.cones.blocks import blocks_of, is_split
from unrelu.cones.proofs import Cone
from unrelu.polyhedra.affine_hull import affine_hull
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.singular import proves_full_rank


def dimension_of_cone(cone: Cone, *, is_point: bool | None) -> DimensionInterval:
    """A proved interval for the dimension of a cone `{ z : B z = 0, G z <= 0 }`, that of a set from one of its members.

    It is at least d minus the number of its rows, and at most d minus the rank of its equality rows, which is bounded
    below by a proof of full row rank. Where that leaves it open, inequality rows that are strictly negative somewhere
    in the cone, and those that vanish on all of it, are told apart. The dimension of a cone of blocks is the sum of
    theirs.

    Args:
        cone: the tangent cone at a member.
        is_point: whether the cone is known to be {0}, or known to be more.
    """
    if is_point is True:
        return DimensionInterval(0, 0)
    found = _of_blocks(cone) if is_split(cone) else _of_rows(cone)
    return DimensionInterval(max(found.lower, int(is_point is False)), found.upper)


def _of_blocks(cone: Cone) -> DimensionInterval:
    """The sum over the blocks, and one for each coordinate that no row uses."""
    blocks = blocks_of(cone)
    known: dict[bytes, DimensionInterval] = {}
    lower = upper = cone.dimension - sum(block.columns.size for block in blocks)
    for block in blocks:
        if block.key not in known:
            known[block.key] = _of_rows(block.cone)
        lower, upper = lower + known[block.key].lower, upper + known[block.key].upper
    return DimensionInterval(lower, upper)


def _of_rows(cone: Cone) -> DimensionInterval:
    d = cone.dimension
    counted = int(((cone.equalities | cone.inequalities) & ~cone.rows.is_zero).sum())
    B = cone.rows.matrix[cone.equalities & ~cone.rows.is_zero]
    lower = max(d - counted, 0)
    upper = d - (B.shape[0] if B.shape[0] < d and proves_full_rank(B) else 0)
    if lower < upper and not cone.rows.is_sparse:  # the hull's linear programs are for dense rows
        hull = affine_hull(_as_polyhedron(cone))
        lower, upper = max(lower, hull.lower), min(upper, hull.upper)
    return DimensionInterval(lower, upper)


def _as_polyhedron(cone: Cone) -> Polyhedron:
    """The cone as a polyhedron about 0, rows with a single number as bounds; no number in it is rounded."""
    d, rows = cone.dimension, cone.rows
    low, high = np.full(d, -np.inf), np.full(d, np.inf)
    single = rows.bounded_column >= 0
    for mask, signs in ((cone.equalities, (1.0, -1.0)), (cone.inequalities, (1.0,))):
        for sign in signs:
            chosen = np.flatnonzero(mask & single)
            rising = rows.bound_sign[chosen] * sign > 0
            high[rows.bounded_column[chosen[rising]]] = 0.0
            low[rows.bounded_column[chosen[~rising]]] = 0.0
    general = ~single & ~rows.is_zero
    A_ub, A_eq = rows.matrix[cone.inequalities & general], rows.matrix[cone.equalities & general]
    return Polyhedron(A_ub, np.zeros(len(A_ub)), A_eq, np.zeros(len(A_eq)), low, high, np.zeros(d))
