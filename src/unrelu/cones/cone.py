"""What every certificate about a cone `K = { z : B z = 0, G z <= 0 }` can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from unrelu.rigor.arithmetic import require_ieee
from unrelu.rigor.matrices import uses_column
from unrelu.rigor.scaled_rows import ScaledRows


@dataclass(frozen=True, eq=False)
class Cone:
    """`K = { z : B z = 0, G z <= 0 }`, B and G being selections of the same rows.

    Attributes:
        rows: all rows, scaled by powers of two.
        equalities: (m,) bool, the rows of B.
        inequalities: (m,) bool, the rows of G.
    """

    rows: ScaledRows
    equalities: np.ndarray
    inequalities: np.ndarray

    @property
    def dimension(self) -> int:
        """d, the number of coordinates."""
        return self.rows.shape[1]

    @property
    def uses_all_rows(self) -> bool:
        """Whether every row is in B or G."""
        return bool((self.equalities | self.inequalities).all())

    @property
    def unused_columns(self) -> np.ndarray:
        """Indices of coordinates that neither B nor G uses."""
        require_ieee()
        if self.uses_all_rows:
            return self.rows.zero_columns
        return np.flatnonzero(~uses_column(self.rows.matrix[self.equalities | self.inequalities]))


class ConeCertificate(Protocol):
    """A proof that K is {0} (`trivial`) or that it is not."""

    trivial: ClassVar[bool]

    def verify(self, cone: Cone) -> bool:
        """True only if this proves `trivial` for the very floats of the cone; calls no solver."""
        ...
