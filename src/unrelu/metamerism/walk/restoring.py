"""Newton steps of least norm from near a preimage back onto it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.distances import HalfSquare
from unrelu.metamerism.walk.elastic_program import solve_elastic
from unrelu.metamerism.walk.equations import Equations
from unrelu.metamerism.walk.local_model import LocalModel, OutOfTime
from unrelu.stability.pattern import activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.statement import WalkStatement

KEPT = 1e-12
"""Features are kept if none is off by more than this part of the largest."""

_STEPS = 60

_ROUNDING = 1e-15
"""Of the largest feature: no step makes errors smaller than this."""

_AT_END = 1e-6
"""Of the largest feature: outputs this near to an end of what they may be are kept from going beyond it."""

_PARTS = (1.0, 0.5, 0.25, 0.125, 0.0625, 0.03125)
"""Of a step, that are tried: far from the preimage a whole one crosses too many kinks."""

_STALLED = 4
"""Steps without an error that is smaller by a twentieth after which the rest would not help."""

_GOOD = 0.3
"""Rows are used again, as chord methods do, as long as a step with them leaves no more than this part of the error."""


def restored(statement: WalkStatement, u: np.ndarray, deadline: float = math.inf) -> tuple[np.ndarray, float]:
    """The point near u, in the walk's units, whose outputs are nearest to what they shall be.

    Each step solves the linearised equations by the least change of the coordinates inside the box, in units of what is
    missing, so that what a solver misses is small beside it.

    Returns:
        The best point (d,) and by how much its worst output is off, as a part of the largest feature.
    """
    best, least, since, last = u, math.inf, 0, math.inf
    rows: _Rows | None = None
    for _ in range(_STEPS):
        outputs = statement.outputs(u)
        error = statement.off(outputs)
        since = 0 if error < 0.95 * least else since + 1
        if error < least:
            best, least = u, error
        if error <= _ROUNDING or since >= _STALLED or time.monotonic() > deadline:
            break
        try:
            if rows is None or error > _GOOD * last or not statement.is_costly:
                rows = _Rows(statement, u, deadline)
            last = error
            step = rows.step(u, outputs, deadline)
        except OutOfTime:
            break
        if step is None:
            break
        u = _damped(statement, u, step, error)
    return best, least


def _damped(statement: WalkStatement, u: np.ndarray, full: np.ndarray, error: float) -> np.ndarray:
    """The longest of a few parts of a step that makes the error smaller about as it should; else all of it."""
    for part in _PARTS:
        short = full if part == 1 else u + part * (full - u)
        if statement.off(statement.outputs(short)) <= (1 - 0.3 * part) * error:
            return short
    return full


class _Rows:
    """The linearised outputs at a point."""

    def __init__(self, statement: WalkStatement, u: np.ndarray, deadline: float) -> None:
        self.statement = statement
        x = statement.input(u)
        shape = statement.network.input_shape
        pattern = activation_pattern(statement.network, x.reshape(shape))
        self.model = LocalModel(statement.network, pattern, x, deadline, statement.rough)
        self.equal = statement.low == statement.high
        self.equations = Equations.of(self.model.rows(np.flatnonzero(self.equal)) * statement.unit)

    def step(self, u: np.ndarray, outputs: np.ndarray, deadline: float) -> np.ndarray | None:
        """The point that a step leads to; None where none is needed or none can be told."""
        statement, equal = self.statement, self.equal
        missing = -statement.broken(outputs)
        right = self.equations.mix @ missing[equal]
        room = _AT_END * statement.size
        at_end = (outputs > statement.high - room) | (outputs < statement.low + room)
        others = np.flatnonzero(~equal & at_end)
        rows = self.model.rows(others) * statement.unit
        sizes = np.linalg.norm(rows, axis=1)
        moving = sizes > 0
        rows, others, sizes = rows[moving] / sizes[moving, None], others[moving], sizes[moving]
        scale = max(float(np.abs(right).max(initial=0.0)), float((np.abs(missing[others]) / sizes).max(initial=0.0)))
        if scale == 0:
            return None
        lower, upper = statement.bounds
        domain, low, high = statement.domain_rows
        at = domain @ u
        every = np.vstack([self.equations.rows, rows, domain])
        r = len(right)
        gram = np.eye(len(every))
        gram[r:] = every[r:] @ every.T
        gram[:r, r:] = gram[r:, :r].T
        solution = solve_elastic(
            HalfSquare(np.zeros_like(u), (lower - u) / scale, (upper - u) / scale),
            np.zeros_like(u),
            1.0,
            every,
            np.concatenate([right, (statement.low - outputs)[others] / sizes, low - at]) / scale,
            np.concatenate([right, (statement.high - outputs)[others] / sizes, high - at]) / scale,
            np.zeros(len(every)),
            gram=gram,
            close=1e-8 if statement.is_costly else 1e-11,
            deadline=deadline,
        )
        step = solution.point
        if not bool(np.isfinite(step).all()) or not step.any():
            return None
        return np.clip(u + scale * step, lower, upper)
