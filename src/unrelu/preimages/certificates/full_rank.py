"""Proof by full column rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unrelu.preimages.certificates.cone import Cone
from unrelu.rigor.singular import proves_full_rank


@dataclass(frozen=True)
class FullRank:
    """K is {0}, since the equality rows have full column rank; full rank is an open condition, so floats prove it."""

    trivial: ClassVar[bool] = True

    def verify(self, cone: Cone) -> bool:
        """Bound the d-th singular value of B away from zero."""
        B = cone.rows.matrix[cone.equalities]
        return len(B) >= cone.dimension and proves_full_rank(B)
