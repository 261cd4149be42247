"""The first run of the chains, which finds coordinates they move well in and is thrown away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np

from unrelu.parallel import in_threads
from unrelu.polyhedra.sampling.billiard import BilliardChains
from unrelu.polyhedra.sampling.isotropy import shrunken_covariance
from unrelu.polyhedra.sampling.rounding import RoundedBody
from unrelu.progress import Progress

DURATION = 2.0
"""Of a trajectory, in coordinates in which the body has about unit covariance.

In this time a coordinate with standard normal velocity crosses the body once or so. On cubes, simplices and preimages
of trained layers shorter ones waste new velocities on going back, and longer ones reflections: measured, the
effective sample size a second is largest between 1.5 and 2.5 for all of them.
"""

FIRST_ROUND = 10
"""Trajectories of each chain in the first two rounds; after rounds that changed much there are twice as many."""

MOST_ROUNDS = 6
"""At most 10 + 20 + ... + 320 trajectories of each chain."""

SETTLED = 6.0
"""Rounds end when no eigenvalue of the estimated covariance is further than this factor from 1.

Along a direction of variance s a chain takes about s/2 trajectories to forget where it was."""

THIN = 2
"""Trajectories from one recorded point to the next, at least."""

_CORRELATED = 2.0
"""So many successive points are worth about one independent point."""

_LARGEST_RECORD = 2**23
"""Numbers that a round keeps: 64 MB."""


def warm_up(groups: Sequence[BilliardChains], workers: int | None, progress: Progress) -> None:
    """Move chains from the centre towards the uniform distribution, and stretch the body to unit covariance.

    The analytic centre alone does not round bodies with many more facets than dimensions, or facets that nearly
    coincide. In each round the covariance of the chains' points is estimated and becomes the identity; long
    directions, which take long to explore, show more fully in the next.

    Args:
        groups: the chains, all in one body; they are moved, and get that body in the final coordinates.
        workers: threads.
        progress: where to show progress.
    """
    body = groups[0].body
    chains = sum(group.size for group in groups)
    trajectories = FIRST_ROUND
    for number in range(1, MOST_ROUNDS + 1):
        thin = max(THIN, -(-trajectories * chains * body.dimension // _LARGEST_RECORD))
        draws = max(1, trajectories // thin)
        with progress.stage(f"warming up, round {number}", chains * draws) as advance:
            y = np.concatenate(list(in_threads(_mover(body, draws, thin, advance), groups, workers=workers)))
        # The first round begins at the centre, where all directions look short.
        y = y[:, draws // 2 if number == 1 else 0 :].reshape(-1, body.dimension)
        sizes, vectors = shrunken_covariance(y, max(1.0, len(y) / _CORRELATED))
        least, largest = float(sizes.min()), float(sizes.max())
        body = body.stretched(vectors * np.sqrt(sizes))
        for group in groups:
            group.body = body
        if number > 1 and largest <= SETTLED and least * SETTLED >= 1:
            return
        if largest > SETTLED * least or number > 1:
            trajectories *= 2


def _mover(
    body: RoundedBody, draws: int, thin: int, advance: Callable[[int], None]
) -> Callable[[BilliardChains], np.ndarray]:
    body.prepare()
    told = locked(advance)
    return lambda group: group.run(draws, thin=thin, duration=DURATION, advance=told)


def locked(advance: Callable[[int], None]) -> Callable[[int], None]:
    """The same for use from several threads."""
    lock = Lock()

    def told(points: int) -> None:
        with lock:
            advance(points)

    return told
