"""A whole walk: to where no step leads on, and back onto the preimage to rounding."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.approach import approached
from unrelu.metamerism.walk.by_products import walk_by_products
from unrelu.metamerism.walk.local_model import LocalModel
from unrelu.metamerism.walk.piece import AT_ONCE, best_on_piece
from unrelu.metamerism.walk.restoring import KEPT, restored
from unrelu.metamerism.walk.walk import SETTLED, Walked, walk
from unrelu.metamerism.walk.walk_end import WalkEnd
from unrelu.solvers.status import Status
from unrelu.stability.pattern import activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.found import Found
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.progress import Advance

ON_WAYS = (1e-2, 1e-5)
"""By what part of the largest feature walks may be off on their way: wide steps first."""

LEAST = 1e-9
"""A distance that is less by a smaller part than this is no better than that of the original."""

SMALL = 2**20
"""Numbers in the rows of a piece up to which more than one walk is tried, and its program is solved exactly."""

_HOPS = 30

_FEW = 60
"""Steps of a walk that programs on pieces follow."""

_MOST = 500
"""Steps of others."""

FEW = 32
"""Times as many coordinates as equations, from which on features can be had near the target too.

It went with 48 and 307 times (ResNet-20, pooled and scores); with 23 (WideCIFAR, relu7) steps from there end in kinks,
with features off by a twentieth."""

_APPROACHING, _RESTORABLE = 0.5, 0.1
"""The part of the time for getting them there, and how far they may be off then, as a part of the largest."""

_WALKING = 0.6
"""The part of the time for the walk itself, where putting its end back onto the preimage takes long."""


def walk_to_end(
    statement: WalkStatement,
    *,
    start: WalkEnd | None = None,
    deadline: float = math.inf,
    advance: Advance = lambda steps: None,
) -> WalkEnd:
    """The best input that walks lead to, with its features to `KEPT`; x0, or a better start, where none does better.

    Args:
        statement: what is kept and wanted.
        start: an input from which walks go on as well; see `start_of`.
        deadline: of `time.monotonic`.
        advance: told of each step.
    """
    x0 = statement.origin
    stay = WalkEnd(x0.copy(), statement.distance(x0), 0, 0, Status.LOCAL, x0[None].copy())
    if start is not None and not is_better(statement, start, stay, LEAST):
        start = None
    if not statement.fits:
        return walk_by_products(statement, start or stay, deadline=deadline, advance=advance)
    if start is None:
        return _from_original(statement, stay, deadline, advance)
    if statement.is_costly:
        try:
            near = _near_target(statement, deadline) if _may_begin_at_target(statement) else None
        except KeyboardInterrupt:
            return replace(start, status=Status.INTERRUPTED)
        if near is not None and is_better(statement, near, start, LEAST):
            start = near
        return _on_and_on(statement, start, deadline, advance)
    now = time.monotonic()
    half = now + (deadline - now) / 2
    one = _on_pieces(statement, _on_and_on(statement, start, half, advance), half, advance)
    if one.status is Status.INTERRUPTED:
        return one
    other = _from_original(statement, stay, deadline, advance)
    better, worse = (one, other) if is_better(statement, one, other) else (other, one)
    # An end that is worse, and not the last, might have become the better one.
    return better if worse.status is Status.LOCAL else replace(better, status=worse.status)


def start_of(statement: WalkStatement, u: np.ndarray, deadline: float = math.inf) -> WalkEnd | None:
    """A point as a start of walks: put back to where its features are kept; None where that fails.

    Args:
        statement: what is kept.
        u: (d,) in the walk's units, with the features about.
        deadline: of `time.monotonic`, where putting it back takes long.
    """
    error = statement.off(statement.outputs(u))
    if error > KEPT and statement.fits:
        u, error = restored(statement, u, deadline if statement.is_costly else math.inf)
    if error > KEPT:
        return None
    x = statement.input(u)
    return WalkEnd(x, statement.distance(x), 0, 0, Status.LOCAL, np.zeros((0, x.size)))


def _from_original(statement: WalkStatement, best: WalkEnd, deadline: float, advance: Advance) -> WalkEnd:
    """Where walks from x0 lead, which is the best so far."""
    along = _far_corner(statement) if statement.objective == "farthest" else None
    now = time.monotonic()
    until = _until(statement, deadline)
    between = statement.low < statement.high
    between &= np.isfinite(statement.low)
    if between.any():  # exactly the same features are allowed too, and are better conditioned
        middle = np.where(between, (statement.low + statement.high) / 2, statement.high)
        exact = replace(statement, low=np.where(between, middle, statement.low), high=middle)
        found = walk_to_end(exact, deadline=now + (until - now) / 2, advance=advance)
        if found.status is Status.INTERRUPTED:
            return found
        if is_better(statement, found, best, LEAST):
            best = found
    if _may_begin_at_target(statement):
        try:
            begun = _near_target(statement, deadline)
        except KeyboardInterrupt:
            return replace(best, status=Status.INTERRUPTED)
        if begun is not None and is_better(statement, begun, best, LEAST):
            return _on_and_on(statement, begun, deadline, advance)
    for on_way in ON_WAYS:
        if time.monotonic() >= deadline:
            return replace(best, status=Status.TIME_LIMIT)
        most = _FEW if statement.norm == math.inf and _has_programs(statement) else _MOST
        until = _until(statement, deadline)
        state = walk(statement, on_way=on_way, deadline=until, advance=advance, along=along, most=most)
        found = _put_back(statement, state, deadline)
        if found is not None and is_better(statement, found, best, LEAST):
            best = found
            if statement.is_costly and _status(state, until) is Status.TIME_LIMIT:
                return _on_and_on(statement, best, deadline, advance)
        status = _status(state, until)
        if status is not Status.LOCAL:  # so that another end may be near
            best = replace(best, status=status)
        if status is Status.INTERRUPTED:
            return best
        if found is not None and statement.origin.size * int(np.isfinite(statement.low).sum()) > SMALL:
            break
    return _on_pieces(statement, best, deadline, advance)


def _until(statement: WalkStatement, deadline: float) -> float:
    """When a walk shall end, so that there is time to put its end back."""
    if not (statement.is_costly and math.isfinite(deadline)):
        return deadline
    now = time.monotonic()
    return now + _WALKING * (deadline - now)


def _may_begin_at_target(statement: WalkStatement) -> bool:
    """Whether a place near the target is looked for first: where that takes a part of a long walk's time."""
    equations = int((statement.low == statement.high).sum())
    boxed = not len(statement.domain.A_eq) and not len(statement.domain.A_ub)
    return (
        statement.objective == "nearest" and statement.is_costly and boxed and FEW * equations <= statement.origin.size
    )


