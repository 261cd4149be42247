"""Proof by counting rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unrelu.cones.cone import Cone
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True)
class Counting:
    """K is not {0}, since there are at most d rows, fewer than d of them equalities (the paper's Corollary 6).

    If the rows are dependent, a line in their null space lies in K. If there are d independent ones, one of them is an
    inequality, and the solution of `B z = 0, G z = -1` lies in K. Zero rows do not count.
    """

    trivial: ClassVar[bool] = False

    @proof
    def verify(self, cone: Cone) -> bool:
        """Count."""
        counts = ~cone.rows.is_zero
        n_equalities = int((cone.equalities & counts).sum())
        n_inequalities = int((cone.inequalities & ~cone.equalities & counts).sum())
        return n_equalities < cone.dimension and n_equalities + n_inequalities <= cone.dimension
