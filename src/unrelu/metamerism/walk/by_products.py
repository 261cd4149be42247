"""Walks where the rows of the equations do not fit into memory."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse.linalg import lsmr

from unrelu.errors import TooLarge
from unrelu.metamerism.walk.approach import approached
from unrelu.metamerism.walk.products import Products
from unrelu.metamerism.walk.restoring import KEPT
from unrelu.metamerism.walk.walk_end import WalkEnd
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.metamerism.walk.statement import WalkStatement
    from unrelu.progress import Advance

MOST_PRODUCTS = 200
"""Iterations for one direction."""

SETTLED = 1e-3
"""A step that brings a target nearer by less than this part of the distance is the last, as is a direction in which all
of it would."""

_PARTS = tuple(0.5**k for k in range(12))
"""Of the way to the target along a direction, that are tried."""

_STEPS = 200


def walk_by_products(
    statement: WalkStatement, start: WalkEnd, *, deadline: float = math.inf, advance: Advance = lambda steps: None
) -> WalkEnd:
    """From a start along the inputs with its features, by products with the linearised outputs only.

    Each step goes from a point with the features into the part of the way to the target that does not change them to
    first order (LSMR), a half of it, a quarter and so on, until Gauss-Newton steps put it back to where they are kept,
    and it is nearer.

    Args:
        statement: what is kept and wanted: the nearest, in a box.
        start: x0, or another input with its features.
        deadline: of `time.monotonic`.
        advance: told of each step.

    Raises:
        TooLarge: for the farthest, and in a domain with other rows than bounds.
    """
    if statement.objective != "nearest" or len(statement.domain.A_eq) or len(statement.domain.A_ub):
        raise TooLarge(
            "the rows of these features do not fit into memory, and without them only the nearest metamer in bounds is "
            "looked for; ask for that, or about a deeper layer."
        )
    u = statement.walked(start.x)
    points, before = [start.x.copy()], start.points
    status = Status.LOCAL
    try:
        for _ in range(_STEPS):
            now = statement.distance(points[-1])
            w = None if time.monotonic() > deadline else _next(statement, u, now, deadline)
            if w is None:
                status = Status.TIME_LIMIT if time.monotonic() > deadline else Status.LOCAL
                break
            u = w
            points.append(statement.input(u))
            advance(1)
            if now - statement.distance(points[-1]) < SETTLED * now:
                break
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    x = points[-1]
    way = np.stack(points) if len(before) else before
    return WalkEnd(x, statement.distance(x), len(points) - 1, 0, status, way)


def _next(statement: WalkStatement, u: np.ndarray, now: float, deadline: float) -> np.ndarray | None:
    """A point with the features that is nearer to the target; None where none was found."""
    lower, upper = statement.bounds
    way = statement.walked(np.clip(statement.target, statement.domain.lower, statement.domain.upper)) - u
    products = Products(statement, u, exact=True)
    equal = np.isfinite(statement.low)
    system = products.part(equal, way != 0).T
    weights = lsmr(system, way, atol=1e-10, btol=0.0, conlim=0.0, maxiter=MOST_PRODUCTS)[0]
    along = way - system @ weights
    if np.linalg.norm(along) < SETTLED * np.linalg.norm(way):
        return None
    for part in _PARTS:
        if time.monotonic() > deadline:
            return None
        w, off = approached(
            statement, np.clip(u + part * along, lower, upper), close=KEPT / 2, deadline=deadline, exact=True
        )
        if off <= KEPT and statement.distance(statement.input(w)) < now * (1 - SETTLED):
            return w
    return None
