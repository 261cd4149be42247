"""Rows of which one singular value is small, and how far they are from what defeats a normal matrix."""

from __future__ import annotations

import numpy as np

SMALL = 2.0**-25

ILL_CONDITIONED = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-29]]) / 2


def nearly_dependent(small: float) -> np.ndarray:
    """Rows of which column 1 is nearly column 0; every other singular value is about 1."""
    rng = np.random.default_rng(0)
    A = np.linalg.qr(rng.standard_normal((12, 4)))[0]
    A[:, 1] = A[:, 0] + small * A[:, 1]
    return A
