"""Medians of what is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def median(values: Sequence[float | None]) -> float | None:
    """The median of the values that are there; None if there are none."""
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
