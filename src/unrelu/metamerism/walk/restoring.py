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

_STEPS = 40

_ROUNDING = 1e-15
"""Of the largest feature: no step makes errors smaller than this."""

_AT_END = 1e-6
"""Of the largest feature: outputs this near to an end of what they may be are kept from going beyond it."""

_STALLED = 4
"""Steps without a smaller error after which the rest would not help."""


def restored(statement: WalkStatement, u: np.ndarray, deadline: float = math.inf) -> tuple[np.ndarray, float]:
    """The point near u, in the walk's units, whose outputs are nearest to what they shall be.

    Each step solves the linearised equations by the least change of the coordinates inside the box, in units of what is
    missing, so that what a solver misses is small beside it.

    Returns:
        The best point (d,) and by how much its worst output is off, as a part of the largest feature.
    """
    best, least, since = u, math.inf, 0
    lower, upper = statement.bounds
    shape = statement.network.input_shape
    for _ in range(_STEPS):
        x = statement.input(u)
        error = statement.off(statement.outputs(u))
        if error < least:
            since = 0 if error < 0.5 * least else since + 1
            best, least = u, error
        else:
            since += 1
        if error <= _ROUNDING or since >= _STALLED or time.monotonic() > deadline:
            break
        model = LocalModel(statement.network, activation_pattern(statement.network, x.reshape(shape)), x, deadline)
        outputs = model.values[: model.n_outputs]
        missing = -statement.broken(outputs)
        largest = float(np.abs(missing).max(initial=0.0))
        if largest == 0:
            break
        equal = statement.low == statement.high
        try:
            equations = Equations.of(model.rows(np.flatnonzero(equal)) * statement.unit)
        except OutOfTime:
            break
        right = equations.mix @ missing[equal]
        room = _AT_END * statement.size
        at_end = (outputs > statement.high - room) | (outputs < statement.low + room)
        others = np.flatnonzero(~equal & at_end)
        rows = model.rows(others) * statement.unit
        sizes = np.linalg.norm(rows, axis=1)
        moving = sizes > 0
        rows, others, sizes = rows[moving] / sizes[moving, None], others[moving], sizes[moving]
        scale = max(float(np.abs(right).max(initial=0.0)), float((np.abs(missing[others]) / sizes).max(initial=0.0)))
        if scale == 0:
            break
        domain, low, high = statement.domain_rows
        at = domain @ u
        solution = solve_elastic(
            HalfSquare(np.zeros_like(u), (lower - u) / scale, (upper - u) / scale),
            np.zeros_like(u),
            1.0,
            np.vstack([equations.rows, rows, domain]),
            np.concatenate([right, (statement.low - outputs)[others] / sizes, low - at]) / scale,
            np.concatenate([right, (statement.high - outputs)[others] / sizes, high - at]) / scale,
            np.zeros(len(right) + len(rows) + len(domain)),
        )
        step = solution.point
        if not bool(np.isfinite(step).all()) or not step.any():
            break
        u = np.clip(u + scale * step, lower, upper)
    return best, least
