"""Sequential quadratic programming along a preimage."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.behind import pattern_behind
from unrelu.metamerism.walk.local_model import LocalModel, OutOfTime
from unrelu.metamerism.walk.program_rows import ProgramRows
from unrelu.metamerism.walk.step import step
from unrelu.stability.pattern import ActivationPattern, activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.progress import Advance

ON_WAY = 1e-2
"""Features may be off by this part of the largest while a walk is on its way."""

SETTLED = 1e-6
"""A step that brings a target nearer by less than this part of the distance is the last."""

_REFUSED, _AGAIN = 2, 8
"""Where rows of another point were no good for a further step so many times, they are tried every so many steps."""

_COSTLY_REACH = 0.06
"""Of first steps where programs are large: those of long steps take long, and are refused."""


@dataclass(eq=False)
class Walked:
    """Where a walk is.

    Attributes:
        u: (d,) the point, in units of the walk.
        value: of the distance there.
        pattern: the branches whose piece it is on.
        steps: how many led there.
        crossed: how many units changed their branch on the way, counted each time.
        points: the points of all steps.
        ended: whether no step leads on.
        interrupted: whether it was stopped by hand.
    """

    u: np.ndarray
    value: float
    pattern: ActivationPattern
    steps: int = 0
    crossed: int = 0
    points: list[np.ndarray] = field(default_factory=list)
    ended: bool = False
    interrupted: bool = False


def walk(
    statement: WalkStatement,
    *,
    start: Walked | None = None,
    on_way: float = ON_WAY,
    deadline: float = math.inf,
    most: int = 500,
    advance: Advance = lambda steps: None,
    along: np.ndarray | None = None,
) -> Walked:
    """From x0 along the inputs with its features, step by step towards what is wanted.

    Each step solves a proximal program over the affine maps of the present piece: the outputs' rows always, guards of
    units only where the step crosses kinks that spoil it (up to `HELD` of them; else the step is made shorter). What
    the outputs are off after a step is given back to the program, with the same rows. A step that ends at kinks which
    hold it back goes on in the piece behind them: on a kink both branches agree, so nothing is lost.

    Args:
        statement: what is kept and wanted.
        start: where to go on from; x0 if None.
        on_way: by what part of the largest feature features may be off after each step.
        deadline: of `time.monotonic`.
        most: steps.
        advance: told of each step.
        along: (d,) where a farthest point goes that begins at its target.
    """
    state = start
    if state is None:
        u = np.zeros(statement.origin.size)
        pattern = activation_pattern(statement.network, statement.origin.reshape(statement.network.input_shape))
        state = Walked(u, 0.0, pattern, points=[u])
    state.value = statement.near(state.u, along).value(state.u)
    try:
        _go(
            state,
            statement,
            on_way=on_way,
            deadline=deadline,
            most=most,
            advance=advance,
            along=along,
        )
    except KeyboardInterrupt:
        state.interrupted = True
    except OutOfTime:
        pass
    return state


def _go(
    state: Walked,
    statement: WalkStatement,
    *,
    on_way: float,
    deadline: float,
    most: int,
    advance: Advance,
    along: np.ndarray | None,
) -> None:
    """Walk on until nothing leads on, or the time is over."""
    reach, widest, fruitless, refused = 1.0, 8.0, 0, 0
    held: ProgramRows | None = None
    pull: np.ndarray | None = None
    for _ in range(3 * most):
        if state.steps >= most or time.monotonic() >= deadline:
            break
        distance = statement.near(state.u, along)
        if held is None:
            model = LocalModel(statement.network, state.pattern, statement.input(state.u), deadline, statement.rough)
            held = ProgramRows(statement, model, pull)
            reach = min(reach, _COSTLY_REACH) if statement.is_costly and not state.steps else reach
        trial, shorter = step(statement, held, state.value, distance, reach, on_way=on_way, deadline=deadline)
        pull = held.pull
        if held.stale:
            refused = 0 if trial is not None else refused + 1
        if trial is None and held.stale:
            held = None  # rows of the point where it is may lead on
            continue
        if trial is None:
            held.multipliers = np.zeros_like(held.multipliers)
            reach /= 3 if shorter else 16
            if reach < 1e-8:
                state.ended = True
                break
            continue
        gain = state.value - trial.value
        walls = trial.walls
        if gain > SETTLED * max(abs(state.value), SETTLED):
            fruitless = 0
        elif held.stale:
            held = None
            continue
        elif not walls.size and reach < widest:
            reach, widest = widest, reach  # what holds it back is the proximal term
            continue
        elif fruitless or not walls.size:
            state.ended = True
            break
        else:
            fruitless += 1
        before = state.pattern
        if gain > 0:
            state.u, state.steps = trial.u, state.steps + 1
            state.points.append(trial.u)
        state.value = statement.near(state.u, along).value(state.u)
        state.pattern = pattern_behind(statement, held.model, trial, walls, moved=gain > 0)
        state.crossed += _changed(before, state.pattern)
        advance(1)
        reach = min(
            reach * trial.part * float(np.clip(0.8 * math.sqrt(on_way / max(trial.off, 1e-300)), 0.5, 2.0)), 8.0
        )
        if statement.is_costly and gain > 0 and (refused < _REFUSED or state.steps % _AGAIN == 0):
            held.move_to(state.u)
        else:
            held = None


def _changed(one: ActivationPattern, other: ActivationPattern) -> int:
    return sum(int((one.branches[name] != other.branches[name]).sum()) for name in one.names)
