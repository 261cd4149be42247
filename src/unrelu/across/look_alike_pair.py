"""Two inputs and how far apart their features are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.rigor.rounding import UNDERFLOW, UNIT, norm_above, norm_below
from unrelu.stability.following.line import Line
from unrelu.stability.following.threads import all_threads_are_ieee

if TYPE_CHECKING:
    from unrelu.network.graph import Network


@dataclass(frozen=True, eq=False)
class LookAlikePair:
    """A witness: two inputs, their distance and that of their features, all L2.

    Attributes:
        x: an input, of the network's input shape, float64.
        other: another one.
        distance: `||x - x'||`.
        feature_distance: `||F(x) - F(x')||` in float64.
        feature_error: bound on the rounding error of it; inf where this thread does not compute as proofs assume.
        ratio: feature_distance / distance.
        ratio_bound: proved: the exact ratio for these very floats is at most this, and so is the greatest number
            kappa with `||F(x) - F(x')|| >= kappa ||x - x'||` on any domain that holds both.
    """

    x: np.ndarray
    other: np.ndarray
    distance: float
    feature_distance: float
    feature_error: float
    ratio: float
    ratio_bound: float

    def __repr__(self) -> str:
        """A line that says how far apart they are."""
        return (
            f"LookAlikePair(distance {self.distance:.4g}, features {self.feature_distance:.4g}, ratio {self.ratio:.4g})"
        )


def look_alike_pair(network: Network, x: np.ndarray, other: np.ndarray) -> LookAlikePair:
    """Measure two different inputs of a network.

    Raises:
        ModelError: if a number overflows, or a node is neither affine nor piecewise linear.
    """
    values, errors, provable = [], [], all_threads_are_ieee()
    for point in (x, other):
        origin = torch.from_numpy(np.ascontiguousarray(point, dtype=np.float64)).to(network.device)
        output = Line(network, origin, torch.zeros_like(origin)).ahead(0.0, bounded=provable).output
        values.append(output.value[0].cpu().numpy())
        errors.append(output.error[0].cpu().numpy())
    difference = values[0] - values[1]
    moved = _length(difference)
    with np.errstate(over="ignore"):  # to infinity
        gap = (x - other).ravel()
    distance = _length(gap)
    error = bound = math.inf
    if provable:
        error = norm_above(errors[0] + errors[1] + 2 * UNIT * np.abs(difference)) * (1 + 8 * UNIT)
        below = norm_below(gap) * (1 - 4 * UNIT)  # each difference was rounded once
        above = norm_above(difference) + error
        if below > 0 and math.isfinite(above):
            bound = above / below * (1 + 8 * UNIT) + UNDERFLOW if above > 0 else 0.0
    return LookAlikePair(x, other, distance, moved, error, moved / distance if distance else math.nan, bound)


def _length(vector: np.ndarray) -> float:
    """The 2-norm, whatever its squares do."""
    largest = float(np.abs(vector).max(initial=0.0))
    return largest * float(np.linalg.norm(vector / largest)) if 0 < largest < math.inf else largest
