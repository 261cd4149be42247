"""Proof by bounds on every coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.cones.cone import Cone
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True)
class Enclosed:
    """K is {0}, since every coordinate of a direction in it is bounded by 0 from both sides."""

    trivial: ClassVar[bool] = True

    @proof
    def verify(self, cone: Cone) -> bool:
        """Look for rows with a single number, of both signs, in every column."""
        used = (cone.equalities | cone.inequalities) & (cone.rows.bounded_column >= 0)
        columns, signs, equal = cone.rows.bounded_column[used], cone.rows.bound_sign[used], cone.equalities[used]
        above, below = np.zeros(cone.dimension, dtype=bool), np.zeros(cone.dimension, dtype=bool)
        above[columns[(signs > 0) | equal]] = True
        below[columns[(signs < 0) | equal]] = True
        return bool((above & below).all())
