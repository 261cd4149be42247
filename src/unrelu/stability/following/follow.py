"""Following a direction through linear regions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError, ShapeError
from unrelu.frozen_arrays import freeze
from unrelu.network.arrays import Array, as_numpy, as_tensor
from unrelu.network.expected import expect_network
from unrelu.progress import Progress, resolve_progress
from unrelu.rigor.rounding import UNIT
from unrelu.stability.following.line import Ahead, Line
from unrelu.stability.following.next_event import Ties
from unrelu.stability.following.path import Breakpoint, Flip, RegionPath
from unrelu.stability.following.singular_direction import smallest_direction
from unrelu.stability.following.threads import all_threads_are_ieee

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.stability.pattern import ActivationPattern

_MERGES = 1000  # events nearer to each other than their errors that are joined before the path gives up


def follow(
    prefix: Network,
    at: Array,
    direction: Array | None = None,
    n_regions: int = 10,
    *,
    turn: bool = False,
    nonzero: bool = True,
    progress: Progress | bool | None = None,
) -> RegionPath:
    """Follow a direction from a point through linear regions, exactly.

    In each region the features move at a constant velocity `J v`; the path goes on where the first neuron changes.
    Rounding errors are estimated (see `stability.following.line`). Neurons that change within them of each other are
    one breakpoint; what is active behind it is decided layer by layer, by one-sided derivatives. Whether a piece's
    pattern is right is then proved, where bounds of the rounding errors are tight enough for that.

    Args:
        prefix: a network, usually `net.upto("relu3")`.
        at: the point, of the network's input shape.
        direction: of the input shape; scaled to length 1. By default the right singular vector of the smallest
            singular value of the Jacobian at the point (either sign is one; that with a positive greatest entry).
        n_regions: how many regions to go through, the first included.
        turn: whether to choose the direction of the smallest singular value anew in each region, which makes the
            path piecewise linear. Of the two signs, that which leads into the new region.
        nonzero: for the default direction and for `turn`: whether the smallest *non-zero* singular value is meant.
        progress: see `unrelu.progress.resolve_progress`.

    Raises:
        InputError: if the point or the direction has another shape or is not finite, if the direction is zero, if
            n_regions is not positive, if both a direction and `turn` are given, or if the Jacobian is zero.
        TooLarge: if a direction has to be found and the Jacobian does not fit in memory.
        ModelError: if a number overflows, or a node is neither affine nor piecewise linear.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> path = follow(net.upto("relu1"), at=np.array([1.0]), direction=np.array([-1.0]))
    >>> path.breakpoints[0].t, path.breakpoints[0].flips[0]
    (1.0, Flip(layer='relu1', neuron=0, active=False))
    >>> path.velocities.tolist(), path.end
    ([[-1.0, 0.0], [0.0, 1.0]], inf)
    """
    expect_network(prefix)
    if n_regions < 1:
        raise InputError(f"n_regions must be 1 or more, not {n_regions}.")
    if turn and direction is not None:
        raise InputError("with turn=True the directions are those of the smallest singular values; give none.")
    point = as_tensor(at, "the point", prefix.device)
    if tuple(point.shape) != prefix.input_shape:
        raise ShapeError(
            f"the point has shape {tuple(point.shape)}, but the network takes samples of shape {prefix.input_shape}; "
            "give one sample, without a batch axis."
        )
    pieces, provable = _Pieces(), all_threads_are_ieee()
    with resolve_progress(progress).stage("regions", n_regions) as advance:
        line = Line(prefix, point, _first_direction(prefix, point, direction, nonzero))
        here = line.ahead(0.0)
        while True:
            arrival = _arrive(line, here)
            confirmed = provable and _confirmed(line, here, arrival)
            pieces.add(line, here, arrival, confirmed)
            advance(1)
            if arrival is None:
                stopped = "the last region has no end in this direction" if confirmed else "no change was found ahead"
                return pieces.path(prefix, stopped)
            if len(pieces.starts) == n_regions:
                return pieces.path(prefix, "as many regions as asked")
            if arrival.stuck:
                return pieces.path(prefix, "changes follow each other more closely than rounding can tell")
            there = _turned(line, arrival, nonzero) if turn else (line, arrival.ahead)
            if there is None:
                stopped = "neither sign of the smallest singular direction leads into the next region"
                return pieces.path(prefix, stopped)
            pieces.done += arrival.ahead.t if turn else 0.0
            line, here = there


@dataclass(frozen=True, eq=False)
class _Arrival:
    """Where a piece ends: just ahead of its breakpoint."""

    ahead: Ahead
    error: float
    ties: Ties
    flips: tuple[Flip, ...]
    stuck: bool


def _arrive(line: Line, here: Ahead) -> _Arrival | None:
    """The first point ahead behind which the pattern is another; None if there is none."""
    ahead, flips, t, error, ties = here, (), here.t, 0.0, {}
    for _ in range(_MERGES):
        event = ahead.event
        if not math.isfinite(event.after):
            return None
        t += event.after
        error = max(error, event.error) + 8 * UNIT * t
        ties = _either(ties, event.ties)
        ahead = line.ahead(t, ties, error)
        flips = _flips(here.pattern, ahead.pattern)
        alone = ahead.event.after > error + ahead.event.error
        if flips and alone:
            return _Arrival(ahead, error, ties, flips, stuck=False)
        if alone:  # touched without crossing: what is ahead counts from there
            error, ties = 0.0, {}
    return _Arrival(ahead, error, ties, flips, stuck=True)


def _confirmed(line: Line, here: Ahead, arrival: _Arrival | None) -> bool:
    """Whether the pattern is proved just inside both ends of a piece, or from there on where it has no end."""
    start, stop = here.t, math.inf if arrival is None else arrival.ahead.t
    length = 1.0 + abs(start) if arrival is None else stop - start
    room = 0.0 if arrival is None else arrival.error
    for share in (1e-3,) if arrival is None else (1e-3, 0.999):
        t = start + share * length
        if not (start < t < stop - room):
            return False
        inner = line.ahead(t, bounded=True)
        if not (inner.sure and inner.pattern.same_as(here.pattern)):
            return False
        if arrival is None and not inner.lasting:
            return False
    return True


def _turned(line: Line, arrival: _Arrival, nonzero: bool) -> tuple[Line, Ahead] | None:
    """The next piece along the smallest singular direction of the region ahead."""
    pattern, t = arrival.ahead.pattern, arrival.ahead.t
    corner = line.origin + t * line.direction
    found = smallest_direction(line.network, pattern, nonzero=nonzero)
    v = torch.from_numpy(found).to(corner.device).reshape(corner.shape)
    v = v if float((v * line.direction).sum()) >= 0 else -v
    for signed in (v, -v):
        ahead = (next_ := line.turned(corner, signed)).ahead(0.0, arrival.ties, arrival.error)
        if ahead.pattern.same_as(pattern):
            return next_, ahead
    return None


def _first_direction(prefix: Network, point: Tensor, direction: Array | None, nonzero: bool) -> Tensor:
    if direction is None:
        pattern = Line(prefix, point, torch.zeros_like(point)).ahead(0.0).pattern
        found = smallest_direction(prefix, pattern, nonzero=nonzero)
        return torch.from_numpy(found).to(point.device).reshape(point.shape)
    v = as_numpy(direction, "the direction")
    if v.shape != prefix.input_shape:
        raise ShapeError(
            f"the direction has shape {v.shape}, but the network takes samples of shape {prefix.input_shape}; give it "
            "that shape."
        )
    norm = float(np.linalg.norm(v / (np.abs(v).max(initial=0.0) or 1.0)))
    if norm == 0:
        raise InputError("the direction is zero; give one that leads somewhere, or none.")
    return torch.from_numpy(v / np.abs(v).max() / norm).to(point.device)


def _flips(before: ActivationPattern, after: ActivationPattern) -> tuple[Flip, ...]:
    found: list[Flip] = []
    for layer in before.layers:
        old, new = before.branches[layer].ravel(), after.branches[layer].ravel()
        found.extend(Flip(layer, int(k), bool(new[k] > old[k])) for k in np.flatnonzero(old != new))
    for pool in before.choices:
        old, new = before.branches[pool].ravel(), after.branches[pool].ravel()
        found.extend(Flip(pool, int(k), None) for k in np.flatnonzero(old != new))
    return tuple(found)


def _either(one: Ties, other: Ties) -> Ties:
    joined = dict(one)
    for name, mask in other.items():
        joined[name] = joined[name] | mask if name in joined else mask
    return joined


@dataclass(eq=False)
class _Pieces:
    """Collects the pieces of a path."""

    done: float = 0.0
    starts: list[float] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)
    directions: list[np.ndarray] = field(default_factory=list)
    features: list[np.ndarray] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    velocities: list[np.ndarray] = field(default_factory=list)
    breakpoints: list[Breakpoint] = field(default_factory=list)
    confirmed: list[bool] = field(default_factory=list)

    def add(self, line: Line, here: Ahead, arrival: _Arrival | None, confirmed: bool) -> None:
        self.starts.append(self.done + here.t)
        self.points.append((line.origin + here.t * line.direction).cpu().numpy())
        self.directions.append(line.direction.cpu().numpy())
        self.features.append(here.output.value[0].cpu().numpy())
        self.errors.append(float(here.output.error.norm()))
        self.velocities.append(here.output.slope[0].cpu().numpy())
        self.confirmed.append(confirmed)
        if arrival is not None:
            self.breakpoints.append(Breakpoint(self.done + arrival.ahead.t, arrival.error, arrival.flips))

    def path(self, prefix: Network, stopped: str) -> RegionPath:
        arrays = [
            np.array(each)
            for each in (
                self.starts,
                self.points,
                self.directions,
                self.features,
                self.errors,
                self.velocities,
                self.confirmed,
            )
        ]
        freeze(tuple(arrays))
        starts, points, directions, features, errors, velocities, confirmed = arrays
        return RegionPath(
            starts,
            points,
            directions,
            features,
            errors,
            velocities,
            tuple(self.breakpoints),
            confirmed,
            prefix,
            stopped,
        )
