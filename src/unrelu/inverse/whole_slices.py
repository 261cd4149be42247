"""Slices of boxes all of whose points are consistent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement


def whole_slices(statement: InverseStatement, seen: Examined, center: Tensor, spread: Tensor) -> Tensor:
    """(n,) bool: whether all points `center + spread u`, u in [-1, 1]^q, that lie in a box keep the measured intervals.

    For each output r, bounds give `-r >= s x + o` on the box, and the inequality `s x <= l` that members keep has
    `l >= -y + rho - o`; so `r <= y + rho` wherever `l - s x <= 2 rho`, and the same with the sign turned.

    Args:
        statement: what members keep.
        seen: bounds of n boxes, without fixed sides.
        center: (n, d) float64.
        spread: (n, d, q) float64.
    """
    d, m = center.shape[1], len(statement.features)
    rows = [*range(d, d + m), *range(2 * d + m, 2 * (d + m))]
    slopes, limits = seen.slopes[:, rows], seen.limits[:, rows]
    along = (slopes @ spread).abs().sum(dim=2)
    at = (slopes @ center[..., None])[..., 0]
    reach = center.abs() + spread.abs().sum(dim=2)
    sizes = (slopes.abs() @ reach[..., None])[..., 0] + limits.abs()
    most = limits - at + along + 4 * gamma(2 * d + 2 * spread.shape[2] + 16) * sizes
    most = most + (d + 8) * (spread.shape[2] + 1) * UNDERFLOW * (1 + sizes)
    allowed = 2 * statement.resolution.repeat(2) * (1 - 4 * UNIT)
    return (most <= allowed).all(dim=1)


def whole_boxes(statement: InverseStatement, seen: Examined, lower: Tensor, upper: Tensor) -> Tensor:
    """(n,) bool: whether all points of boxes are members.

    Args:
        statement: what members keep.
        seen: bounds of n boxes, without fixed sides.
        lower: (n, d) float64, of boxes in those.
        upper: (n, d) float64.
    """
    center = lower / 2 + upper / 2
    half = torch.maximum(center - lower, upper - center) * (1 + 4 * UNIT) + UNDERFLOW
    return whole_slices(statement, seen, center, torch.diag_embed(half))
