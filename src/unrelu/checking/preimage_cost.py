"""What deciding a preimage of one layer takes, where its structure tells."""

from __future__ import annotations

from unrelu.checking.cost import Cost
from unrelu.checking.folding_cost import LayerPlan
from unrelu.checking.speed import speed

_PASSES, _SPARSE_PASSES = 1.2, 15.0
"""Passes over the matrix that exact signs, bounds of rounding errors, scaling and counting take."""

_DECIDED = 0.5
"""Factorisations of d columns that deciding takes where neither counting nor the rank of the active rows does."""

_COPIES = 5.0
"""Copies of the matrix at the peak."""


def preimage_cost(plan: LayerPlan, n_active: int) -> Cost:
    """Time and memory of `preimage(net.layer(name), at=h)` over all of the layer's input space.

    Args:
        plan: of the layer.
        n_active: units of it that are active at the input.

    Returns:
        Without seconds where the layer is sparse, or its decision rests on a search in a matrix that is not dense.
    """
    m, d = plan.m, plan.d
    numbers = plan.entries if plan.is_sparse else m * d
    base = (_SPARSE_PASSES if plan.is_sparse else _PASSES) * numbers / speed().moved
    memory = int(_COPIES * plan.stored)
    if m <= d:  # counting: there is room for a direction
        return Cost(base, memory)
    if not plan.is_dense_map:
        return Cost(None, memory)
    if n_active >= d:
        return Cost(base + (n_active * d * d - d**3 / 3) / speed().factored, memory + 8 * n_active * d)
    return Cost(base + _DECIDED * m * d * d / speed().factored, memory + 8 * m * d)