def _near_target(statement: WalkStatement, deadline: float) -> WalkEnd | None:
    """An input with the features near the target, where Gauss-Newton steps from there find one in time."""
    now = time.monotonic()
    until = now + _APPROACHING * (deadline - now) if math.isfinite(deadline) else deadline
    target = statement.walked(np.clip(statement.target, statement.domain.lower, statement.domain.upper))
    u, off = approached(statement, target, close=1e-6, deadline=until)
    return None if off > _RESTORABLE else start_of(statement, u, deadline)


def _on_and_on(statement: WalkStatement, best: WalkEnd, deadline: float, advance: Advance) -> WalkEnd:
    """Walks from where the last one ended, put back each time, until no step leads on or the time is over."""
    shape = statement.network.input_shape
    while time.monotonic() < deadline:
        u, until = statement.walked(best.x), _until(statement, deadline)
        pattern = activation_pattern(statement.network, best.x.reshape(shape))
        state = Walked(u, 0.0, pattern, best.steps, best.crossed, [u])
        state = walk(statement, start=state, deadline=until, advance=advance, most=best.steps + _MOST)
        found = _put_back(statement, state, deadline)
        status = _status(state, until)
        if found is None or not is_better(statement, found, best, SETTLED):
            return replace(best, status=status)
        way = np.concatenate([best.points, found.points[1:]]) if len(best.points) else best.points
        best = replace(found, status=status, points=way)
        if status is not Status.TIME_LIMIT:
            return best
    return replace(best, status=Status.TIME_LIMIT)


def _on_pieces(statement: WalkStatement, best: WalkEnd, deadline: float, advance: Advance) -> WalkEnd:
    """From piece to piece by exact programs, where they are small: each goes on behind the kinks that held the last."""
    network = statement.network
    if not _has_programs(statement):
        return best
    for _ in range(_HOPS):
        model = LocalModel(network, activation_pattern(network, best.x.reshape(network.input_shape)), best.x)
        left = deadline - time.monotonic()
        if left <= 0:
            return replace(best, status=Status.TIME_LIMIT)
        point = best_on_piece(statement, model, left).point
        if point is None:
            return best
        u = statement.walked(point)
        state = Walked(u, 0.0, model.pattern, best.steps + 1, best.crossed, [statement.walked(best.x), u])
        state = walk(
            statement, start=state, on_way=ON_WAYS[-1], deadline=deadline, advance=advance, most=state.steps + _FEW
        )
        status = _status(state, deadline)
        found = _put_back(statement, state, deadline)
        if found is None or not is_better(statement, found, best, SETTLED):
            # The piece's best point is no better, nor is what a few steps from it lead to.
            return replace(best, status=Status.LOCAL if status is Status.ITERATION_LIMIT else status)
        best = replace(found, status=status, points=np.concatenate([best.points, found.points[1:]]))
        if status is Status.INTERRUPTED:
            return best
    return best


def _status(state: Walked, deadline: float) -> Status:
    """How a walk ended."""
    if state.interrupted:
        return Status.INTERRUPTED
    if state.ended:
        return Status.LOCAL
    return Status.TIME_LIMIT if time.monotonic() >= deadline else Status.ITERATION_LIMIT


def _has_programs(statement: WalkStatement) -> bool:
    """Whether programs on pieces are worth their while: those with corners, where walks come near slowly."""
    rows = int((statement.low == statement.high).sum()) + AT_ONCE
    return statement.objective == "nearest" and statement.norm != 2 and rows * statement.origin.size <= SMALL


def _put_back(statement: WalkStatement, state: Walked, deadline: float) -> WalkEnd | None:
    """The end of a walk on the preimage; of ends that cannot be put back, an earlier point."""
    points = state.points
    last = len(points) - 1
    limit = deadline if statement.is_costly else math.inf  # else it takes no time
    while last > 0:
        u, error = restored(statement, points[last], limit)
        if error <= KEPT:
            x = statement.input(u)
            return WalkEnd(
                x,
                statement.distance(x),
                state.steps,
                state.crossed,
                Status.LOCAL,
                np.stack([statement.input(each) for each in points[: last + 1]]),
            )
        last = last // 2
    return None


def is_better(statement: WalkStatement, one: WalkEnd | Found, other: WalkEnd | Found, by: float = 0.0) -> bool:
    """Whether one end is nearer than another, or farther where that is wanted, by more than a part of the distance."""
    gain = other.distance - one.distance
    return (gain if statement.objective == "nearest" else -gain) > by * max(one.distance, other.distance)


def _far_corner(statement: WalkStatement) -> np.ndarray:
    """Where to go from a target that is the origin: towards the farther end of each coordinate."""
    lower, upper = statement.bounds
    return np.where(np.abs(lower) > np.abs(upper), -1.0, 1.0)
