"""Where sub-problems are split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from unrelu.frontier.subproblems import Subproblems
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement

FEW = 6
"""Units with an open kink that are split rather than the box, of a box as wide as the domain."""

MORE = 0.75
"""So many more of them each time that the box is half as wide: on kinks, boxes alone would never end."""

MOST = 16
"""Of a box of whatever width."""


def widest_inputs(statement: InverseStatement, part: Subproblems, slopes: Tensor, least: Tensor) -> Tensor:
    """(n,) the input that changes the outputs most on each box; the widest one where none does.

    Args:
        statement: what is asked.
        part: n boxes.
        slopes: (n, m, d) at least the magnitudes of the Jacobians there.
        least: (n, d) widths below which inputs are not split.
    """
    y = statement.features.abs() + statement.resolution
    weights = 1 / torch.maximum(y, 1e-3 * y.max() + 1e-300)
    widths = part.upper - part.lower
    effect = widths * (slopes * weights[None, :, None]).sum(dim=1)
    effect = torch.where((widths > least) & torch.isfinite(effect), effect, 0.0)
    domain = statement.upper - statement.lower
    wide = widths / torch.where(domain > 0, domain, 1.0)
    return torch.where(effect.amax(dim=1, keepdim=True) > 0, effect, wide).argmax(dim=1)


def most_units(statement: InverseStatement, seen: Examined) -> Tensor:
    """(n,) how many open units are split rather than the box."""
    domain = statement.upper - statement.lower
    part = torch.where(domain > 0, seen.widths / torch.where(domain > 0, domain, 1.0), 0.0).amax(dim=1)
    few = (FEW - MORE * torch.log2(part.clamp(min=2.0**-60, max=1.0))).clamp(max=MOST)
    return torch.where(seen.problems.is_conditional, float(MOST), few)


def widest_kinks(statement: InverseStatement, seen: Examined, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Of each, the number with a kink strictly inside its bounds that its bounds are widest about, and the kink."""
    low, high = seen.units.low[chosen], seen.units.high[chosen]
    score = torch.full_like(low, -1.0)
    kinks = torch.zeros_like(low)
    bounded = statement.bounded
    for node in bounded.network.nodes[1:]:
        if not node.is_layer:
            continue
        (name,) = node.inputs
        span = bounded.spans[name]
        for kink in node.kinked.kinks_of(bounded.network.node(name).shape):
            a, b = low[:, span], high[:, span]
            inside = torch.minimum(kink - a, b - kink)
            better = (inside > 0) & (inside > score[:, span])
            score[:, span] = torch.where(better, inside, score[:, span])
            kinks[:, span] = torch.where(better, kink.expand_as(a), kinks[:, span])
    units = score.argmax(dim=1)
    return units, kinks[torch.arange(len(chosen)), units]


def volume_left(seen: Examined, lower: Tensor, upper: Tensor) -> Tensor:
    """(n,) what part of the boxes' volume is left."""
    free = seen.widths > 0
    return torch.where(free, (upper - lower) / torch.where(free, seen.widths, 1.0), 1.0).clamp(max=1.0).prod(dim=1)
