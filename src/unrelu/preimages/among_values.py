"""Which inputs with the same features have only certain values, as 8-bit pictures do."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import InputError
from unrelu.network.arrays import as_numpy
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, gamma

if TYPE_CHECKING:
    from unrelu.preimages.preimage import Preimage

LISTED = 2**18
"""Inputs that are tried one by one, a second or so; exactly only those that rounding does not exclude."""

EXACT = 2**10
"""Inputs that are tried exactly."""

ROUNDS = 20
"""How often what is left of the coordinates is bounded again by what is left of the others."""

BLOCK = 2**12


@dataclass(frozen=True, eq=False)
class AmongValues:
    """Whether x0 is the only member of a preimage whose coordinates have certain values.

    Attributes:
        unique: True if it is, False if there is another, both proved; None where it is open.
        other: (d,) another member, exactly; None where none was found.
        left: (d,) int64, how many of the values a coordinate of a member may have, proved; 1 where it is x0's own.
        reason: where it is open, what left it open; "" where it is not.
    """

    unique: bool | None
    other: np.ndarray | None
    left: np.ndarray
    reason: str


def among_values(pre: Preimage, values: ArrayLike, *, time_limit: float = math.inf) -> AmongValues:
    """Say whether the point of a preimage is the only member with such values.

    A point that is the only member is. Else, where the preimage is one polyhedron, the proved range of each coordinate
    leaves some of the values; those bound the other coordinates anew, until nothing changes. What is then left is tried
    point by point where that is few enough; else x0 with one coordinate moved to the next value. Every "another" is a
    member by exact arithmetic, and what is left out by rounding is by more than rounding can do.

    Args:
        pre: of a point whose coordinates have such values.
        values: any floats, those that a coordinate may have; exactly these, in float64.
        time_limit: seconds, after which no further range is asked for.

    Raises:
        InputError: if the preimage is that of given features, or a coordinate of its point has another value.
    """
    x, own = _own(pre, values)
    levels = np.unique(as_numpy(np.asarray(values), "the values"))
    d = len(x)
    alone = AmongValues(True, None, np.ones(d, dtype=np.int64), "")
    if pre.singleton:
        return alone
    low, high = np.zeros(d, dtype=np.int64), np.full(d, len(levels) - 1)
    body = _whole(pre)
    if body is not None:
        low, high = _narrowed(body, levels, own, time.monotonic() + time_limit)
    left = high - low + 1
    if bool((left == 1).all()):
        return alone
    total = math.prod(left.tolist())
    most = EXACT if body is None else LISTED
    if total <= most:
        tried = product(*(levels[a : b + 1] for a, b in zip(low.tolist(), high.tolist(), strict=True)))
    else:
        tried = _neighbours(x, levels, own, low, high)
    checked, sure = 0, True
    for points in _blocks(tried):
        kept = points if body is None else points[_may_hold(body, points)]
        for point in kept[(kept != x).any(axis=1)][: EXACT - checked + 1]:
            held = pre.contains(point) if checked < EXACT else None
            if held:
                return AmongValues(False, point, left, "")
            checked, sure = checked + 1, sure and held is False
        if checked > EXACT:
            break
    if total <= most and sure:
        return alone
    many = (
        "inputs with these values" if body is not None else "inputs with these values, and pieces that are not known,"
    )
    return AmongValues(None, None, left, f"{total:.3g} {many} are left, and of those that were tried none is a member.")


def _own(pre: Preimage, values: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """x0, and which of the values each of its coordinates has.

    Raises:
        InputError: if one has none of them.
    """
    x, levels = pre.at.reshape(-1), np.unique(as_numpy(np.asarray(values), "the values"))
    own = np.searchsorted(levels, x).clip(max=max(len(levels) - 1, 0))
    wrong = np.flatnonzero(levels[own] != x) if len(levels) else np.arange(len(x))
    if len(wrong):
        raise InputError(
            f"coordinate {wrong[0]} of x is {float(x[wrong[0]])!r}, none of the values; give the floats that inputs "
            "have, in their own dtype, as np.arange(256, dtype=np.float32) / np.float32(255)."
        )
    return x, own


def _whole(pre: Preimage) -> Polyhedron | None:
    """All of P with rows whose errors are known; None where other pieces, or how far composed rows are off, are not."""
    from unrelu.preimages.layer_preimage import LayerPreimage

    return pre.polyhedron if isinstance(pre, LayerPreimage) and pre.complete else None


def _narrowed(body: Polyhedron, levels: np.ndarray, own: np.ndarray, stop: float) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last value that each coordinate of a member may have."""
    low = np.searchsorted(levels, body.lower).clip(max=own)
    high = (np.searchsorted(levels, body.upper, side="right") - 1).clip(min=own)
    for _ in range(ROUNDS):
        asked = np.flatnonzero(low < high)
        if not len(asked) or time.monotonic() > stop:
            break
        part = Polyhedron(
            body.A_ub, body.b_ub, body.A_eq, body.b_eq, levels[low], levels[high], body.origin,
            ub_error=body.ub_error, eq_error=body.eq_error,
        )  # fmt: skip
        found = part.ranges(asked, time_limit=max(0.0, stop - time.monotonic()), progress=False)
        before = low.copy(), high.copy()
        low[asked] = np.maximum(low[asked], np.searchsorted(levels, found.proved_lower)).clip(max=own[asked])
        last = np.searchsorted(levels, found.proved_upper, side="right") - 1
        high[asked] = np.minimum(high[asked], last).clip(min=own[asked])
        if np.array_equal(before[0], low) and np.array_equal(before[1], high):
            break
    return low, high


def _may_hold(body: Polyhedron, points: np.ndarray) -> np.ndarray:
    """(n,) bool: False where a row is broken by more than rounding can do."""
    if not is_ieee():
        return np.ones(len(points), dtype=bool)
    z = points - body.origin
    room = 2 * gamma(z.shape[1] + 8)
    kept = ((body.lower <= points) & (points <= body.upper)).all(axis=1)
    for A, b, error, both in (
        (body.A_ub, body.b_ub, body.ub_error, False),
        (body.A_eq, body.b_eq, body.eq_error, True),
    ):
        off, size = z @ A.T - b, np.abs(z) @ np.abs(A).T + np.abs(b)
        doubt = (room * size + error) * (1 + room) + (z.shape[1] + 4) * UNDERFLOW * (1 + np.abs(z).max(initial=0.0))
        kept &= ((np.abs(off) if both else off) <= doubt).all(axis=1)
    return kept


def _neighbours(
    x: np.ndarray, levels: np.ndarray, own: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Iterator[np.ndarray]:
    """x0 with one coordinate moved to the value before or after."""
    for j in np.flatnonzero(low < high).tolist():
        for place in (own[j] - 1, own[j] + 1):
            if low[j] <= place <= high[j]:
                point = x.copy()
                point[j] = levels[place]
                yield point


def _blocks(points: Iterator[tuple[float, ...] | np.ndarray]) -> Iterator[np.ndarray]:
    while block := list(islice(points, BLOCK)):
        yield np.array(block, dtype=np.float64)
