"""What a search for a metamer ends with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class Found:
    """The input that a search found, whichever its objective.

    Attributes:
        point: (d,), an input with the features of the original to rounding.
        distance: of the point from the target.
        bound: proved, from below for the nearest, from above for the farthest.
        radius: see `NearestPoint`.
        status: see `Metamer`.
        steps: of a walk.
        crossed: units whose branch changed on the way of a walk, counted each time.
        waypoints: (k, d) where a walk went, from the original on; empty of other searches.
        regional: whether only the piece of the original was searched.
        unique: whether the original is proved to be the only member.
    """

    point: np.ndarray
    distance: float
    bound: float
    radius: float
    status: Status
    steps: int = 0
    crossed: int = 0
    waypoints: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    regional: bool = False
    unique: bool = False
