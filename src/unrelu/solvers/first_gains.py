"""What a first step of the dual simplex method gains, for many changes of one bound each, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.solvers.boxed_program import FEASIBLE, FEW, PIVOT

if TYPE_CHECKING:
    from unrelu.solvers.boxed_program import BoxedProgram


def first_gains(program: BoxedProgram, unknowns: np.ndarray, most: np.ndarray) -> np.ndarray:
    """By how much the optimum rises at least, about, if an unknown could not be more than a number.

    Along the step that brings it there, the dual objective is concave and piecewise linear (Driebeek's penalties, with
    unknowns that change their bound on the way).

    Args:
        program: at an optimum.
        unknowns: (k,) int64.
        most: (k,) the numbers, each below the unknown's value now.

    Returns:
        (k,), inf where no point keeps the rows, nan where the unknown is not basic.
    """
    state, n = program.state, program.n_unknowns
    found = np.full(len(unknowns), np.nan)
    rows = np.full(n + program.n_rows, -1)
    rows[state.basic] = np.arange(len(state.basic))
    rows = rows[unknowns]
    basic = (rows >= 0).nonzero()[0]
    if not len(basic):
        return found
    rho = state.inverse[rows[basic]]
    missed = state.values[rows[basic]] - most[basic]
    able = state.ways.nonzero()[0]
    inside = able[able < n]
    turned = np.hstack([rho @ program.matrix[:, inside], -rho[:, able[len(inside) :] - n]])
    size = turned * state.ways[able]
    usable = size > PIVOT
    ratio = np.full(size.shape, np.inf)
    np.divide(np.abs(state.reduced[able]), size, out=ratio, where=usable)
    reach = np.where(usable, size * (state.upper - state.lower)[able], 0.0)
    never = reach.sum(axis=1) < missed - FEASIBLE
    few = min(FEW, len(able) - 1)
    if few > 0:
        first = ratio.argpartition(few, axis=1)[:, : few + 1]
        ratio, reach = np.take_along_axis(ratio, first, 1), np.take_along_axis(reach, first, 1)
    order = ratio.argsort(axis=1)
    ratio, reach = np.take_along_axis(ratio, order, 1), np.take_along_axis(reach, order, 1)
    left = np.maximum(missed[:, None] - reach.cumsum(axis=1) + reach, 0.0)
    ratio = np.where(np.isfinite(ratio), ratio, 0.0)
    steps = np.maximum(np.diff(ratio, axis=1, prepend=0.0), 0.0)
    found[basic] = np.where(never, np.inf, (steps * left).sum(axis=1))
    return found
