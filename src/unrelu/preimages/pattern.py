"""What holds with equality at a point of a layer's input space, in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.domain_at import DomainAt
from unrelu.preimages.feature_intervals import FeatureIntervals


@dataclass(frozen=True, eq=False)
class LayerPattern:
    """Which pre-activations have the features of a point, and what is tight there, decided exactly.

    Attributes:
        piece: (m,) the piece of each unit that `a_i.x0 + b_i` lies on.
        interval: for each unit the interval about `a_i.x0 + b_i` of pre-activations with its feature.
        enclosing: the least intervals that hold all pre-activations with the features; None where each unit has them in
            its interval only, so that the inputs with the same features are one polyhedron.
        tight_below: (m,) bool, whether `a_i.x0 + b_i` is the lower end of an interval that has room.
        tight_above: (m,) bool, the same of the upper end. With a positive tolerance no feature is tight.
        domain: the domain at the point; None for the whole space.
    """

    piece: np.ndarray
    interval: FeatureIntervals
    enclosing: FeatureIntervals | None
    tight_below: np.ndarray
    tight_above: np.ndarray
    domain: DomainAt | None

    @property
    def active(self) -> np.ndarray:
        """(m,) bool, J, the units whose interval has two ends: of ReLUs those with `y_i > eps_i`."""
        return self.interval.below & self.interval.above

    @property
    def inactive(self) -> np.ndarray:
        """(m,) bool, the others."""
        return ~self.active

    @property
    def tight(self) -> np.ndarray:
        """(m,) bool, the units at an end of an interval that has room: of ReLUs those with `a_i.x0 + b_i = 0`."""
        return self.tight_below | self.tight_above

    @property
    def n_active(self) -> int:
        """|J|."""
        return int(self.active.sum())
