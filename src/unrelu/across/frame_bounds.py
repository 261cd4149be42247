"""How little the features of one layer can move: the frame-bound sandwich."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.across.full_regions import FullRegions
from unrelu.across.sharp_bound import smallest_value
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.rigor.rounding import times_power_below


@dataclass(frozen=True, eq=False)
class FrameBounds(FrozenArrays):
    """`1/2 sqrt(A_alpha) <= kappa_L <= sqrt(A_alpha)` for one ReLU layer over a convex domain D with an interior.

    kappa_L is the greatest number with `||f(x) - f(x')|| >= kappa_L ||x - x'||` on D, and A_alpha the least
    `sigma_min(active rows)^2` over the full-dimensional regions that meet the interior of D (Freeman and Haider,
    2025).

    Sharper from below: some region has all its active rows active or 0 at the midpoint of x and x'. Such a feature
    changes by at least half of `a_i.(x - x')`, and by all of it if the row is active on all of D. So kappa_L is at
    least the least singular value of the active rows, those halved that are not active on all of D.

    Attributes:
        regions: the regions.
        values: (n,) float64, `sigma_min` of the active rows of each region, computed; 0 where fewer than d are active.
        below: proved lower bound of `sqrt(A_alpha)`.
        above: proved upper bound of it; inf where no region was proved to be there.
        sharper: proved lower bound of kappa_L, with the rows that are active on all of D not halved.
    """

    regions: FullRegions
    values: np.ndarray
    below: float
    above: float
    sharper: float

    @property
    def lower(self) -> float:
        """Proved lower bound of kappa_L."""
        return max(self.sharper, times_power_below(self.below, -1))

    @property
    def upper(self) -> float:
        """Proved upper bound of kappa_L."""
        return self.above


def frame_bounds(regions: FullRegions) -> FrameBounds:
    """The sandwich, from the regions of a layer."""
    A = regions.layer.dense_weight
    d = A.shape[1]
    halved = np.where(regions.always_active, 1.0, 0.5)[:, None]
    halves = halved * A
    inexact = (halves / halved != A).any(axis=1)  # half of an odd multiple of the least float is none
    values = np.zeros(len(regions.regions))
    below, above, sharper = math.inf, math.inf, math.inf
    for k, region in enumerate(regions.regions):
        rows = A[region.active]
        if len(rows) < d:
            below = sharper = 0.0
            above = min(above, 0.0 if region.proved else math.inf)
            continue
        found = smallest_value(rows)
        values[k] = found.value
        below = min(below, found.below)
        no_claim = bool(inexact[region.active].any())
        sharper = 0.0 if no_claim else min(sharper, smallest_value(halves[region.active]).below)
        if region.proved:
            above = min(above, found.above)
    freeze(values)
    return FrameBounds(regions, values, below, above, sharper)
