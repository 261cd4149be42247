"""Sequential quadratic programming along a preimage."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.elastic_program import solve_elastic
from unrelu.metamerism.walk.equations import Equations
from unrelu.metamerism.walk.local_model import LocalModel
from unrelu.stability.pattern import ActivationPattern, activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.distances import Distance
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.progress import Advance

ON_WAY = 1e-2
"""Features may be off by this part of the largest while a walk is on its way."""

CORRECTIONS = 3
"""Times that a step is taken back to where the features are kept."""

NEAR = 1e-9
"""Units this near to their kink, in units of the walk, are on it."""

HELD_AT_ONCE = 30
"""Guards that are added at once to a program whose step crosses too much."""

HELD = 400
"""Guards that a program may have; steps that would need more are made shorter instead."""

SETTLED = 1e-6
"""A step that brings a target nearer by less than this part of the distance is the last."""


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
    """

    u: np.ndarray
    value: float
    pattern: ActivationPattern
    steps: int = 0
    crossed: int = 0
    points: list[np.ndarray] = field(default_factory=list)
    ended: bool = False


@dataclass(frozen=True, eq=False)
class _Trial:
    """What a program over one piece's rows leads to.

    Attributes:
        u: (d,).
        value: of the distance.
        predicted: of the distance by the first program.
        off: by how much the worst output is off, as a part of the largest feature.
        guards: rows of the guards that it keeps.
        walls: those of them that it leans on.
        model_values: of all rows, by the affine maps of the piece.
    """

    u: np.ndarray
    value: float
    predicted: float
    off: float
    guards: np.ndarray
    walls: np.ndarray
    model_values: np.ndarray


