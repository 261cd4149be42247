"""A point of the solutions in a box on which the network is one affine map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.preimages.search.located_root import Root, polished
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.row_system import RowSystem

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement

BAND = 1e-9
"""How far the program may leave the rows of the outputs, relative to their size; steps of least norm do the rest."""


def flat_point(statement: InverseStatement, seen: Examined, place: int, lower: Tensor, upper: Tensor) -> Root | None:
    """A proved member; None where none was found.

    The inequalities that solutions keep are the set itself, but for rounding: a linear program finds the point that is
    farthest from the sides of the box and from the kinks, steps of least norm bring its outputs to the wanted ones, and
    exact values there tell.

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
    width, middle = high - low, low / 2 + high / 2
    rows = np.concatenate([np.arange(d, d + m), np.arange(2 * d + m, 2 * (d + m))])
    sides = np.arange(2 * (d + m), len(limits))
    sides = sides[np.isfinite(limits[sides])]
    A, b = slopes * width, limits - slopes @ middle
    sizes = np.maximum(np.maximum(np.abs(A).sum(axis=1), np.abs(b)), 1e-300)
    free = np.flatnonzero(width > 0)
    walls = np.vstack([np.eye(d)[free], -np.eye(d)[free]])
    system = RowSystem(
        np.vstack(
            [
                np.hstack([A[rows] / sizes[rows, None], np.zeros((2 * m, 1))]),
                np.hstack([A[sides] / sizes[sides, None], np.ones((len(sides), 1))]),
                np.hstack([walls, np.ones((len(walls), 1))]),
            ]
        ),
        row_upper=np.concatenate([b[rows] / sizes[rows] + BAND, b[sides] / sizes[sides], np.full(len(walls), 0.5)]),
        lower=np.append(np.full(d, -0.5), -BAND),
        upper=np.append(np.full(d, 0.5), 0.5),
    )
    solution = LinearProgram(system).minimise(np.append(np.zeros(d), -1.0))
    if solution.point is None:
        return None
    point = torch.from_numpy(np.clip(middle + solution.point[:d] * width, low, high))
    point = polished(statement, point, lower, upper)
    return Root(point, lower, upper, is_flat=True, holds=True) if statement.is_member(point) else None
