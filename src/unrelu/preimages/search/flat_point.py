"""A box on which the network is one affine map: a point of its solutions, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.preimages.search.inequalities import BAND, Inequalities
from unrelu.preimages.search.located_root import Root, has_root_near, holds_point
from unrelu.preimages.search.tiny_boxes import blurred

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement

STEPS = 12


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
    problems = seen.problems
    system = Inequalities.of(seen, place, lower, upper)
    nearest = system.nearest()
    if nearest.point is None:
        return None
    weights = system.weights(nearest)
    if weights is not None:
        return weights
    if holds_point(statement, seen, place, lower, upper):
        assert statement.at is not None
        return Root(statement.at, lower, upper, is_flat=True, holds=True)
    sides = system.outputs < 0
    loose = sides | ~statement.held.numpy()[system.outputs]
    start = system.deepest(loose)
    start = nearest.point[: len(lower)] if start is None else start
    point = torch.from_numpy(np.clip(system.middle + start * system.width, lower.numpy(), upper.numpy()))
    # On kinks that the sub-problem is held to by sides of both kinds, the point has to stay.
    close = loose & (np.abs(system.A @ start - system.b) <= 2 * BAND)
    tight = system.rows[sides & close]
    near = statement.held.clone()
    near[torch.from_numpy(system.outputs[~sides & close])] = True
    rows = np.vstack([seen.hull.middle[place][near].numpy(), seen.slopes[place].numpy()[tight]])
    held = torch.from_numpy(rows * system.width)
    # Each row in its own unit: where the box is thin, rows of few units in the last place count like others.
    units = torch.where(held.norm(dim=1) > 0, held.norm(dim=1), 1.0)
    inverse = torch.linalg.pinv(held / units[:, None], rtol=1e-9)
    which = torch.from_numpy(tight - 2 * (seen.multipliers.shape[1] + len(near)))
    fixed, side, kink = (part[place][which] for part in (problems.fixed, problems.sides, problems.kinks))
    exact = not bool((statement.resolution > 0).any())
    for k in range(STEPS):
        # Without a resolution a point is one by chance only, at the first step, or at the last.
        if (k == 0 or not exact) and statement.is_member(point):
            return Root(point, lower, upper, is_flat=True, holds=True)
        off = statement.residuals(point[None])[0]
        beyond = -side * (statement.fed(point)[fixed] - kink)
        step = inverse @ (torch.cat([off[near], beyond]) / units)
        point = torch.minimum(torch.maximum(point - step * (upper - lower), lower), upper)
    if exact and statement.is_member(point):
        return Root(point, lower, upper, is_flat=True, holds=True)
    off = statement.residuals(point[None])[0].abs()
    if not bool((off <= blurred(statement)).all()):
        return None
    # Rounding hides whether there is a solution. It may stay open: if there is one here, it is on the flat.
    holds = has_root_near(statement, seen, place, point, lower, upper)
    return Root(point, lower, upper, is_flat=True, holds=holds)
