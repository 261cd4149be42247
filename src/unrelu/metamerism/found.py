"""What a search for a metamer ends with."""

from __future__ import annotations

from dataclasses import dataclass

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
        status: how the search stopped.
    """

    point: np.ndarray
    distance: float
    bound: float
    radius: float
    status: Status
