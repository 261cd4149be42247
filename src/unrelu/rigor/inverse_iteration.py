"""The least eigenvalue of a positive definite matrix, estimated; nothing is proved by it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from unrelu.rigor.rounding import UNDERFLOW

_STEPS = 6


def least_eigenvalue_estimate(solve: Callable[[np.ndarray], np.ndarray], n: int) -> float:
    """An estimate of the least eigenvalue by inverse iteration from a fixed start; 0 where it leaves the floats.

    Args:
        solve: the solution for a right-hand side (n,).
        n: the number of rows.

    >>> round(least_eigenvalue_estimate(lambda v: v / np.array([2.0, 8.0]), 2), 3)
    2.0
    """
    vector = np.random.default_rng(0).standard_normal(n)
    length = float(np.linalg.norm(vector))
    with np.errstate(over="ignore"):  # seen below
        for _ in range(_STEPS):
            vector = solve(vector / length)
            length = float(np.linalg.norm(vector))
            if not UNDERFLOW < length < math.inf:  # its inverse is to be a number
                return 0.0
    return 1.0 / length
