"""Matrices stored whole or by their numbers other than zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    SparseRows: TypeAlias = Any  # what is known about the types of scipy's sparse arrays lacks shapes and products
else:
    SparseRows: TypeAlias = sparse.csr_array

Matrix: TypeAlias = np.ndarray | SparseRows
"""A float64 matrix; a sparse one has each position at most once, in order, and finite numbers only where stored."""


_GLANCE = 8


def most_terms(matrix: Matrix) -> int:
    """An upper bound of how many products other than zero go into one inner product with a row."""
    if isinstance(matrix, np.ndarray):
        return matrix.shape[1]
    return int(np.diff(matrix.indptr).max(initial=0))


def as_array(matrix: Matrix) -> np.ndarray:
    """The matrix stored whole."""
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def uses_column(matrix: Matrix) -> np.ndarray:
    """(d,) bool, whether a column has a number other than zero."""
    if isinstance(matrix, np.ndarray):
        return np.asarray(matrix.any(axis=0))
    return np.bincount(matrix.indices[matrix.data != 0], minlength=matrix.shape[1]) > 0


def row_numbers(matrix: Matrix, row: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns and numbers of one row; of a sparse one only those that are stored."""
    if isinstance(matrix, np.ndarray):
        return np.arange(matrix.shape[1]), matrix[row]
    part = slice(matrix.indptr[row], matrix.indptr[row + 1])
    return matrix.indices[part], matrix.data[part]


def stacked(parts: list[Matrix]) -> Matrix:
    """Matrices below each other; sparse if the first one is."""
    if isinstance(parts[0], np.ndarray):
        return np.vstack([as_array(part) for part in parts])
    return sparse.csr_array(sparse.vstack(parts, format="csr"))


def times_powers(matrix: Matrix, exponents: np.ndarray) -> Matrix:
    """Rows times powers of two; what is lost below the least float is for the caller to count."""
    if isinstance(matrix, np.ndarray):
        if np.abs(exponents).max(initial=0) <= 1000:  # powers that are ordinary numbers, and products are much faster
            return matrix * np.ldexp(1.0, exponents)[:, None]
        return np.ldexp(matrix, exponents[:, None])
    scaled = matrix.copy()
    scaled.data = np.ldexp(matrix.data, np.repeat(exponents, np.diff(matrix.indptr)))
    return scaled


def column(matrix: Matrix, j: int) -> np.ndarray:
    """(m,) one column."""
    return matrix[:, j] if isinstance(matrix, np.ndarray) else matrix[:, [j]].toarray().ravel()


def touches(matrix: Matrix, columns: np.ndarray) -> np.ndarray:
    """(m,) bool, whether a row has a number other than zero in some columns, (d,) bool."""
    if isinstance(matrix, np.ndarray):
        index = np.flatnonzero(columns)
        found = np.asarray(matrix[:, index[:_GLANCE]].any(axis=1))  # most rows of dense layers have no zero
        left = np.flatnonzero(~found)
        found[left] = matrix[np.ix_(left, index[_GLANCE:])].any(axis=1)
        return found
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return np.bincount(rows[columns[matrix.indices] & (matrix.data != 0)], minlength=matrix.shape[0]) > 0


def without_copies(matrix: Matrix) -> Matrix:
    """The rows, none of them zero, without those that equal another one or its negative."""
    if isinstance(matrix, np.ndarray):
        first = matrix[np.arange(len(matrix)), (matrix != 0).argmax(axis=1)]
        return np.unique(matrix * np.sign(first)[:, None] + 0.0, axis=0)  # + 0.0 makes one zero of two
    kept: dict[tuple[bytes, bytes], int] = {}
    for row in range(matrix.shape[0]):
        columns, numbers = row_numbers(matrix, row)
        columns, numbers = columns[numbers != 0], numbers[numbers != 0]
        kept.setdefault((columns.tobytes(), (numbers * np.sign(numbers[0])).tobytes()), row)
    return sparse.csr_array(matrix[list(kept.values())])
