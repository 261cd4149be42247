"""The part of a preimage on one piece of the network, with as many rows as its best point needs."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.equations import Equations
from unrelu.polyhedra.nearest import NearestPoint, nearest_point
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.metamerism.walk.local_model import LocalModel
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.polyhedra.farthest import FarthestPoint
    from unrelu.polyhedra.polyhedron import Polyhedron

AT_ONCE = 150
"""Rows that are added where a point breaks them."""

BROKEN = 1e-12
"""A row is broken beyond this part of what its numbers are made of, which is more than rounding."""


def piece_of(statement: WalkStatement, model: LocalModel, places: np.ndarray | None = None) -> Polyhedron:
    """`{ x in D : low <= G(x) <= high }` on the closed piece of a model, by some of its rows.

    Equations are in orthonormal rows (`Equations`): those of deep layers depend on each other, or nearly so.

    Args:
        statement: what is kept.
        model: the piece, about one of its points.
        places: the one-sided rows that count, of the outputs and guards; None for all.
    """
    m = model.n_outputs
    rows = RowCollection(model.at)
    equal = np.flatnonzero(statement.low == statement.high)
    equations = Equations.of(model.rows(equal))
    rows.equal(equations.rows, equations.mix @ (statement.high - model.values[:m])[equal])
    chosen = np.setdiff1d(np.arange(len(model.values)) if places is None else places, equal)
    outputs = chosen[chosen < m]
    for sign, end in ((1.0, statement.high), (-1.0, statement.low)):
        here = outputs[np.isfinite(end[outputs])]
        _moving(rows, sign * model.rows(here), sign * (end - model.values[:m])[here])
    guards = chosen[chosen >= m]
    _moving(rows, -model.rows(guards), model.values[guards])
    rows.about(statement.domain)
    return rows.polyhedron()


def best_on_piece(
    statement: WalkStatement, model: LocalModel, time_limit: float = math.inf
) -> NearestPoint | FarthestPoint:
    """The best point of a piece, by row generation: a region of a large network has more rows than fit.

    A point of fewer rows that keeps all of them is the best of all, and so is its bound.

    Returns:
        What was found; without a point where it took too long. Bounds hold all the same: rows that are missing only
        make the set larger.
    """
    deadline = time.monotonic() + time_limit
    m = model.n_outputs
    low, high = np.full(len(model.values), 0.0), np.full(len(model.values), math.inf)
    low[:m], high[:m] = statement.low, statement.high
    used = np.zeros(0, dtype=np.int64)
    clipped = np.clip(statement.target, statement.domain.lower, statement.domain.upper)
    used = np.union1d(used, _broken(model.values_at(clipped), low, high, used))
    while True:
        polyhedron = piece_of(statement, model, used)
        left = max(0.0, deadline - time.monotonic())
        if statement.objective == "nearest":
            found = nearest_point(polyhedron, statement.target, statement.norm, time_limit=left)
        else:
            found = polyhedron.farthest(statement.target, statement.norm, time_limit=left)
        if found.point is None:
            return found
        new = _broken(model.values_at(found.point), low, high, used)
        if not new.size:
            return found
        if time.monotonic() > deadline:
            return (
                replace(found, point=None, status=Status.TIME_LIMIT)
                if isinstance(found, NearestPoint)
                else replace(found, point=None)
            )
        used = np.union1d(used, new)


def _broken(values: np.ndarray, low: np.ndarray, high: np.ndarray, used: np.ndarray) -> np.ndarray:
    over = np.maximum(values - high, low - values)
    over[used] = 0.0
    over[low == high] = 0.0
    room = BROKEN * np.maximum(1.0, np.abs(np.where(np.isfinite(low), low, high)))
    places = np.flatnonzero(over > room)
    return places[np.argsort(-over[places], kind="stable")[:AT_ONCE]]


def _moving(rows: RowCollection, matrix: np.ndarray, right: np.ndarray) -> None:
    moving = matrix.any(axis=1)
    rows.at_most(matrix[moving], right[moving])
