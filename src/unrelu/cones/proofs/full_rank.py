"""Proof by full column rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unrelu.cones.cone import Cone
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True)
class FullRank:
    """K is {0}, since the equality rows have full column rank.

    Full rank is an open condition, so floats prove it; where the rows are too nearly dependent, a prime does: the rank
    modulo a prime is at most the true one.
    """

    trivial: ClassVar[bool] = True

    @proof
    def verify(self, cone: Cone) -> bool:
        """Bound the d-th singular value of B away from zero, or eliminate modulo a prime."""
        return cone.rows.proves_full_column_rank(cone.equalities)
