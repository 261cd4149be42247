"""Inputs that are proved consistent with the measured outputs, and steps towards those at which a cost is least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.unit_bounds import UnitBounds
from unrelu.inverse.box_programs import solve_box_programs
from unrelu.rigor.rounding import UNDERFLOW, UNIT

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement

STEPS = 6

NEWTON = 4

NEAR = 1e-6
"""Of the domain's width: points so near to a side of it are put there, if they can be."""

SETTLED = 1e-4
"""Of what a cost changes over the domain: steps that gain less are the last."""

INSIDE = 2.0**-30
"""Of the resolution: so far inside of it steps aim, that rounding leaves a point a member."""


def are_members(statement: InverseStatement, points: Tensor) -> Tensor:
    """(n,) bool: which of some points (n, d) are proved to be in S; by exact outputs where rounding leaves it open."""
    values = statement.values(points)
    off = (values - statement.features).abs()
    room = 4 * UNIT * (off + statement.features.abs()) + UNDERFLOW + statement.forward_error * (1 + 8 * UNIT)
    inside = ((statement.lower <= points) & (points <= statement.upper)).all(dim=1)
    known = inside & (off + room <= statement.resolution).all(dim=1)
    open_ = inside & ~known & (off - room <= statement.resolution).all(dim=1)
    for place in torch.nonzero(open_)[:, 0].tolist():
        known[place] = statement.is_member(points[place])
    return known


def slopes_at(statement: InverseStatement, points: Tensor) -> Tensor:
    """(n, m, d) a Jacobian of F at each point; on a kink, a mean one."""
    bounded, n = statement.bounded, len(points)
    fed = statement.fed(points)
    none = torch.zeros(n, dtype=torch.int64)
    return torch.nan_to_num(UnitBounds(bounded, fed, fed, {}, none, none > 0).hull.middle)


def descend(statement: InverseStatement, costs: Tensor, starts: Tensor, reach: Tensor) -> tuple[Tensor, Tensor]:
    """From each start towards a member of S whose cost is least nearby, by sequential linear programming.

    The network is affine on each of its pieces: a program over the exact linearisation, in a box about the point,
    gives the next point; the box shrinks where that is worse.

    Args:
        statement: what S is.
        costs: (p, d) float64.
        starts: (p, d) float64 in the domain.
        reach: (p, d) float64, half the widths of the first boxes.

    Returns:
        (p, d) points and (p,) bool, which of them are proved members.
    """
    y = statement.features
    inner = (statement.resolution * (1 - INSIDE) - 2 * statement.forward_error).clamp(min=0.0)
    unit = statement.resolution + statement.forward_error + UNDERFLOW
    x, reach = starts.clone(), reach.clone()
    change = (costs.abs() * (statement.upper - statement.lower)).sum(dim=1).clamp(min=UNDERFLOW)

    def worth(points: Tensor) -> tuple[Tensor, Tensor]:
        values = statement.values(points)
        broken = (((values - y).abs() - inner) / unit).amax(dim=1).clamp(min=0.0)
        return values, (costs * points).sum(dim=1) / change + 1e3 * broken

    values, merit = worth(x)
    for _ in range(STEPS):
        J = slopes_at(statement, x)
        rest = values - y - (J @ x[..., None])[..., 0]
        rows = torch.cat([J, -J], dim=1)
        limits = torch.cat([inner - rest, inner + rest], dim=1)
        low, high = torch.maximum(x - reach, statement.lower), torch.minimum(x + reach, statement.upper)
        moved = solve_box_programs(costs, rows, limits, low, high, close=1e-5).points
        new_values, new_merit = worth(moved)
        better = new_merit < merit
        gained = float((merit - new_merit).max())
        x = torch.where(better[:, None], moved, x)
        values, merit = torch.where(better[:, None], new_values, values), torch.where(better, new_merit, merit)
        reach = torch.where(better[:, None], reach * 1.5, reach / 4)
        if gained < SETTLED:
            break
    x = snapped(statement, x)
    proved = are_members(statement, x)
    if not bool(proved.any()):
        x = _onto(statement, x)
        proved = are_members(statement, x)
    return x, proved


def snapped(statement: InverseStatement, points: Tensor) -> Tensor:
    """Points (n, d), those next to a side of the domain on it, where that leaves them members."""
    near = NEAR * (statement.upper - statement.lower)
    x = torch.where(points - statement.lower <= near, statement.lower, points)
    x = torch.where(statement.upper - x <= near, statement.upper, x)
    moved = (x != points).any(dim=1)
    if bool(moved.any()):
        moved[moved.clone()] = are_members(statement, x[moved])
    return torch.where(moved[:, None], x, points)


def _onto(statement: InverseStatement, points: Tensor) -> Tensor:
    """Points (n, d) after Newton steps of least norm, in units of the domain, to the middle of what is measured."""
    unit = (statement.resolution + statement.forward_error + UNDERFLOW)[:, None]
    widths = statement.upper - statement.lower
    x = points
    for _ in range(NEWTON):
        off = (statement.values(x) - statement.features)[..., None] / unit
        step = (torch.linalg.pinv(slopes_at(statement, x) * widths / unit) @ off)[..., 0] * widths
        x = torch.minimum(torch.maximum(x - torch.nan_to_num(step), statement.lower), statement.upper)
    return x
