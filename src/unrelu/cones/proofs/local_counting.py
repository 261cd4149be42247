"""Proof by counting the rows that use some coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.cones.cone import Cone
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.matrices import touches


@dataclass(frozen=True, eq=False)
class LocalCounting:
    """K is not {0}, since at most |F| rows use the coordinates F, fewer than |F| of them equalities.

    `Counting` within F: the vectors that are zero off F keep all other rows as equalities, so that K has a member among
    them other than 0. Where rows are sparse, some coordinates can be short of rows while there are plenty in all.

    Attributes:
        columns: indices of the coordinates F.
    """

    columns: np.ndarray
    trivial: ClassVar[bool] = False

    @proof
    def verify(self, cone: Cone) -> bool:
        """Count."""
        if self.columns.ndim != 1 or not np.isin(self.columns, np.arange(cone.dimension)).all():
            return False
        within = np.zeros(cone.dimension, dtype=bool)
        within[self.columns] = True
        size, counts = int(within.sum()), touches(cone.rows.matrix, within)
        n_equalities = int((cone.equalities & counts).sum())
        n_inequalities = int((cone.inequalities & ~cone.equalities & counts).sum())
        return n_equalities < size and n_equalities + n_inequalities <= size
