"""The piece at the end of a step, behind the kinks that held it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.program_rows import NEAR
from unrelu.stability.pattern import ActivationPattern, activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.local_model import LocalModel
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.metamerism.walk.step import Trial


def pattern_behind(
    statement: WalkStatement, model: LocalModel, trial: Trial, walls: np.ndarray, *, moved: bool
) -> ActivationPattern:
    """The branches at the end of a step, on the other side of its walls.

    Args:
        statement: what is kept.
        model: the piece that the step was on.
        trial: the step.
        walls: the guards that it leans on.
        moved: whether it led anywhere.
    """
    network = statement.network
    x = statement.input(trial.u)
    there = activation_pattern(network, x.reshape(network.input_shape)) if moved else model.pattern
    branches = {name: there.branches[name].reshape(-1).copy() for name in there.names}
    near = np.abs(trial.model_values) <= NEAR
    near[trial.guards] |= np.abs(trial.model_values[trial.guards]) <= 1e-6
    probed: ActivationPattern | None = None
    for (name, units), start in zip(model.units, model.starts, strict=False):
        rows = slice(start, start + len(units))
        old = model.pattern.branches[name].reshape(-1)
        kinked = units[near[rows]]
        branches[name][kinked] = old[kinked]
        here = walls[(walls >= start) & (walls < start + len(units))]
        if not here.size:
            continue
        behind = units[here - start]
        guards = model.pattern.guards(name)
        if network.node(name).is_layer:
            branches[name][behind] = old[behind] + np.where(guards.plus[here - start] >= 0, -1, 1)
            continue
        if probed is None:
            probed = _probe(statement, model, x, walls)
        branches[name][behind] = probed.branches[name].reshape(-1)[behind]
    shaped = {name: array.reshape(there.branches[name].shape) for name, array in branches.items()}
    return ActivationPattern.of(network, shaped, there.local)


def _probe(statement: WalkStatement, model: LocalModel, x: np.ndarray, walls: np.ndarray) -> ActivationPattern:
    """The branches a little behind some walls."""
    rows = model.rows(walls)
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    direction = np.linalg.lstsq(rows, -np.ones(len(rows)), rcond=None)[0]
    step = 1e-7 * statement.unit * direction / max(1.0, float(np.abs(direction).max()))
    return activation_pattern(statement.network, (x + step).reshape(statement.network.input_shape))
