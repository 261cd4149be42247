"""Where a walk ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class WalkEnd:
    """Where a walk ended.

    Attributes:
        x: (d,) an input with the features of x0 to rounding.
        distance: from the target.
        steps: of the walk.
        crossed: units whose branch changed on the way, counted each time.
        status: LOCAL where no step leads on, else why it ended before that.
        points: (k, d) the inputs on the way, the last not yet put back onto the preimage; empty where it did not
            begin at x0.
    """

    x: np.ndarray
    distance: float
    steps: int
    crossed: int
    status: Status
    points: np.ndarray
