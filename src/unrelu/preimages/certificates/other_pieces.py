"""Proof that a union has other members, since its pieces can be had independently of each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from unrelu.cones.proofs import Cone
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True)
class OtherPieces:
    """P is not a single point, since a layer with independent rows takes all pre-activations.

    Where a unit has its feature in several intervals, some input has a pre-activation in another one than that of x0,
    and the others those of x0. This is so over the whole space, and is about no cone: the statement verifies it
    (`SameFeatures.has_other_pieces`).
    """

    trivial: ClassVar[bool] = False

    @proof
    def verify(self, cone: Cone) -> bool:
        """It proves nothing about a cone."""
        return False
