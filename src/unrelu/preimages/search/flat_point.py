"""A box on which the network is one affine map: a point of its solutions, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.preimages.search.located_root import Root, has_root_near
from unrelu.preimages.search.tiny_boxes import blurred
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement

STEPS = 12

BAND = 1e-9
"""How far programs may be off, relative to a row's size."""


def flat_point(
    statement: InverseStatement, seen: Examined, place: int, lower: Tensor, upper: Tensor
) -> Root | Tensor | None:
    """A proved member; or weights of the inequalities whose sum no point of the box keeps; None if neither is found.

    The inequalities that solutions keep are the set itself, but for rounding. A linear program tells whether any point
    keeps them; another finds the one that is farthest from the sides of the box and from the kinks; steps of least norm
    bring its outputs to the wanted ones, and exact values there tell.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one whose units are all settled.
        lower: (d,) what is left of its box.
        upper: (d,) the same.

    Returns:
        A root; or (k,) float64 weights of the sub-problem's inequalities.
    """
    d, m, problems = len(lower), len(statement.features), seen.problems
    slopes, limits = seen.slopes[place].numpy(), seen.limits[place].numpy()
    low, high = lower.numpy(), upper.numpy()
    width, middle = high - low, low / 2 + high / 2
    A, b = slopes * width, limits - slopes @ middle
    sizes = np.maximum(np.maximum(np.abs(A).sum(axis=1), np.abs(b)), 1e-300)
    rows = np.concatenate([np.arange(d, d + m), np.arange(2 * d + m, len(limits))])
    rows = rows[np.isfinite(limits[rows])]
    A, b, sides = A[rows] / sizes[rows, None], b[rows] / sizes[rows], rows >= 2 * (d + m)
    one = np.ones((len(rows), 1))
    box = np.full(d, 0.5)
    elastic = RowSystem(np.hstack([A, -one]), row_upper=b, lower=np.append(-box, -np.inf), upper=np.append(box, np.inf))
    nearest = LinearProgram(elastic).minimise(np.append(np.zeros(d), 1.0))
    if nearest.point is None:
        return None
    if nearest.objective > BAND:
        weights = torch.zeros(len(limits), dtype=torch.float64)
        weights[torch.from_numpy(rows)] = torch.from_numpy(np.maximum(-nearest.row_duals, 0.0) / sizes[rows])
        return weights
    free = np.eye(d)[width > 0]
    walls = np.vstack([free, -free])
    deep = RowSystem(
        np.vstack([np.hstack([A, sides[:, None].astype(float)]), np.hstack([walls, np.ones((len(walls), 1))])]),
        row_upper=np.concatenate([np.where(sides, b, b + BAND), np.full(len(walls), 0.5)]),
        lower=np.append(-box, -BAND),
        upper=np.append(box, 0.5),
    )
    found = LinearProgram(deep).minimise(np.append(np.zeros(d), -1.0))
    start = nearest.point if found.point is None else found.point
    point = torch.from_numpy(np.clip(middle + start[:d] * width, low, high))
    # On kinks that the sub-problem is held to by sides of both kinds, the point has to stay.
    tight = rows[sides & (np.abs(A @ start[:d] - b) <= 2 * BAND)]
    held = torch.from_numpy(np.vstack([seen.hull.middle[place].numpy(), slopes[tight]]) * width)
    # Each row in its own unit: where the box is thin, rows of few units in the last place count like others.
    units = torch.where(held.norm(dim=1) > 0, held.norm(dim=1), 1.0)
    inverse = torch.linalg.pinv(held / units[:, None], rtol=1e-9)
    which = torch.from_numpy(tight - 2 * (d + m))
    fixed, side, kink = (part[place][which] for part in (problems.fixed, problems.sides, problems.kinks))
    for _ in range(STEPS):
        if statement.is_member(point):
            return Root(point, lower, upper, is_flat=True, holds=True)
        off = statement.values(point[None])[0] - statement.features
        beyond = -side * (statement.fed(point[None])[0][fixed] - kink)
        step = inverse @ (torch.cat([off, beyond]) / units)
        point = torch.minimum(torch.maximum(point - step * (upper - lower), lower), upper)
    off = (statement.values(point[None])[0] - statement.features).abs()
    if not bool((off <= blurred(statement)).all()):
        return None
    # Rounding hides whether there is a solution. It may stay open: if there is one here, it is on the flat.
    holds = has_root_near(statement, seen, place, point, lower, upper)
    return Root(point, lower, upper, is_flat=True, holds=holds)
