"""What holds with equality at a point of a layer's input space, in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LayerPattern:
    """Which rows of a layer are active at a point, and which constraints are tight there, decided exactly.

    Attributes:
        active: (m,) bool, `ReLU(a_i.x + b_i) > tolerance`: the features that the preimage fixes from below.
        tight: (m,) bool, `a_i.x + b_i = 0`; all False for a positive tolerance, where no feature row is tight.
        domain_tight: (l,) bool, the domain's inequality rows (in the order of `LayerSystem.rows`) that hold with
            equality.
    """

    active: np.ndarray
    tight: np.ndarray
    domain_tight: np.ndarray

    @property
    def inactive(self) -> np.ndarray:
        """(m,) bool, the other rows."""
        return ~self.active

    @property
    def n_active(self) -> int:
        """|J|."""
        return int(self.active.sum())
