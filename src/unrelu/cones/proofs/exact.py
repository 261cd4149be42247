"""Proofs in exact integer arithmetic, for small cones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.cones.cone import Cone
from unrelu.exact.integers import integer_rows, products
from unrelu.exact.modular import proves_full_column_rank
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.matrices import as_array, touches
from unrelu.rigor.singular import DENSE_SIZE


@dataclass(frozen=True)
class ExactDirection:
    """K is not {0}, since this integer vector lies in it.

    Attributes:
        direction: d integers.
    """

    direction: tuple[int, ...]
    trivial: ClassVar[bool] = False

    @proof
    def verify(self, cone: Cone) -> bool:
        """Multiply by integers, in the coordinates where the direction is not zero: other numbers add nothing."""
        if len(self.direction) != cone.dimension or not any(self.direction):
            return False
        support = np.array([value != 0 for value in self.direction], dtype=bool)
        within, z = touches(cone.rows.matrix, support), tuple(value for value in self.direction if value)
        part = cone.rows.matrix[within][:, np.flatnonzero(support)]
        if cone.rows.is_sparse and part.shape[0] * part.shape[1] > DENSE_SIZE:
            return False
        values = np.array(products(integer_rows(as_array(part)), z), dtype=object)
        equal, below = cone.equalities[within], cone.inequalities[within]
        return not any(values[equal].tolist()) and all(value <= 0 for value in values[below].tolist())


@dataclass(frozen=True)
class ExactMultipliers:
    """K is {0}, since `sum_i v_i row_i = 0` with v positive on the rows of G, and the rows have full column rank.

    Attributes:
        values: m integers, one a row of the cone times the power of two that makes it integral.
    """

    values: tuple[int, ...]
    trivial: ClassVar[bool] = True

    @proof
    def verify(self, cone: Cone) -> bool:
        """Multiply by integers, and bound the rank by one modulo a prime."""
        if len(self.values) != len(cone.equalities) or not _is_small(cone):
            return False
        used = np.flatnonzero(cone.equalities | cone.inequalities)
        if any(self.values[i] <= 0 for i in np.flatnonzero(cone.inequalities)):
            return False
        rows = integer_rows(as_array(cone.rows.matrix[used]))
        columns = [list(column) for column in zip(*rows, strict=True)]
        if any(products(columns, tuple(self.values[i] for i in used))):
            return False
        return proves_full_column_rank(rows, cone.dimension)


def _is_small(cone: Cone) -> bool:
    """Whether sparse rows can be written out whole; there are no exact proofs about larger ones."""
    m, d = cone.rows.shape
    return not cone.rows.is_sparse or m * d <= DENSE_SIZE
