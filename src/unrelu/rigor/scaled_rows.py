"""The rows of a cone, scaled, with what is proved about them once and used for many inputs."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from scipy import sparse

from unrelu.errors import TooLarge
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.rigor.arithmetic import require_ieee
from unrelu.rigor.components import Components, components
from unrelu.rigor.deflation import deflated_bound
from unrelu.rigor.matrices import Matrix, SparseRows, as_array, uses_column
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import norm_above, row_norms_above
from unrelu.rigor.singular import DENSE_SIZE, bound_from_gram, proves_full_rank, smallest_singular_value_bound

_GLANCE = 16


class ScaledRows(FrozenArrays):
    """Rows scaled by powers of two to norms of about 1; a cone `{ B z = 0, G z <= 0 }` is the same for them.

    Attributes:
        matrix: (m, d) float64, exactly the given rows times powers of two; sparse where the given matrix is.
        scales: (m,) float64, those powers; inf where one is beyond the floats, for rows of subnormal numbers.
        is_zero: (m,) bool, rows that are zero and so do not constrain.
    """

    def __init__(self, matrix: Matrix) -> None:
        """Scale the rows of a matrix (m, d); rows that are zero stay so.

        Raises:
            UnprovableArithmetic: if this thread flushes subnormal numbers or does not round to nearest.
        """
        require_ieee()
        self.matrix: Matrix
        if isinstance(matrix, np.ndarray):
            largest = np.maximum(matrix.max(axis=1), -matrix.min(axis=1))
            self.matrix, self.scales = _scaled(matrix, largest)
            freeze(self.matrix)
        else:
            largest = np.maximum(matrix.max(axis=1).toarray(), -matrix.min(axis=1).toarray()).ravel()
            self.matrix, self.scales = _scaled_sparse(matrix, largest)
        self.is_zero = largest == 0

    @property
    def shape(self) -> tuple[int, int]:
        """(m, d)."""
        m, d = self.matrix.shape
        return m, d

    @property
    def is_sparse(self) -> bool:
        """Whether only numbers other than zero are stored."""
        return not isinstance(self.matrix, np.ndarray)

    @cached_property
    def norms(self) -> np.ndarray:
        """(m,) upper bounds of the rows' norms."""
        return row_norms_above(self.matrix)

    @cached_property
    def column_terms(self) -> int:
        """An upper bound of how many products other than zero go into one number of `A'v`."""
        if isinstance(self.matrix, np.ndarray):
            return self.shape[0]
        return int(np.bincount(self.matrix.indices, minlength=1).max())

    @cached_property
    def bounded_column(self) -> np.ndarray:
        """(m,) the column of the only number of each row; -1 for rows with none or several."""
        require_ieee()
        m, _ = self.shape
        found = np.full(m, -1)
        if isinstance(self.matrix, np.ndarray):
            # Most rows show two numbers in their first few columns and need not be looked at whole.
            rows = np.flatnonzero(np.count_nonzero(self.matrix[:, :_GLANCE], axis=1) <= 1)
            rows = rows[np.count_nonzero(self.matrix[rows], axis=1) == 1]
            found[rows] = (self.matrix[rows] != 0).argmax(axis=1)
        else:
            rows = np.flatnonzero(np.diff(self.matrix.indptr) == 1)
            found[rows] = self.matrix.indices[self.matrix.indptr[rows]]
        return found

    @cached_property
    def bound_sign(self) -> np.ndarray:
        """(m,) the sign of the only number of each row; 0 for rows with none or several."""
        require_ieee()
        rows = np.flatnonzero(self.bounded_column >= 0)
        signs = np.zeros(self.shape[0])
        if isinstance(self.matrix, np.ndarray):
            signs[rows] = np.sign(self.matrix[rows, self.bounded_column[rows]])
        else:
            signs[rows] = np.sign(self.matrix.data[self.matrix.indptr[rows]])
        return signs

    @cached_property
    def normal_matrix(self) -> Matrix:
        """`A'A`, (d, d), as computed."""
        with np.errstate(over="ignore", invalid="ignore"):  # of rows that cannot be scaled; it proves nothing
            return self.matrix.T @ self.matrix

    @cached_property
    def normal_band(self) -> NormalBand:
        """`A' D A` for sparse rows.

        Raises:
            TooLarge: if it does not have a band that fits in memory.
        """
        assert not isinstance(self.matrix, np.ndarray)
        return NormalBand(self.matrix)

    @cached_property
    def column_rank_bound(self) -> float:
        """A proved lower bound of the d-th singular value of all rows; 0 where none is found."""
        m, d = self.shape
        if m < d:
            return 0.0
        if not isinstance(self.matrix, np.ndarray):
            return self.column_bound_of(np.ones(m, dtype=bool))
        bound = bound_from_gram(self.normal_matrix, norm_above(self.norms), m)
        return bound if bound > 0 else smallest_singular_value_bound(self.matrix)

    def column_bound_of(self, chosen: np.ndarray) -> float:
        """A proved lower bound of the d-th singular value of some rows; 0 where none is found.

        Args:
            chosen: (m,) bool.
        """
        if int(chosen.sum()) < self.shape[1]:
            return 0.0
        if isinstance(self.matrix, np.ndarray):
            return self.column_rank_bound if chosen.all() else smallest_singular_value_bound(self.matrix[chosen])
        try:
            bound = self.normal_band.least_singular_value(chosen, norm_above(self.norms[chosen]))
        except TooLarge:
            return 0.0
        bound = bound or deflated_bound(self.matrix, self.normal_band, chosen)
        return bound or self.sharper_column_bound_of(chosen)

    def sharper_column_bound_of(self, chosen: np.ndarray) -> float:
        """The same as dense rows give it, for sparse rows that are few enough; 0 for others.

        The band, and what is deflated from it, lose the square of the condition number.

        Args:
            chosen: (m,) bool.
        """
        small = self.is_sparse and math.prod(self.shape) <= DENSE_SIZE and int(chosen.sum()) >= self.shape[1]
        return smallest_singular_value_bound(as_array(self.matrix[chosen])) if small else 0.0

    def proves_full_column_rank(self, chosen: np.ndarray) -> bool:
        """Whether some rows are proved to have full column rank.

        Args:
            chosen: (m,) bool.
        """
        if int(chosen.sum()) < self.shape[1]:
            return False
        if isinstance(self.matrix, np.ndarray):
            return proves_full_rank(self.matrix[chosen])
        try:
            if self.normal_band.proves_full_column_rank(chosen, norm_above(self.norms[chosen])):
                return True
        except TooLarge:
            return False
        if deflated_bound(self.matrix, self.normal_band, chosen) > 0:
            return True
        small = self.matrix.shape[0] * self.matrix.shape[1] <= DENSE_SIZE
        return small and proves_full_rank(self.matrix[chosen].toarray())

    @cached_property
    def components(self) -> Components:
        """Which rows are joined by the columns they use."""
        require_ieee()
        return components(self.matrix, ~self.is_zero)

    @cached_property
    def zero_columns(self) -> np.ndarray:
        """Indices of coordinates that no row uses."""
        require_ieee()
        return np.flatnonzero(~uses_column(self.matrix))


def _scaled(matrix: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    exponents = -np.frexp(largest)[1]
    scaled = np.ldexp(matrix, exponents[:, None])
    # A number that shrinks into the subnormal range would no longer be the given one; such rows stay as they are.
    shrunk = np.flatnonzero(exponents < 0)
    lossy = shrunk[(np.ldexp(scaled[shrunk], -exponents[shrunk, None]) != matrix[shrunk]).any(axis=1)]
    scaled[lossy] = matrix[lossy]
    exponents[lossy] = 0
    return scaled, _powers(exponents)


def _scaled_sparse(matrix: SparseRows, largest: np.ndarray) -> tuple[SparseRows, np.ndarray]:
    exponents = -np.frexp(largest)[1]
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    lossy = np.ldexp(np.ldexp(matrix.data, exponents[rows]), -exponents[rows]) != matrix.data
    exponents[rows[lossy]] = 0
    data = np.ldexp(matrix.data, exponents[rows])
    scaled = sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
    scaled.sort_indices()
    return scaled, _powers(exponents)


def _powers(exponents: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.ldexp(1.0, exponents)
