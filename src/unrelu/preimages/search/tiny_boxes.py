"""Boxes so small that rounding hides what their outputs are: exact outputs at one point tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.unit_bounds import bound_units
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement

TINY = 64.0
"""Boxes on which outputs vary by less than so many times the resolution and the rounding of bounds."""

ALIKE = 16.0
"""Boxes on which they vary by less than so many times that are one solution, if they hold one."""


def blurred(statement: InverseStatement) -> Tensor:
    """(m,) what the resolution and the rounding of bounds hide of the outputs, about."""
    return statement.spread + 16 * statement.forward_error


def steepest(statement: InverseStatement, lower: Tensor, upper: Tensor) -> Tensor:
    """At least the magnitudes of all Jacobians on boxes of the domain (n, d), whatever sides are fixed: (n, m, d)."""
    bounded = statement.bounded
    return bound_units(bounded, lower, upper).hull.steepest


def variation(slopes: Tensor, lower: Tensor, upper: Tensor, points: Tensor) -> Tensor:
    """At least how far outputs on boxes are from those at points of them, (n, m) float64.

    Args:
        slopes: (n, m, d), of `steepest`.
        lower: (n, d) of boxes in the domain.
        upper: (n, d) the same.
        points: (n, d) in the boxes.
    """
    reach = torch.maximum(points - lower, upper - points).clamp(min=0.0) * (1 + 4 * UNIT) + UNDERFLOW
    d = lower.shape[1]
    return (slopes @ reach[..., None])[..., 0] * (1 + 2 * gamma(d + 4)) + (d + 4) * UNDERFLOW


def is_away(statement: InverseStatement, point: Tensor, spread: Tensor) -> bool:
    """Whether outputs within a spread (m,) of those at a point (d,) are none of the wanted ones, by exact values."""
    far = (statement.resolution + spread) * (1 + 4 * UNIT) + UNDERFLOW
    off = (statement.values(point[None])[0] - statement.features).abs()
    if bool(((off + statement.forward_error) * (1 + 4 * UNIT) <= far).all()):  # exact values would say the same
        return False
    outputs = statement.exact_outputs(point)
    return outputs is not None and bool((statement.at_least_away(outputs) > far).any())
