"""Metamers of prefixes with several layers: in the region of the original, and by walks."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.found import Found
from unrelu.metamerism.on_layer import from_farthest, from_nearest
from unrelu.metamerism.walk.local_model import LocalModel
from unrelu.metamerism.walk.piece import best_on_piece
from unrelu.metamerism.walk.walking import walk_to_end
from unrelu.polyhedra.nearest import OPTIMALITY_TOLERANCE, NearestPoint
from unrelu.rigor.rounding import UNIT
from unrelu.solvers.status import Status
from unrelu.stability.jacobian import check_size
from unrelu.stability.pattern import activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.metamerism.walk.walk_end import WalkEnd
    from unrelu.progress import Progress


def metamer_in_region(statement: WalkStatement, time_limit: float) -> Found:
    """The best metamer in the closed linear region of the original.

    Args:
        statement: what is kept and wanted.
        time_limit: seconds.

    Raises:
        InputError: if the farthest is infinitely far.
        SolverFailure: if no point was found, though the original is one.
        TooLarge: if the rows of the features would take more memory than allowed.
        UnsupportedOperator: if a node is smooth.
    """
    x0, wanted, norm = statement.origin, statement.target, statement.norm
    network = statement.network
    check_size(", ".join(statement.prefix.outputs), int(np.isfinite(statement.low).sum()), x0.size)
    for node in statement.prefix.nodes[1:]:
        if not node.is_affine:
            _ = node.piecewise  # a smooth one has no region: its linearization keeps no features
    deadline = time.monotonic() + time_limit
    model = LocalModel(network, activation_pattern(network, x0.reshape(network.input_shape)), x0)
    best = best_on_piece(statement, model, time_limit)
    if isinstance(best, NearestPoint):
        found = from_nearest(best, x0, wanted, norm)
    else:
        found = from_farthest(best, x0, wanted, norm, late=time.monotonic() >= deadline)
    radius = 0.0 if np.array_equal(found.point, x0) else math.inf
    return Found(found.point, found.distance, found.bound, radius, found.status, regional=True)


def outward(distance: float | np.floating, d: int, objective: str) -> float:
    """A distance of d numbers as it was computed, as a bound: what rounding may have added or taken is taken off.

    >>> outward(1.0, 2, "nearest") < 1.0 < outward(1.0, 2, "farthest")
    True
    """
    room = 4 * (d + 8) * UNIT  # more than a sum of so many terms may be off
    return float(np.nextafter(distance * (1 - room), 0.0) if objective == "nearest" else distance * (1 + room))


def metamer_by_walk(
    statement: WalkStatement, time_limit: float, progress: Progress, start: WalkEnd | None = None
) -> Found:
    """The metamer that walks along the preimage end at.

    Args:
        statement: what is kept and wanted.
        time_limit: seconds.
        progress: where to show the steps.
        start: an input from which walks go on too.
    """
    deadline = time.monotonic() + time_limit
    with progress.stage("steps towards the target", None) as advance:
        end = walk_to_end(statement, start=start, deadline=deadline, advance=advance)
    if statement.objective == "nearest":
        clipped = np.clip(statement.target, statement.domain.lower, statement.domain.upper)
        bound = outward(np.linalg.norm(clipped - statement.target, ord=statement.norm), clipped.size, "nearest")
    else:
        ends = np.maximum(
            np.abs(statement.domain.lower - statement.target), np.abs(statement.domain.upper - statement.target)
        )
        bound = outward(np.linalg.norm(ends, ord=statement.norm), ends.size, "farthest")
    at_original = np.array_equal(end.x, statement.origin)
    size = min(1.0, float(np.maximum(np.abs(end.x), np.abs(statement.target)).max(initial=0.0)))
    met = abs(end.distance - bound) <= OPTIMALITY_TOLERANCE * max(size, end.distance)
    status = Status.OPTIMAL if met else end.status
    return Found(
        end.x,
        end.distance,
        min(bound, end.distance) if statement.objective == "nearest" else max(bound, end.distance),
        0.0 if at_original else math.inf,
        status,
        steps=end.steps,
        crossed=end.crossed,
        waypoints=end.points,
    )
