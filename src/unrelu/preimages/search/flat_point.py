"""A point of the solutions in a box on which the network is one affine map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.preimages.search.located_root import Root
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement


def flat_point(statement: InverseStatement, seen: Examined, place: int, lower: Tensor, upper: Tensor) -> Root | None:
    """A proved member as deep inside the resolution as there is one; None where none was found.

    The inequalities that solutions keep are the set itself, but for rounding: a linear program finds the point that
    is farthest from breaking those of the outputs, and exact values there tell.

    Args:
        statement: what is asked.
        seen: the sub-problems.
        place: number of one whose units are all settled.
        lower: (d,) what is left of its box.
        upper: (d,) the same.
    """
    d, m = len(lower), len(statement.features)
    slopes, limits = seen.slopes[place].numpy(), seen.limits[place].numpy()
    low, high = lower.numpy(), upper.numpy()
    used = np.concatenate([np.arange(d, d + m), np.arange(2 * d + m, len(limits))])
    used = used[np.isfinite(limits[used])]  # rows of outputs always are
    outputs = used < 2 * (d + m)
    A, b = slopes[used], limits[used]
    width, middle = high - low, low / 2 + high / 2
    A, b = A * width, b - A @ middle
    sizes = np.maximum(np.abs(A).sum(axis=1), 1e-300)
    tolerance = np.zeros(len(used))
    tolerance[outputs] = np.tile(statement.resolution.numpy(), 2)
    # One unit of t is the resolution, or a part of the row's own size where there is none.
    unit = np.where(outputs, np.maximum(tolerance, 2.0**-50 * sizes), 0.0)
    scale = np.maximum(sizes, np.abs(b))
    unit_scaled = unit / scale
    largest = unit_scaled.max(initial=0.0)
    if largest == 0.0:
        return None
    system = RowSystem(
        np.hstack([A / scale[:, None], -(unit_scaled / largest)[:, None]]),
        row_upper=np.where(outputs, (b - unit) / scale, b / scale),
        lower=np.append(np.full(d, -0.5), -math.inf),
        upper=np.append(np.full(d, 0.5), math.inf),
    )
    solution = LinearProgram(system).minimise(np.append(np.zeros(d), 1.0))
    if solution.point is None:
        return None
    point = torch.from_numpy(np.clip(middle + solution.point[:d] * width, low, high))
    if not statement.is_member(point):
        return None
    return Root(point, lower, upper, is_flat=True, holds=True)
