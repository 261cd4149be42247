"""Several metamers of one input that differ from one another."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import InputError
from unrelu.metamerism.feature_map import feature_map
from unrelu.metamerism.metamer import PICTURES, find_metamer
from unrelu.metamerism.result import Metamer
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.status import Status

SAME = 1e-6
"""Metamers nearer to each other than this part of the original's largest number are the same."""


@dataclass(frozen=True, eq=False)
class Metamers:
    """Metamers of one input.

    Attributes:
        found: in the order in which they were found; fewer than asked for where no other was.
        apart: (k, k) float64, their distances from each other in the norm that was asked for.
    """

    found: tuple[Metamer, ...]
    apart: np.ndarray

    def __len__(self) -> int:
        """How many there are."""
        return len(self.found)

    @property
    def nearest_pair(self) -> float:
        """The least distance between two of them; inf of fewer than two."""
        k = len(self.found)
        return float(self.apart[~np.eye(k, dtype=bool)].min(initial=math.inf))


def metamers(
    prefix: Network | ReLULayer,
    *,
    at: Array,
    n: int,
    norm: float = 2,
    domain: Domain | None = PICTURES,
    tolerance: ArrayLike = 0.0,
    mask: ArrayLike | None = None,
    search: str | None = None,
    progress: Progress | bool | None = None,
    time_limit: float = math.inf,
) -> Metamers:
    """Several inputs with the features of `at`, each as far as can be found from the mean of those before it.

    >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
    >>> two = metamers(layer, at=np.array([0.5, 0.5]), n=2)
    >>> len(two), round(two.nearest_pair, 6)
    (2, 1.414214)

    Args:
        prefix: see `metamer`, as for all that is not said here.
        at: the original.
        n: how many; fewer come where those that follow would be no others.
        norm: of the distances.
        domain: where they may lie.
        tolerance: by how much each feature may differ.
        mask: where they may differ from the original.
        search: how to look for each.
        progress: see `unrelu.progress.resolve_progress`.
        time_limit: seconds for all of them.

    Raises:
        InputError: if n is not positive, or as `metamer` does.
        DomainError: if the original lies outside the domain.
    """
    if n < 1:
        raise InputError(f"at least one metamer is to be found, not n={n}.")
    features = feature_map(prefix)
    deadline = time.monotonic() + time_limit
    x0 = as_numpy(at, "the original `at`")
    size = float(np.abs(x0).max(initial=0.0)) or 1.0
    found: list[Metamer] = []
    points: list[np.ndarray] = []
    with resolve_progress(progress).stage("metamers", n) as advance:
        for _ in range(n):
            left = deadline - time.monotonic()
            if left <= 0 and found:
                break
            away = x0 if not points else np.mean([x0, *points], axis=0)
            new = find_metamer(
                features,
                at,
                away,
                objective="farthest",
                norm=norm,
                domain=domain,
                tolerance=tolerance,
                mask=mask,
                search=search,
                progress=False,
                time_limit=max(0.0, left),
            )
            x = np.asarray(new.x, dtype=np.float64)
            if any(float(np.abs(x - other).max(initial=0.0)) <= SAME * size for other in points):
                break
            found.append(new)
            if new.status is Status.INTERRUPTED:
                points.append(x)
                break
            points.append(x)
            advance(1)
    flat = np.stack([x.reshape(-1) for x in points])
    apart = np.array([[float(np.linalg.norm(a - b, ord=norm)) for b in flat] for a in flat])
    return Metamers(tuple(found), apart)
