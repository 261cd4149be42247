"""A rank that all Jacobians on a box have at least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from unrelu.rigor.rounding import UNDERFLOW, gamma

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.preimages.search.examined import Examined


def proved_rank(seen: Examined, place: int, held: Tensor) -> int:
    """The largest k for which `|I - M J V| < 1` in row sums for all Jacobians J on a box: M J V is invertible then.

    M and V come from the singular values of the middle Jacobian.

    Args:
        seen: sub-problems.
        place: number of one of them.
        held: (m,) bool, the outputs that count.
    """
    widths = seen.widths[place]
    hull = seen.units.of(place).hull
    scaled = hull.middle[0][held] * widths
    m, d = scaled.shape
    if not m or not bool(torch.isfinite(scaled).all()):
        return 0
    U, s, V = torch.linalg.svd(scaled, full_matrices=False)
    largest = int((s > 1e-12 * s[:1]).sum())
    if largest == 0:
        return 0
    room = 2 * gamma(m + d + 8)
    taken = torch.zeros(largest, len(held), dtype=torch.float64)
    taken[:, held] = (U[:, :largest] / s[:largest]).T
    every = hull.distance(taken[None])[0] * widths
    for k in range(largest, 0, -1):
        M, W = taken[:k, held], V[:k].T
        off = (torch.eye(k, dtype=torch.float64) - M @ scaled @ W).abs() + every[:k] @ W.abs()
        off = off + room * (M.abs() @ scaled.abs() @ W.abs()) + (m + d) * UNDERFLOW * (1 + M.abs().sum())
        if float(off.sum(dim=1).max()) * (1 + room) < 1:
            return k
    return 0
