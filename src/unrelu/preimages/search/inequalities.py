"""The inequalities that solutions of one sub-problem keep, in the units of its box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.quadratic_program import QuadraticProgram
from unrelu.solvers.row_system import RowSystem

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.solvers.linear_program import LinearSolution

MANY = 16
"""Inputs from which on the sides of a box are too many rows."""

BAND = 1e-9
"""How far programs may be off, relative to a row's size."""


@dataclass(frozen=True, eq=False)
class Inequalities:
    """`A z <= b` for z in a box of side 1 about 0; the rows of outputs and of sides, not those of multipliers.

    Attributes:
        total: how many inequalities the sub-problem has in all.
        rows: (r,) int64, which of them these are.
        A: (r, d) float64, each row of size 1.
        b: (r,) float64.
        sizes: (r,) float64, what the rows were divided by.
        outputs: (r,) int64, the output that each is about; -1 for a side.
        middle: (d,) float64, of the box.
        width: (d,) float64, of the box.
    """

    total: int
    rows: np.ndarray
    A: np.ndarray
    b: np.ndarray
    sizes: np.ndarray
    outputs: np.ndarray
    middle: np.ndarray
    width: np.ndarray

    @classmethod
    def of(cls, seen: Examined, place: int, lower: Tensor, upper: Tensor) -> Inequalities:
        """Those of one of several sub-problems, on what is left of its box.

        Args:
            seen: the sub-problems.
            place: number of one of them.
            lower: (d,) of what is left.
            upper: (d,) of what is left.
        """
        k, m = seen.multipliers.shape[1:]
        slopes, limits = seen.slopes[place].numpy(), seen.limits[place].numpy()
        low, high = lower.numpy(), upper.numpy()
        width, middle = high - low, low / 2 + high / 2
        rows = np.concatenate([np.arange(k, k + m), np.arange(2 * k + m, len(limits))])
        outputs = np.concatenate([np.arange(m), np.arange(m), np.full(len(limits) - 2 * (k + m), -1)])
        usable = np.isfinite(limits[rows])
        rows, outputs = rows[usable], outputs[usable]
        A, b = slopes[rows] * width, limits[rows] - slopes[rows] @ middle
        sizes = np.maximum(np.maximum(np.abs(A).sum(axis=1), np.abs(b)), 1e-300)
        return cls(len(limits), rows, A / sizes[:, None], b / sizes, sizes, outputs, middle, width)

    def nearest(self) -> LinearSolution:
        """The point at which the most broken row is broken least; its last coordinate tells by how much."""
        d = len(self.middle)
        box = np.full(d, 0.5)
        elastic = RowSystem(
            np.hstack([self.A, -np.ones((len(self.b), 1))]),
            row_upper=self.b,
            lower=np.append(-box, -np.inf),
            upper=np.append(box, np.inf),
        )
        return LinearProgram(elastic).minimise(np.append(np.zeros(d), 1.0))

    def weights(self, nearest: LinearSolution | None = None) -> Tensor | None:
        """(total,) float64 weights of all inequalities, whose sum no point of the box keeps; None if there are none.

        Args:
            nearest: what `nearest` found, if it was asked for.
        """
        if not len(self.b):
            return None
        found = self.nearest() if nearest is None else nearest
        if found.point is None or not found.objective > BAND:
            return None
        weights = torch.zeros(self.total, dtype=torch.float64)
        weights[torch.from_numpy(self.rows)] = torch.from_numpy(np.maximum(-found.row_duals, 0.0) / self.sizes)
        return weights

    def deepest(self, loose: np.ndarray) -> np.ndarray | None:
        """(d,) the point that is farthest from the sides of the box and from some rows, and on the others; or None.

        Of many inputs, it is the one nearest to the middle of the box that is half as far from those rows as a point
        of the box can be.

        Args:
            loose: (r,) bool, the rows to keep away from.
        """
        d = len(self.middle)
        free = np.eye(d)[self.width > 0]
        many = len(free) > MANY
        walls = np.zeros((0, d)) if many else np.vstack([free, -free])
        slack = loose[:, None].astype(float)
        deep = RowSystem(
            np.vstack([np.hstack([self.A, slack]), np.hstack([walls, np.ones((len(walls), 1))])]),
            row_upper=np.concatenate([np.where(loose, self.b, self.b + BAND), np.full(len(walls), 0.5)]),
            lower=np.append(-np.full(d, 0.5), -BAND),
            upper=np.append(np.full(d, 0.5), 0.5),
        )
        found = LinearProgram(deep).minimise(np.append(np.zeros(d), -1.0))
        if found.point is None or not many:
            return None if found.point is None else found.point[:d]
        depth = np.where(loose, max(found.point[-1] / 2, 0.0), 0.0)
        half = RowSystem(self.A, row_upper=self.b - depth, lower=-np.full(d, 0.5), upper=np.full(d, 0.5))
        middle = QuadraticProgram(sparse.eye_array(d), half).minimise(np.zeros(d)).point
        return found.point[:d] if middle is None else middle
