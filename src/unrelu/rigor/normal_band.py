"""`A' D A` of a sparse matrix as a band matrix, and what its Cholesky factorisation proves.

Where the rows of A are local, as those of a convolution are, an order of the columns exists in which `A' D A`
has numbers near its diagonal only. A factorisation then costs d times the square of the band's width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy import sparse
from scipy.sparse.csgraph import reverse_cuthill_mckee

from unrelu.errors import TooLarge
from unrelu.rigor.inverse_iteration import least_eigenvalue_estimate
from unrelu.rigor.matrices import SparseRows
from unrelu.rigor.rounding import UNIT, gamma, lost

BAND_LIMIT = 2**30
"""Bytes that one band may take; two are held at a time."""

_CHUNK = 2**20  # numbers of partial products held at once


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Rows that use the same columns, as dense blocks of one size.

    Attributes:
        rows: (g, r) indices of rows.
        columns: (g, c) places of their columns in the band's order.
        values: (g, r, c).
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray


class NormalBand:
    """`A' D A` for one sparse A (m, d) and many diagonal D.

    Rows with the same columns, such as all filters of a convolution at one place, are multiplied as small dense blocks.

    Attributes:
        order: (d,) the columns of A in the order of the band.
        width: how many diagonals below the main one may hold numbers.
        terms: most products that go into one number of `A' D A`.
    """

    def __init__(self, matrix: SparseRows) -> None:
        """Look for rows with the same columns and for an order with a narrow band.

        Raises:
            TooLarge: if the band would take more than `BAND_LIMIT` bytes.
        """
        m, d = matrix.shape
        ones = sparse.csr_array((np.ones(matrix.nnz, dtype=np.float32), matrix.indices, matrix.indptr), shape=(m, d))
        leaders, members = _same_columns(matrix)
        few = sparse.csr_array(ones[leaders])
        # The pattern of A'A has at least its fullest row's square, and is found by as many steps as all rows' squares.
        if 4 * float((np.diff(few.indptr).astype(np.float64) ** 2).sum()) > BAND_LIMIT:
            raise TooLarge(
                f"the rows of a sparse layer with {d} inputs use too many columns in too many ways for a sparse normal "
                "matrix; ask about a smaller input or give the layer as a dense matrix."
            )
        pattern = sparse.csr_array(few.T @ few)
        self.order = np.asarray(reverse_cuthill_mckee(pattern, symmetric_mode=True), dtype=np.intp)
        place = np.empty(d, dtype=np.intp)
        place[self.order] = np.arange(d)
        rows = np.repeat(np.arange(d), np.diff(pattern.indptr))
        self.width = int(np.abs(place[rows] - place[pattern.indices]).max(initial=0))
        if 8 * d * (self.width + 1) > BAND_LIMIT:
            raise TooLarge(
                f"the normal matrix of {d} columns has a band of {self.width} diagonals, which would take "
                f"{8 * d * (self.width + 1) / 2**30:.1f} GiB (limit {BAND_LIMIT / 2**30:.0f} GiB); ask about a smaller "
                "input."
            )
        self.terms = int(np.bincount(matrix.indices, minlength=d).max(initial=0))
        self._blocks = _blocks(matrix, members, place)
        self._size = d

    def band(self, weights: np.ndarray) -> np.ndarray:
        """`A' D A` in LAPACK's lower band form (width + 1, d), in the band's order.

        Args:
            weights: (m,) the diagonal of D. With zeros and ones every number is a sum of at most `terms` products.
        """
        flat = np.zeros((self.width + 1) * self._size)
        for blocks in self._blocks:
            g, r, c = blocks.values.shape
            low, high = np.tril_indices(c)[::-1]
            step = max(1, _CHUNK // (c * (r + c)))
            for start in range(0, g, step):
                part = slice(start, start + step)
                used = weights[blocks.rows[part]]
                alive = np.flatnonzero(used.any(axis=1))
                if not alive.size:
                    continue
                values = blocks.values[part][alive]
                with np.errstate(over="ignore", invalid="ignore"):  # seen where something is to be proved
                    product = np.matmul((values * used[alive][:, :, None]).transpose(0, 2, 1), values)[:, high, low]
                columns = blocks.columns[part][alive]
                first, second = columns[:, low], columns[:, high]
                where = np.abs(first - second) * self._size + np.minimum(first, second)
                flat += np.bincount(where.ravel(), product.ravel(), minlength=flat.size)
        return flat.reshape(self.width + 1, self._size)

    def solve(self, factor: np.ndarray, vector: np.ndarray) -> np.ndarray:
        """Solve with a factor that `scipy.linalg.cholesky_banded(..., lower=True)` made of a band."""
        solved = np.empty_like(vector)
        solved[self.order] = scipy.linalg.cho_solve_banded((factor, True), vector[self.order], check_finite=False)
        return solved

    def least_singular_value(self, chosen: np.ndarray, frobenius: float, without: np.ndarray | None = None) -> float:
        """A proved lower bound of `sigma_d` of chosen rows; 0 where none is found.

        If the Cholesky factorisation of `fl(A'A) - c I` runs to its end, then `lambda_min(A'A) >= c - slack` (Rump,
        Verification of positive definiteness, BIT 46, 2006); see `unrelu.rigor.singular.proved_slack`.

        Args:
            chosen: (m,) bool.
            frobenius: at least the Frobenius norm of the chosen rows.
            without: indices of columns to leave out, if any.
        """
        band = self.band(chosen.astype(np.float64))
        if without is not None:
            self._leave_out(band, without)
            # The trace of what is factored, in place of the rows' squared norms.
            frobenius = math.sqrt(frobenius * frobenius + without.size * float(band[0].max())) * (1 + 8 * UNIT)
        if not (math.isfinite(frobenius) and np.isfinite(band).all()):
            return 0.0
        slack = self.slack(frobenius)
        estimate = self._least_eigenvalue_estimate(band)
        for fraction in (0.9, 0.5, 0.1):
            shift = fraction * estimate
            if shift <= slack:
                return 0.0
            if _factor(band, shift) is not None:
                return math.sqrt((shift - slack) * (1 - 8 * UNIT)) * (1 - 8 * UNIT)
        return 0.0

    def proves_full_column_rank(self, chosen: np.ndarray, frobenius: float) -> bool:
        """Whether chosen rows are proved to have full column rank, by one factorisation."""
        band = self.band(chosen.astype(np.float64))
        if not (math.isfinite(frobenius) and np.isfinite(band).all()):
            return False
        return _factor(band, 2 * self.slack(frobenius)) is not None

    def slack(self, frobenius: float) -> float:
        """How far above zero the least eigenvalue of a computed `A'A` proves the exact one to be positive."""
        # As `proved_slack`; a number of the factor of a band is a sum of at most width + 1 products.
        trace = frobenius * frobenius * (1 + gamma(self.terms + 4))
        cholesky = gamma(2 * (self.width + 1) + 8)
        factor = gamma(self.terms + 2) + cholesky / (1 - cholesky) + 2 * UNIT
        d = self._size
        underflow = d * (lost(self.terms, 2 * frobenius) + lost(2 * (self.width + 1), 3 * trace))
        return factor * trace * (1 + 64 * UNIT) + underflow

    def small_vectors(self, chosen: np.ndarray, count: int, frobenius: float, steps: int) -> np.ndarray | None:
        """Nearly the right singular vectors (d, count) of the smallest singular values of chosen rows; None if none."""
        factor = _factor(self.band(chosen.astype(np.float64)), -4 * self.slack(frobenius))
        if factor is None:
            return None
        V = np.random.default_rng(0).standard_normal((self._size, count))
        for _ in range(steps):
            V = np.linalg.qr(self.solve(factor, V))[0]
        return V

    def complement(self, chosen: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """T, (d, k): the identity on the columns, and on the others what makes `A_others' A T` nearly zero."""
        full = self.band(chosen.astype(np.float64))
        T = np.zeros((self._size, columns.size))
        T[columns, np.arange(columns.size)] = 1.0
        reduced = full.copy()
        self._leave_out(reduced, columns)
        factor = _factor(reduced, 0.0)
        assert factor is not None  # it had one with a shift
        for _ in range(2):  # the second corrects the rounding of the first
            pushed = self._times(full, T)
            pushed[columns] = 0.0
            T -= self.solve(factor, pushed)
        T[columns] = np.eye(columns.size)
        return T

    def _times(self, band: np.ndarray, T: np.ndarray) -> np.ndarray:
        ordered, product = T[self.order], np.zeros_like(T)
        product += band[0][:, None] * ordered
        for k in range(1, self.width + 1):
            diagonal = band[k, : self._size - k, None]
            product[k:] += diagonal * ordered[: self._size - k]
            product[: self._size - k] += diagonal * ordered[k:]
        result = np.empty_like(product)
        result[self.order] = product
        return result

    def _leave_out(self, band: np.ndarray, columns: np.ndarray) -> None:
        """Replace rows and columns of the normal matrix by those of a multiple of the identity."""
        place = np.empty(self._size, dtype=np.intp)
        place[self.order] = np.arange(self._size)
        top = float(band[0].max())
        for j in place[columns]:
            band[:, j] = 0.0
            k = np.arange(1, min(self.width, j) + 1)
            band[k, j - k] = 0.0
            band[0, j] = top

    def _least_eigenvalue_estimate(self, band: np.ndarray) -> float:
        factor = _factor(band, 0.0)
        if factor is None:
            return 0.0
        return least_eigenvalue_estimate(
            lambda v: scipy.linalg.cho_solve_banded((factor, True), v, check_finite=False), self._size
        )


def _factor(band: np.ndarray, shift: float) -> np.ndarray | None:
    shifted = band.copy()
    shifted[0] -= shift
    try:
        return scipy.linalg.cholesky_banded(shifted, lower=True, overwrite_ab=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None


def _same_columns(matrix: SparseRows) -> tuple[np.ndarray, list[np.ndarray]]:
    """One row of each set of columns, and all rows with these columns."""
    found: dict[bytes, list[int]] = {}
    starts = matrix.indptr.tolist()
    for row in range(matrix.shape[0]):
        if starts[row] < starts[row + 1]:
            found.setdefault(matrix.indices[starts[row] : starts[row + 1]].tobytes(), []).append(row)
    members = [np.array(rows) for rows in found.values()]
    return np.array([rows[0] for rows in members], dtype=np.intp), members


def _blocks(matrix: SparseRows, members: list[np.ndarray], place: np.ndarray) -> list[_Blocks]:
    by_size: dict[tuple[int, int], list[np.ndarray]] = {}
    for rows in members:
        by_size.setdefault((rows.size, int(matrix.indptr[rows[0] + 1] - matrix.indptr[rows[0]])), []).append(rows)
    blocks = []
    for (_, c), groups in by_size.items():
        rows = np.stack(groups)
        positions = matrix.indptr[rows][:, :, None] + np.arange(c)
        columns = place[matrix.indices[positions[:, 0]]]
        blocks.append(_Blocks(rows, columns, matrix.data[positions]))
    return blocks
