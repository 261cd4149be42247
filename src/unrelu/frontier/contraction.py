"""Boxes cut down to what linear inequalities leave of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Contracted:
    """What is left of n boxes.

    Attributes:
        lower: (n, d) float64.
        upper: (n, d) float64.
        excess: (n,) float64: by how much some inequality is broken everywhere on the box, at least, beyond what
            rounding could do; negative where none is proved to be. Where it is positive nothing is left.
        doubt: (n,) float64: the rounding that was allowed for there.
    """

    lower: Tensor
    upper: Tensor
    excess: Tensor
    doubt: Tensor


def contract(
    lower: Tensor, upper: Tensor, slopes: Tensor, limits: Tensor, *, caution: float = 0.0, sweeps: int = 3
) -> Contracted:
    """Cut boxes by `slopes x <= limits`, one coordinate after another given the others (hull consistency).

    Every rounding error is on the safe side: no point of the box that keeps the inequalities is cut off.

    Args:
        lower: (n, d) float64.
        upper: (n, d) float64.
        slopes: (n, k, d) float64.
        limits: (n, k) float64; +inf for no inequality. Where numbers overflow, a row is none either.
        caution: how many times more rounding to allow for than there can be.
        sweeps: how often to go through all coordinates.
    """
    d = lower.shape[1]
    room = gamma(d + 8)
    excess = torch.full_like(limits[:, 0], -torch.inf)
    doubt = torch.zeros_like(excess)
    rising = slopes > 0
    used = slopes != 0
    divisor = torch.where(used, slopes, 1.0)
    for _ in range(sweeps):
        low, high = lower[:, None], upper[:, None]
        ends = torch.where(rising, slopes * low, slopes * high)
        sizes = ends.abs().sum(dim=2) + limits.abs() + (d + 4) * UNDERFLOW
        usable = torch.isfinite(sizes)
        slack = torch.where(usable, limits - ends.sum(dim=2), torch.inf)
        loss = (1 + caution) * 2 * room * torch.where(usable, sizes, 0.0) + UNDERFLOW
        worst = (-slack - loss).max(dim=1)
        better = worst.values > excess
        excess = torch.where(better, worst.values, excess)
        doubt = torch.where(better, loss.gather(1, worst.indices[:, None])[:, 0], doubt)
        # What the row leaves to a coordinate beyond the end at which it is least.
        step = (slack + loss).clamp(min=0.0)[..., None] / divisor
        margin = (1 + caution) * 4 * UNIT
        above = low + step + margin * (low.abs() + step.abs()) + UNDERFLOW
        below = high + step - margin * (high.abs() + step.abs()) - UNDERFLOW
        cut = used & usable[..., None]
        above = torch.where(cut & rising, above, torch.inf).amin(dim=1)
        below = torch.where(cut & ~rising, below, -torch.inf).amax(dim=1)
        upper, lower = torch.minimum(upper, above), torch.maximum(lower, below)
        gap = (lower - upper).amax(dim=1)
        excess = torch.where(gap > 0, torch.maximum(excess, gap), excess)
        upper = torch.maximum(lower, upper)
    return Contracted(lower, upper, excess, doubt)
