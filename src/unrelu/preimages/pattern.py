"""The activation pattern of one layer, in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.network.layer import ReLULayer
from unrelu.rigor.rounding import row_norms_above
from unrelu.rigor.signs import exact_signs_batch


@dataclass(frozen=True, eq=False)
class LayerPattern:
    """Which rows of a layer are active at a point, decided exactly for the given floats.

    Attributes:
        active: (m,) bool, `a_i.x + b_i > 0`.
        tight: (m,) bool, `a_i.x + b_i = 0`.
    """

    active: np.ndarray
    tight: np.ndarray

    @property
    def inactive(self) -> np.ndarray:
        """(m,) bool, `a_i.x + b_i <= 0`."""
        return ~self.active

    @property
    def n_active(self) -> int:
        """|J|."""
        return int(self.active.sum())


def layer_patterns(layer: ReLULayer, points: np.ndarray) -> list[LayerPattern]:
    """Exact activation patterns at many points.

    Args:
        layer: the layer.
        points: (n, d) float64.
    """
    signs = exact_signs_batch(layer.weight, layer.bias, points, row_norms_above(layer.weight))
    return [LayerPattern(sign > 0, sign == 0) for sign in signs]
