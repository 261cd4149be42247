"""What holds with equality at a point of a layer's input space, in exact arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.domain_at import DomainAt


@dataclass(frozen=True, eq=False)
class LayerPattern:
    """Which rows of a layer are active at a point, and what is tight there, decided exactly.

    Attributes:
        positive: (m,) bool, `a_i.x0 + b_i > 0`.
        active: (m,) bool, `ReLU(a_i.x0 + b_i) > eps_i`: the features that the preimage fixes from below.
        tight: (m,) bool, `a_i.x0 + b_i = 0` and `eps_i = 0`; with a positive tolerance no feature row is tight.
        domain: the domain at the point; None for the whole space.
    """

    positive: np.ndarray
    active: np.ndarray
    tight: np.ndarray
    domain: DomainAt | None

    @property
    def inactive(self) -> np.ndarray:
        """(m,) bool, the features that are not fixed from below."""
        return ~self.active

    @property
    def n_active(self) -> int:
        """|J|."""
        return int(self.active.sum())
