"""Linear costs on boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unrelu.rigor.rounding import UNDERFLOW, UNIT


def is_input(costs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(E,) which costs are an input, or the negative of one."""
    return ((costs != 0).sum(axis=1) == 1) & (np.abs(costs).max(axis=1, initial=0.0) == 1.0)


def on_boxes(
    costs: NDArray[np.float64], lower: NDArray[np.float64], upper: NDArray[np.float64], *, rowwise: bool = False
) -> NDArray[np.float64]:
    """At most the least of each cost on each box, (n, E); of the one with the other, (n,), if rowwise."""
    if rowwise:
        terms = np.where(costs >= 0, costs * lower, costs * upper)
    else:
        terms = np.where(costs >= 0, costs * lower[:, None], costs * upper[:, None])
    d = costs.shape[-1]
    total = terms.sum(axis=-1)
    loss = 2 * (d + 4) * UNIT * np.abs(terms).sum(axis=-1) + (d + 4) * UNDERFLOW
    return np.where(is_input(costs), total, total - loss)  # an end of the box itself, or rounded
