"""The rows of a cone, scaled, with what is proved about them once and used for many inputs."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from unrelu.rigor.rounding import row_norms_above
from unrelu.rigor.singular import smallest_singular_value_bound


class ScaledRows:
    """Rows scaled by powers of two to norms of about 1; a cone `{ B z = 0, G z <= 0 }` is the same for them.

    Attributes:
        matrix: (m, d) float64, exactly the given rows times powers of two.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        """Scale the rows of a matrix (m, d); rows that are zero stay so."""
        largest = np.abs(matrix).max(axis=1, initial=0.0)
        self.matrix = np.ldexp(matrix, -np.frexp(largest)[1][:, None])
        # A number pushed into the subnormal range would no longer be the given one.
        lossy = np.ldexp(self.matrix, np.frexp(largest)[1][:, None]) != matrix
        self.matrix[lossy.any(axis=1)] = matrix[lossy.any(axis=1)]
        self.matrix.flags.writeable = False

    @property
    def shape(self) -> tuple[int, int]:
        """(m, d)."""
        m, d = self.matrix.shape
        return m, d

    @cached_property
    def norms(self) -> np.ndarray:
        """(m,) upper bounds of the rows' norms."""
        return row_norms_above(self.matrix)

    @cached_property
    def is_zero(self) -> np.ndarray:
        """(m,) bool: rows that are zero and so do not constrain."""
        return np.logical_not(self.matrix.any(axis=1))

    @cached_property
    def column_rank_bound(self) -> float:
        """A proved lower bound of the d-th singular value of all rows; 0 where none is found."""
        m, d = self.shape
        return smallest_singular_value_bound(self.matrix) if m >= d else 0.0

    @cached_property
    def zero_columns(self) -> np.ndarray:
        """Indices of coordinates that no row uses."""
        return np.flatnonzero(~self.matrix.any(axis=0))
