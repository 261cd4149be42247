"""From anywhere to where the features are what they shall be, by damped Gauss-Newton steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import lsmr

from unrelu.metamerism.walk.local_model import LocalModel, OutOfTime
from unrelu.metamerism.walk.products import Products
from unrelu.stability.pattern import activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.walk.statement import WalkStatement

_Solve = Callable[[np.ndarray, float], np.ndarray]
"""From the coordinates that may move and the part of the misfit that may be left to a step."""

STEPS = 150
"""Steps at most."""

BY_ROWS = 128
"""Equations up to which rows cost less than products."""

MOST_PRODUCTS = 100
"""Iterations with products for one step."""

FIRST, BOLDER, LEAST = 0.3, 0.3, 1e-8
"""A step leaves the part FIRST of the linearised misfit: weak directions, which move the input far, come in only as
they are needed. Where it gains little it meets kinks, and longer steps lead past more of them: then BOLDER times as
much is left, down to LEAST."""

CLOSELY = 1e-3
"""What steps leave that start near the preimage."""

_LITTLE, _MUCH = 0.8, 0.5
"""What is left of the misfit itself by a step that gained little, and by one that gained much."""

_HALVES = 6

_ROUNDS = 3
"""Times that coordinates which a step would take out of the box are held, and the step is made anew."""

_STALLED, _SLOW = 12, 0.7
"""Steps after which misfits must have come down to this part of what they were."""


def approached(
    statement: WalkStatement, u: np.ndarray, *, close: float, deadline: float = math.inf, exact: bool = False
) -> tuple[np.ndarray, float]:
    """The point near another, in the walk's units, to which Gauss-Newton steps lead.

    They are Levenberg and Marquardt's (1944, 1963) where rows are few, damped so that a part of the linearised misfit
    is left (Eisenstat and Walker's forcing term, Choosing the forcing terms in an inexact Newton method, 1996), and
    else iterations of LSMR (Fong and Saunders, LSMR: an iterative algorithm for sparse least-squares problems, 2011),
    which need products only, up to that part. Coordinates at their bounds that would leave the domain stay.

    Args:
        statement: what is kept; its domain is a box.
        u: (d,) in the box.
        close: how far features may be off, as a part of the largest, where steps end.
        deadline: of `time.monotonic`.
        exact: whether products are in float64 at any size.

    Returns:
        The point (d,) and by how much its worst output is off, as a part of the largest feature.
    """
    lower, upper = statement.bounds
    missing = statement.broken(statement.outputs(u))
    misfits = [float(np.linalg.norm(missing))]
    left = CLOSELY if exact else FIRST
    for _ in range(STEPS):
        slow = len(misfits) > _STALLED and misfits[-1] > _SLOW * misfits[-1 - _STALLED]
        if _off(statement, missing) <= close or time.monotonic() > deadline or slow:
            break
        try:
            step = _step(statement, u, missing, left, deadline, exact)
        except OutOfTime:
            break
        part, shorter = 1.0, None
        for _ in range(_HALVES):
            w = np.clip(u + part * step, lower, upper)
            found = statement.broken(statement.outputs(w))
            if np.linalg.norm(found) < (1 - 0.1 * part * (1 - left)) * misfits[-1]:
                shorter = w, found
                break
            part /= 2
        if shorter is None and left <= LEAST:
            break
        if shorter is not None:
            u, missing = shorter
            misfits.append(float(np.linalg.norm(missing)))
        if shorter is None or misfits[-1] > _LITTLE * misfits[-2]:
            left = max(left * BOLDER, LEAST)
        elif misfits[-1] < _MUCH * misfits[-2] and not exact:
            left = min(left / BOLDER, FIRST)
    return u, _off(statement, missing)


def _off(statement: WalkStatement, missing: np.ndarray) -> float:
    return float(np.abs(missing).max(initial=0.0)) / statement.size


def _step(
    statement: WalkStatement, u: np.ndarray, missing: np.ndarray, left: float, deadline: float, exact: bool
) -> np.ndarray:
    """The least change of the coordinates that leaves a part of the linearised misfit, about: (d,)."""
    lower, upper = statement.bounds
    counted = (statement.low == statement.high) | (missing != 0)
    free = lower < upper
    solve = _by_products if int(counted.sum()) > BY_ROWS else _by_rows
    solve = solve(statement, u, missing, counted, deadline, exact)
    step = np.zeros_like(u)
    for _ in range(_ROUNDS):
        step = solve(free, left)
        leaving = free & (((u <= lower) & (step < 0)) | ((u >= upper) & (step > 0)))
        if not leaving.any():
            break
        free &= ~leaving
    return step


def _by_products(
    statement: WalkStatement, u: np.ndarray, missing: np.ndarray, counted: np.ndarray, deadline: float, exact: bool
) -> _Solve:
    products = Products(statement, u, exact=exact)

    def solve(free: np.ndarray, left: float) -> np.ndarray:
        if time.monotonic() > deadline:
            raise OutOfTime
        return lsmr(products.part(counted, free), -missing, atol=0.0, btol=left, conlim=0.0, maxiter=MOST_PRODUCTS)[0]

    return solve


def _by_rows(
    statement: WalkStatement, u: np.ndarray, missing: np.ndarray, counted: np.ndarray, deadline: float, exact: bool
) -> _Solve:
    network = statement.network
    x = statement.input(u)
    pattern = activation_pattern(network, x.reshape(network.input_shape))
    model = LocalModel(network, pattern, x, deadline, None if exact else statement.rough)
    rows, off = model.rows(np.flatnonzero(counted)) * statement.unit, missing[counted]

    def solve(free: np.ndarray, left: float) -> np.ndarray:
        moving = np.where(free, rows, 0.0)
        values, vectors = np.linalg.eigh(moving @ moving.T)
        values, along = np.maximum(values, 0.0), off @ vectors
        low, high = 1e-15 * values[-1], 1e6 * values[-1]
        if high <= 0:
            return np.zeros_like(u)
        for _ in range(60):
            damping = math.sqrt(low * high)
            if np.linalg.norm(damping / (values + damping) * along) > left * np.linalg.norm(along):
                high = damping
            else:
                low = damping
        return -(vectors @ (along / (values + low))) @ moving

    return solve
