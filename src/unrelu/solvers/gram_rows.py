"""Products of the rows of a cone that many inputs share."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import scipy.linalg

from unrelu.rigor.scaled_rows import ScaledRows

GRAM_LIMIT = 2 * 2**30
"""Bytes that the Gram matrix of all rows may take; above it, its parts are formed where they are needed."""


class GramRows:
    """The rows A (m, d) of a cone with `A A'` and a factor of `A'A`, each computed at most once.

    Attributes:
        rows: the scaled rows.
    """

    def __init__(self, rows: ScaledRows) -> None:
        """Remember the rows; nothing is computed yet."""
        self.rows = rows
        self._gram: np.ndarray | None = None

    def prepare(self, n_equalities: np.ndarray) -> None:
        """Form the Gram matrix of all rows if the inputs to come are worth it and it fits.

        Args:
            n_equalities: (n,) number of equality rows of each input, whose own Gram matrices it replaces.
        """
        m = self.rows.shape[0]
        if self.rows.is_sparse:
            return
        if self._gram is None and int((n_equalities**2).sum()) > m * m and 8 * m * m <= GRAM_LIMIT:
            self._gram = self.rows.matrix @ self.rows.matrix.T

    def gram(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Inner products of two selections of rows, a new array (len(first), len(second))."""
        if self._gram is not None:
            return self._gram[np.ix_(first, second)]
        A = self.rows.matrix
        if first is second:
            chosen = A[first]
            return chosen @ chosen.T
        return A[first] @ A[second].T

    @cached_property
    def row_sums(self) -> np.ndarray:
        """(m,) `A A'1`, the products of every row with the sum of all."""
        A = self.rows.matrix
        return A @ A.sum(axis=0)

    @cached_property
    def normal_factor(self) -> np.ndarray | None:
        """The lower Cholesky factor of `A'A` (d, d), or None where the rows do not have full column rank."""
        if self.rows.column_rank_bound == 0.0:
            return None
        return np.linalg.cholesky(self.rows.normal_matrix)

    def completed(self, residuals: np.ndarray) -> np.ndarray:
        """The least changes D of the multipliers with `D A = R`, for residuals R: (n, d) -> (n, m)."""
        assert self.normal_factor is not None
        solved = scipy.linalg.cho_solve((self.normal_factor, True), residuals.T, check_finite=False)
        return solved.T @ self.rows.matrix.T
