"""The answer to one inverse problem, with all that a page shows of it."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.inverse.consistent_ranges import ConsistentRanges
from unrelu.inverse.consistent_set import ConsistentSet
from unrelu.inverse.inversion import Inversion
from unrelu.inverse.paving import Paving
from unrelu.inverse.sampler_seen import SamplerSeen
from unrelu.network.arrays import Array
from unrelu.polyhedra.domains import Box
from unrelu.progress import Progress

MOST_SHOWN = 4
"""Unknowns in a picture: six pairs of them."""

LONGEST = 20.0
"""Seconds that the pavings of a picture may take together, where nothing else is said."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What is shown of one target.

    Attributes:
        title: what to call the target.
        found: the answer itself.
        names: of the d inputs.
        shown: which inputs are in the picture, at most four.
        ranges: of all inputs, where there is noise; else None.
        pavings: where there is noise, of each pair of inputs that are shown.
        parts: (p, d, 2) float64, where there is noise: between which ends each part lies that is known; else none.
        seen: what another method's points tell of it, if there are any.
    """

    title: str
    found: Inversion | ConsistentSet
    names: tuple[str, ...]
    shown: tuple[int, ...]
    ranges: ConsistentRanges | None
    pavings: tuple[Paving, ...]
    parts: np.ndarray
    seen: SamplerSeen | None


def answer(
    found: Inversion | ConsistentSet,
    *,
    title: str = "",
    names: Sequence[str] | None = None,
    shown: Sequence[int] | None = None,
    ranges: ConsistentRanges | None = None,
    points: Array | None = None,
    time_limit: float | None = None,
    progress: Progress | bool | None = None,
) -> Answer:
    """Compute what a page shows.

    Args:
        found: the answer.
        title: what to call the target.
        names: of the inputs; "x0" and so on if left out.
        shown: which inputs are in the picture; the first four that are not fixed if left out.
        ranges: of all inputs under noise, if they were asked for already.
        points: (n, d) of a sampler or of another method, to be held against the answer.
        time_limit: seconds for what is not known yet.
        progress: where to show how far it is.

    Raises:
        ShapeError: if there are not as many names as inputs, or points of another size.
        InputError: if inputs that are shown do not exist, are fixed, or are too many; points are not finite.
    """
    statement = found.statement
    d = len(statement.lower)
    called = tuple(f"x{k}" for k in range(d)) if names is None else tuple(names)
    if len(called) != d:
        raise ShapeError(f"the network takes {d} inputs, but there are {len(called)} names; give one for each.")
    chosen = checked_shown(shown, Box(statement.lower.numpy(), statement.upper.numpy()), d)
    if isinstance(found, Inversion):
        seen = None if points is None else found.seen_by(points)
        return Answer(title, found, called, chosen, None, (), np.zeros((0, d, 2)), seen)
    limit = LONGEST if time_limit is None else time_limit
    start = time.monotonic()
    told = found.ranges(time_limit=limit, progress=progress) if ranges is None else ranges
    pairs = list(itertools.combinations(chosen, 2))
    pavings = []
    for k, pair in enumerate(pairs):
        left = limit - (time.monotonic() - start)
        share = math.inf if math.isinf(left) else max(0.0, left) / (len(pairs) - k)
        pavings.append(found.paving(pair, time_limit=share, progress=progress))
    # Looked for once: looking again may find more of them, and what was seen is told of these.
    seen = None if points is None else found.seen_by(points)
    parts = found.part_ranges if seen is None else seen.places
    return Answer(title, found, called, chosen, told, tuple(pavings), parts, seen)


def checked_shown(shown: Sequence[int] | None, box: Box, d: int) -> tuple[int, ...]:
    """The inputs in a picture.

    Args:
        shown: their numbers; None for the first four that are not fixed.
        box: the domain.
        d: how many inputs there are.

    Raises:
        InputError: if they do not exist, are fixed, or are too many.
    """
    lower, upper = (
        np.broadcast_to(np.asarray(end, dtype=np.float64).reshape(-1), (d,)) for end in (box.lower, box.upper)
    )
    free = np.flatnonzero(upper > lower).tolist()
    chosen = tuple(free[:MOST_SHOWN]) if shown is None else tuple(int(k) for k in shown)
    if len(chosen) > MOST_SHOWN or len(set(chosen)) < len(chosen) or not set(chosen) <= set(free):
        raise InputError(
            f"a picture shows at most {MOST_SHOWN} different inputs of 0 to {d - 1} that are not fixed, "
            f"not {', '.join(map(str, chosen))}."
        )
    return chosen
