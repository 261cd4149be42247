"""One step of a walk."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.program_rows import HELD, NEAR

if TYPE_CHECKING:
    from unrelu.metamerism.walk.distances import Distance
    from unrelu.metamerism.walk.program_rows import ProgramRows
    from unrelu.metamerism.walk.statement import WalkStatement

CORRECTIONS = 3
"""Times that a step is taken back to where the features are kept."""

HELD_AT_ONCE = 30
"""Guards that are added at once to a program whose step crosses too much."""

_HALVES = 8


@dataclass(frozen=True, eq=False)
class Trial:
    """What a program over one piece's rows leads to.

    Attributes:
        u: (d,).
        value: of the distance.
        predicted: of the distance by the first program.
        off: by how much the worst output is off, as a part of the largest feature.
        guards: rows of the guards that it keeps.
        walls: those of them that it leans on.
        model_values: of all rows, by the affine maps of the piece; before the step, where only a part of it was taken.
        part: of the step that was taken.
    """

    u: np.ndarray
    value: float
    predicted: float
    off: float
    guards: np.ndarray
    walls: np.ndarray
    model_values: np.ndarray
    part: float = 1.0


def step(
    statement: WalkStatement,
    held: ProgramRows,
    value: float,
    distance: Distance,
    reach: float,
    *,
    on_way: float,
    deadline: float,
) -> tuple[Trial | None, bool]:
    """The step that some rows lead to; None where it has to be shorter, and whether a little.

    Args:
        statement: what is kept.
        held: the rows, about the point where the step begins; guards are added to them.
        value: of the distance there.
        distance: what is made small.
        reach: of the proximal term.
        on_way: by what part of the largest feature features may be off after it.
        deadline: of `time.monotonic`.
    """
    model = held.model
    m = model.n_outputs
    close = 1e-4 * on_way
    begin = statement.outputs(held.center) - held.base[:m] if held.stale else np.zeros(m)
    predicted: float | None = None
    while time.monotonic() < deadline:
        z = held.solve(distance, reach, begin, close=close, deadline=deadline)
        seen = model.values_at(statement.input(z))
        if held.add(_worst(seen[:m] - statement.high, held.has[:m], 50)):
            continue
        if predicted is None:
            predicted = distance.value(z)
        whole = z
        crossed = _worst(-seen[m:], held.has[m:], len(seen), NEAR * held.size[m:]) + m
        actual = statement.outputs(z)
        off = statement.off(actual)
        first = held.multipliers
        for _ in range(CORRECTIONS):
            if off <= on_way or not (held.stale or crossed.size) or time.monotonic() > deadline:
                break
            z = held.solve(distance, reach, actual - seen[:m], close=close, deadline=deadline)
            seen, actual = model.values_at(statement.input(z)), statement.outputs(z)
            before, off = off, statement.off(actual)
            if off > 0.7 * before:
                break
        reached = distance.value(z)
        good = off <= on_way and reached <= value - 0.1 * (value - predicted)
        if held.stale:
            return (Trial(z, reached, predicted, off, held.places, crossed[:0], seen), False) if good else (None, True)
        if statement.is_costly and not good and len(crossed) > 4 * HELD:
            return _part_of_it(statement, held, distance, value, whole, on_way / 4), True
        if not crossed.size and (off > on_way or held.residual > max(1e-6, close)):
            return None, True  # the program was not solved
        if good or not crossed.size:
            walls = held.leaned_on
            return Trial(z, reached, predicted, off, held.places, walls[walls >= m], seen), False
        if held.n_guards + min(len(crossed), HELD_AT_ONCE) > HELD or len(crossed) > 4 * HELD:
            return None, len(crossed) < 16 * HELD
        held.multipliers = first
        held.add(crossed[:HELD_AT_ONCE])
    return None, True


def _part_of_it(
    statement: WalkStatement, held: ProgramRows, distance: Distance, value: float, z: np.ndarray, on_way: float
) -> Trial | None:
    """The longest part of a step, halved again and again, after which the features are near enough."""
    part = 1.0
    for _ in range(_HALVES):
        part /= 2
        w = held.center + part * (z - held.center)
        off = statement.off(statement.outputs(w))
        if off <= on_way and distance.value(w) < value:
            none = np.zeros(0, dtype=np.int64)
            return Trial(w, distance.value(w), distance.value(z), off, none, none, held.base, part)
    return None


def _worst(broken: np.ndarray, has: np.ndarray, most: int, room: float | np.ndarray = NEAR) -> np.ndarray:
    """The places of the rows that are broken most and are not there yet."""
    found = np.flatnonzero((broken > room) & ~has)
    return found[np.argsort(-broken[found], kind="stable")[:most]]