def walk(
    statement: WalkStatement,
    *,
    start: Walked | None = None,
    crossing: bool = True,
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
        crossing: False to stay on the piece of x0.
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
    reach, widest, fruitless = 1.0, 8.0, 0
    for _ in range(3 * most):
        if state.steps >= most or time.monotonic() >= deadline:
            break
        model = LocalModel(statement.network, state.pattern, statement.input(state.u))
        trial, shorter = _step(statement, model, state, reach, crossing, on_way, deadline, along)
        if trial is None:
            reach /= 3 if shorter else 16
            if reach < 1e-8:
                break
            continue
        gain = state.value - trial.value
        walls = trial.walls if crossing else trial.walls[:0]
        if gain > SETTLED * max(abs(state.value), SETTLED):
            fruitless = 0
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
        state.pattern = _pattern_behind(statement, model, trial, walls, moved=gain > 0)
        state.crossed += _changed(before, state.pattern)
        advance(1)
        reach = min(reach * float(np.clip(0.8 * math.sqrt(on_way / max(trial.off, 1e-300)), 0.5, 2.0)), 8.0)
    return state


def _step(
    statement: WalkStatement,
    model: LocalModel,
    state: Walked,
    reach: float,
    crossing: bool,
    on_way: float,
    deadline: float,
    along: np.ndarray | None,
) -> tuple[_Trial | None, bool]:
    """The step that the rows of one piece lead to; None where it has to be shorter, and whether a little."""
    distance, m = statement.near(state.u, along), model.n_outputs
    held = _Rows(statement, model)
    near_end = (statement.low < statement.high) & (model.values[:m] > statement.high - NEAR)
    between = np.isfinite(statement.low) & (statement.low < statement.high)
    held.add(np.concatenate([np.flatnonzero(near_end | between), _on_kinks(statement, model)]))
    predicted: float | None = None
    while time.monotonic() < deadline:
        z = held.solve(distance, state.u, reach)
        seen = model.values_at(statement.input(z))
        if held.add(_worst(seen[:m] - statement.high, held.has[:m], 50)):
            continue
        if predicted is None:
            predicted = distance.value(z)
        crossed = _worst(-seen[m:], held.has[m:], len(seen), NEAR * held.size[m:]) + m
        actual = statement.outputs(z)
        off = statement.off(actual)
        first = held.multipliers
        for _ in range(CORRECTIONS):
            if off <= on_way or not crossed.size or not crossing:
                break
            z = held.solve(distance, state.u, reach, actual - seen[:m])
            seen, actual = model.values_at(statement.input(z)), statement.outputs(z)
            before, off = off, statement.off(actual)
            if off > 0.7 * before:
                break
        value = distance.value(z)
        good = value <= state.value - 0.1 * (state.value - predicted)
        if not crossed.size and (off > on_way or held.residual > 1e-6):
            return None, True  # the program was not solved
        if (off <= on_way and good and crossing) or not crossed.size:
            walls = held.leaned_on
            return _Trial(z, value, predicted, off, held.places, walls[walls >= m], seen), False
        if crossing and (held.n_guards + min(len(crossed), HELD_AT_ONCE) > HELD or len(crossed) > 4 * HELD):
            return None, len(crossed) < 16 * HELD
        held.multipliers = first
        held.add(crossed[:HELD_AT_ONCE])
    return None, True


class _Rows:
    """The rows that a program has, in the walk's units: equations, the domain's, and one-sided ones of unit size."""

    def __init__(self, statement: WalkStatement, model: LocalModel) -> None:
        self.statement, self.model = statement, model
        total, m = len(model.values), model.n_outputs
        self.low = np.concatenate([statement.low - model.values[:m], -np.maximum(model.values[m:], 0.0)])
        self.high = np.concatenate([statement.high - model.values[:m], np.full(total - m, np.inf)])
        self.has = np.zeros(total, dtype=bool)
        self.size = np.ones(total)
        self.fixed = np.flatnonzero(statement.low == statement.high)
        self.has[self.fixed] = True
        self.equations = Equations.of(model.rows(self.fixed) * statement.unit)
        domain, self.domain_low, self.domain_high = statement.domain_rows
        sizes = np.linalg.norm(domain, axis=1)
        sizes[sizes == 0] = 1.0
        self.domain, self.domain_low, self.domain_high = (
            domain / sizes[:, None],
            self.domain_low / sizes,
            self.domain_high / sizes,
        )
        self.places = np.zeros(0, dtype=np.int64)
        self.rows = np.vstack([self.equations.rows, self.domain])
        self.multipliers = np.zeros(len(self.rows))
        self.residual = 0.0

    @property
    def n_guards(self) -> int:
        return int(self.has[self.model.n_outputs :].sum())

    @property
    def n_first(self) -> int:
        return len(self.rows) - len(self.places)

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
        self.rows = np.vstack([self.rows, rows[moving] / sizes[moving, None]])
        self.multipliers = np.concatenate([self.multipliers, np.zeros(int(moving.sum()))])
        return bool(moving.any())

    def solve(
        self, distance: Distance, center: np.ndarray, reach: float, shift: np.ndarray | None = None
    ) -> np.ndarray:
        """The step that the rows lead to, which are off by a shift (m,) of the outputs."""
        places, size = self.places, self.size[self.places]
        off = np.zeros(self.model.n_outputs) if shift is None else shift
        of_outputs = places < self.model.n_outputs
        more = np.where(of_outputs, off[np.where(of_outputs, places, 0)], 0.0)
        right = self.equations.mix @ (self.low[self.fixed] - off[self.fixed])
        at = self.domain @ center
        solution = solve_elastic(
            distance,
            center,
            reach,
            self.rows,
            np.concatenate([right, self.domain_low - at, (self.low[places] - more) / size]),
            np.concatenate([right, self.domain_high - at, (self.high[places] - more) / size]),
            self.multipliers,
        )
        self.multipliers, self.residual = solution.multipliers, solution.residual
        return solution.point

    @property
    def leaned_on(self) -> np.ndarray:
        """The one-sided rows with multipliers that are not 0."""
        found = np.abs(self.multipliers[self.n_first :])
        return self.places[found > 1e-9 * np.abs(self.multipliers).max(initial=0.0)]


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


def _worst(broken: np.ndarray, has: np.ndarray, most: int, room: float | np.ndarray = NEAR) -> np.ndarray:
    """The places of the rows that are broken most and are not there yet."""
    found = np.flatnonzero((broken > room) & ~has)
    return found[np.argsort(-broken[found], kind="stable")[:most]]


def _pattern_behind(
    statement: WalkStatement, model: LocalModel, trial: _Trial, walls: np.ndarray, *, moved: bool
) -> ActivationPattern:
    """The branches at the end of a step, on the other side of its walls."""
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


def _changed(one: ActivationPattern, other: ActivationPattern) -> int:
    return sum(int((one.branches[name] != other.branches[name]).sum()) for name in one.names)
