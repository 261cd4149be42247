"""The rows of a cone, scaled, with what is proved about them once and used for many inputs."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from unrelu.rigor.rounding import norm_above, row_norms_above
from unrelu.rigor.singular import bound_from_gram, smallest_singular_value_bound

_GLANCE = 16


class ScaledRows:
    """Rows scaled by powers of two to norms of about 1; a cone `{ B z = 0, G z <= 0 }` is the same for them.

    Attributes:
        matrix: (m, d) float64, exactly the given rows times powers of two.
        scales: (m,) float64, those powers.
        is_zero: (m,) bool, rows that are zero and so do not constrain.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        """Scale the rows of a matrix (m, d); rows that are zero stay so."""
        largest = np.maximum(matrix.max(axis=1), -matrix.min(axis=1))
        scales = np.ldexp(1.0, np.clip(-np.frexp(largest)[1], -1000, 1000))
        self.matrix = matrix * scales[:, None]
        # A number that shrinks into the subnormal range would no longer be the given one; such rows stay as they are.
        shrunk = np.flatnonzero(scales < 1)
        lossy = shrunk[(self.matrix[shrunk] / scales[shrunk, None] != matrix[shrunk]).any(axis=1)]
        self.matrix[lossy] = matrix[lossy]
        scales[lossy] = 1.0
        self.scales = scales
        self.is_zero = largest == 0
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
    def bounded_column(self) -> np.ndarray:
        """(m,) the column of the only number of each row; -1 for rows with none or several."""
        found = np.full(len(self.matrix), -1)
        # Most rows show two numbers in their first few columns and need not be looked at whole.
        rows = np.flatnonzero(np.count_nonzero(self.matrix[:, :_GLANCE], axis=1) <= 1)
        rows = rows[np.count_nonzero(self.matrix[rows], axis=1) == 1]
        found[rows] = (self.matrix[rows] != 0).argmax(axis=1)
        return found

    @cached_property
    def bound_sign(self) -> np.ndarray:
        """(m,) the sign of the only number of each row; 0 for rows with none or several."""
        return np.where(
            self.bounded_column < 0, 0.0, np.sign(self.matrix[np.arange(len(self.matrix)), self.bounded_column])
        )

    @cached_property
    def normal_matrix(self) -> np.ndarray:
        """`A'A`, (d, d), as computed."""
        return self.matrix.T @ self.matrix

    @cached_property
    def column_rank_bound(self) -> float:
        """A proved lower bound of the d-th singular value of all rows; 0 where none is found."""
        m, d = self.shape
        if m < d:
            return 0.0
        bound = bound_from_gram(self.normal_matrix, norm_above(self.norms), m)
        return bound if bound > 0 else smallest_singular_value_bound(self.matrix)

    @cached_property
    def zero_columns(self) -> np.ndarray:
        """Indices of coordinates that no row uses."""
        return np.flatnonzero(~self.matrix.any(axis=0))
