"""Positive multipliers for many inputs of one layer at once, by splitting: nothing but products with shared matrices.

For a cone `{ z : B z = 0, G z <= 0 }` with rows A = [B; G] they are a point v of two convex sets: the multipliers with
`A'v = 0`, and those that are at least some positive number on the rows of G. Projecting on the first changes v by the
least amount, `v - A (A'A)^-1 A'v`; projecting on the second cuts. The Douglas-Rachford iteration of the two finds a
common point wherever there is one (Lions and Mercier, SIAM Journal on Numerical Analysis 16, 1979), and needs no
factorisation of an input's own rows.
"""

from __future__ import annotations

import numpy as np
import torch

from unrelu.solvers.gram_rows import GramRows

TARGET = 0.5
"""What the cut asks of the multipliers, which start at 1. Between 0.2 and 1 the number of iterations hardly differs."""

RELAXATION = 1.8
"""Of the 2 below which it converges; on trained layers 15 iterations where 1 takes 24."""

CLEAR = 0.05
"""The least multiplier that ends it: a tenth of the target, so that rounding is far from mattering."""

MAX_ITERATIONS = 60

PATIENCE = 8
"""Iterations in which the number of negative multipliers must fall by `PROGRESS`, or others are to decide."""

PROGRESS = 0.9


def positive_multipliers(shared: GramRows, inequalities: np.ndarray) -> list[np.ndarray | None]:
    """Multipliers v with `A'v = 0`, up to rounding, that are at least 1 on the inequality rows.

    The iteration is in single precision, on the device of the shared rows; what it finds is projected in double.

    Args:
        shared: the rows (m, d), of full column rank.
        inequalities: (n, m) bool, which rows are in G; the others are in B.

    Returns:
        For each input (m,), or None where the iteration stopped making progress: because there are none, or because
        they are hard to find.
    """
    A, inverse = shared.single_precision.rows, shared.single_precision.inverse
    G = torch.from_numpy(inequalities).to(A.device)
    target = torch.where(G, TARGET, -torch.inf).to(A.dtype)
    v = G.to(A.dtype)
    left = np.arange(len(inequalities))
    negative = np.zeros((MAX_ITERATIONS, len(inequalities)), dtype=np.int64)
    chosen: list[int] = []
    points: list[torch.Tensor] = []
    for iteration in range(MAX_ITERATIONS):
        change = -((v @ A) @ inverse) @ A.T
        point = v + change
        above = point - target  # inf on the equality rows
        unfinished = (above.amin(dim=1) <= CLEAR - TARGET).cpu().numpy()
        for k in np.flatnonzero(~unfinished):
            chosen.append(int(left[k]))
            points.append(point[k])
        negative[iteration, left] = (above < -TARGET).sum(dim=1).cpu().numpy()
        if iteration >= PATIENCE:
            unfinished &= negative[iteration, left] <= PROGRESS * negative[iteration - PATIENCE, left]
        v += RELAXATION * torch.maximum(change, -above)
        if not unfinished.all():
            keep = torch.from_numpy(unfinished).to(A.device)
            left, v, target = left[unfinished], v[keep], target[keep]
        if not left.size:
            break
    result: list[np.ndarray | None] = [None] * len(inequalities)
    if chosen:
        found = torch.stack(points).double().cpu().numpy()
        found -= shared.completed(shared.combined(found))
        for k, multipliers in zip(chosen, shared.positive(found, inequalities[chosen]), strict=True):
            result[k] = multipliers
    return result
