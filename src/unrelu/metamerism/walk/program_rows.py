"""The rows that the programs of a walk have."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.elastic_program import solve_elastic
from unrelu.metamerism.walk.equations import Equations
from unrelu.metamerism.walk.local_model import OutOfTime

if TYPE_CHECKING:
    from unrelu.metamerism.walk.distances import Distance
    from unrelu.metamerism.walk.local_model import LocalModel
    from unrelu.metamerism.walk.statement import WalkStatement

NEAR = 1e-9
"""Units this near to their kink, in units of the walk, are on it."""

HELD = 400
"""Guards that a program may have; steps that would need more are made shorter instead."""

_FACTORING = 2e-11
"""Seconds, about, that factoring takes for the cube of the rows: not begun where there is no time for it."""

_SPARE = 64
"""Equations more than there are coordinates, of which the first are tried."""


class ProgramRows:
    """Rows about a point, in the walk's units: equations, the domain's, and one-sided ones of unit size.

    They are exact on the piece of their model. Further on they go on as they are, off by a shift of the outputs that is
    known at each point: what chord methods are to Newton's.
    """

    def __init__(self, statement: WalkStatement, model: LocalModel, pull: np.ndarray | None = None) -> None:
        """Those of the equations, the domain, and of what the point is at the end of.

        Args:
            statement: what is kept.
            model: of the piece.
            pull: (d,) of the equations on the last program's point, to begin with.
        """
        self.statement, self.model = statement, model
        total, m = len(model.values), model.n_outputs
        self.center = statement.walked(model.at)
        self.low = np.concatenate([statement.low, np.zeros(total - m)])
        self.high = np.concatenate([statement.high, np.full(total - m, math.inf)])
        self.base = model.values
        self.stale = False
        self.has = np.zeros(total, dtype=bool)
        self.size = np.ones(total)
        self.fixed = np.flatnonzero(statement.low == statement.high)
        self.has[self.fixed] = True
        self.fixed, self.equations = _equations(statement, model, self.fixed)
        domain, self.domain_low, self.domain_high = statement.domain_rows
        sizes = np.linalg.norm(domain, axis=1)
        sizes[sizes == 0] = 1.0
        self.domain, self.domain_low, self.domain_high = (
            domain / sizes[:, None],
            self.domain_low / sizes,
            self.domain_high / sizes,
        )
        self.places = np.zeros(0, dtype=np.int64)
        r = len(self.equations.rows)
        self.rows = np.vstack([self.equations.rows, self.domain])
        self.gram = np.eye(len(self.rows))
        self.gram[r:] = self.domain @ self.rows.T
        self.gram[:r, r:] = self.gram[r:, :r].T
        self.multipliers = np.zeros(len(self.rows))
        if pull is not None:
            self.multipliers[:r] = self.equations.rows @ pull
        self.residual = 0.0
        near_end = (statement.low < statement.high) & (model.values[:m] > statement.high - NEAR)
        between = np.isfinite(statement.low) & (statement.low < statement.high)
        self.add(np.concatenate([np.flatnonzero(near_end | between), _on_kinks(statement, model)]))

    @property
    def n_guards(self) -> int:
        """How many guards there are."""
        return int(self.has[self.model.n_outputs :].sum())

    @property
    def pull(self) -> np.ndarray:
        """(d,) of the equations on the last program's point."""
        r = len(self.equations.rows)
        return self.multipliers[:r] @ self.equations.rows

    def move_to(self, u: np.ndarray) -> None:
        """Go on from another point with the same rows."""
        self.center, self.stale = u, True
        self.base = self.model.values_at(self.statement.input(u))

    def add(self, places: np.ndarray) -> bool:
        """Add rows that are not there; whether there were any."""
        new = places[~self.has[places]]
        if not new.size:
            return False
        rows = self.model.rows(new) * self.statement.unit
        sizes = np.linalg.norm(rows, axis=1)
        moving = sizes > 0
        self.has[new] = True
        self.size[new[moving]] = sizes[moving]
        self.places = np.concatenate([self.places, new[moving]])
        k = len(self.rows)
        self.rows = np.vstack([self.rows, rows[moving] / sizes[moving, None]])
        gram = np.empty((len(self.rows), len(self.rows)))
        gram[:k, :k] = self.gram
        gram[k:] = self.rows[k:] @ self.rows.T
        gram[:k, k:] = gram[k:, :k].T
        self.gram = gram
        self.multipliers = np.concatenate([self.multipliers, np.zeros(int(moving.sum()))])
        return bool(moving.any())

    def solve(
        self, distance: Distance, reach: float, shift: np.ndarray, *, close: float, deadline: float
    ) -> np.ndarray:
        """The step that the rows lead to, which are off by a shift (m,) of the outputs."""
        places, size = self.places, self.size[self.places]
        m = self.model.n_outputs
        of_outputs = places < m
        more = self.base[places] + np.where(of_outputs, shift[np.where(of_outputs, places, 0)], 0.0)
        more = np.where(of_outputs, more, np.maximum(more, 0.0))  # on a kink, rounding breaks nothing
        right = self.equations.mix @ (self.low[:m] - self.base[:m] - shift)[self.fixed]
        at = self.domain @ self.center
        solution = solve_elastic(
            distance,
            self.center,
            reach,
            self.rows,
            np.concatenate([right, self.domain_low - at, (self.low[places] - more) / size]),
            np.concatenate([right, self.domain_high - at, (self.high[places] - more) / size]),
            self.multipliers,
            gram=self.gram,
            close=close,
            deadline=deadline,
        )
        self.multipliers, self.residual = solution.multipliers, solution.residual
        return solution.point

    @property
    def leaned_on(self) -> np.ndarray:
        """The one-sided rows with multipliers that are not 0."""
        found = np.abs(self.multipliers[len(self.rows) - len(self.places) :])
        return self.places[found > 1e-9 * np.abs(self.multipliers).max(initial=0.0)]


def _equations(statement: WalkStatement, model: LocalModel, fixed: np.ndarray) -> tuple[np.ndarray, Equations]:
    """The equations of a model, and those that they were made of: as many as determine the point, where some do."""
    d = statement.origin.size
    if time.monotonic() + _FACTORING * min(len(fixed), d + _SPARE) ** 3 > model.deadline:
        raise OutOfTime
    if len(fixed) > d + _SPARE:
        some = fixed[np.linspace(0, len(fixed) - 1, d + _SPARE).astype(np.int64)]
        found = Equations.of(model.rows(some) * statement.unit)
        if len(found.rows) >= d:
            return some, found
    return fixed, Equations.of(model.rows(fixed) * statement.unit)


def _on_kinks(statement: WalkStatement, model: LocalModel) -> np.ndarray:
    """The guards whose units are on a kink at the point."""
    m = model.n_outputs
    values = model.values[m:]
    if not values.size:
        return np.zeros(0, dtype=np.int64)
    near = np.flatnonzero(values <= 1e-6 * max(1.0, float(np.abs(values).max()))) + m
    if len(near) > HELD:
        near = near[np.argsort(model.values[near])[:HELD]]
    sizes = np.linalg.norm(model.rows(near), axis=1) * statement.unit
    return near[model.values[near] <= NEAR * sizes]
