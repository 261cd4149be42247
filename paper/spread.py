"""Quartiles, as results hold them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def spread(values: Iterable[float]) -> list[float]:
    """Lower quartile, median and upper quartile, in six digits."""
    return [float(f"{value:.6g}") for value in np.quantile(list(values), [0.25, 0.5, 0.75])]
