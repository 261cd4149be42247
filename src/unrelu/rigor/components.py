"""Which rows of a matrix are joined by the columns they use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from unrelu.rigor.matrices import Matrix

_GLANCE = 8


@dataclass(frozen=True, eq=False)
class Components:
    """The connected components of rows and columns, two of which are joined by a number other than zero.

    Attributes:
        count: how many there are, rows of zeros and columns of zeros not counted.
        of_rows: (m,) the component of each row; -1 for rows of zeros and those left out.
        of_columns: (d,) that of each column; -1 where it is in none.
    """

    count: int
    of_rows: np.ndarray
    of_columns: np.ndarray


def components(matrix: Matrix, chosen: np.ndarray) -> Components:
    """The components of chosen rows.

    Args:
        matrix: (m, d).
        chosen: (m,) bool, rows other than zero.

    >>> found = components(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [3.0, 0.0, 0.0]]), np.ones(3, dtype=bool))
    >>> found.count, found.of_rows, found.of_columns
    (2, array([0, 1, 0]), array([ 0, -1,  1]))
    """
    m, d = matrix.shape
    rows = np.flatnonzero(chosen)
    of_rows, of_columns = np.full(m, -1), np.full(d, -1)
    if isinstance(matrix, np.ndarray):
        if rows.size and bool((matrix[rows[:_GLANCE]] != 0).all(axis=1).any()):  # one row joins all columns
            of_rows[rows] = 0
            of_columns[:] = 0
            return Components(1, of_rows, of_columns)
        pattern = sparse.csr_array(matrix[rows] != 0)
    else:
        part = matrix[rows]
        pattern = sparse.csr_array((part.data != 0, part.indices, part.indptr), shape=part.shape)
        pattern.eliminate_zeros()
    # A graph with rows as its first nodes and columns as the others.
    size = rows.size + d
    starts = np.concatenate([pattern.indptr, np.full(d, pattern.indptr[-1], dtype=pattern.indptr.dtype)])
    graph = sparse.csr_array((pattern.data, pattern.indices + rows.size, starts), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    # Numbered in the order of their first rows; a column that no row uses is a node by itself.
    present, first = np.unique(labels[: rows.size], return_index=True)
    number = np.full(size, -1)
    number[present[np.argsort(first)]] = np.arange(present.size)
    of_rows[rows], of_columns[:] = number[labels[: rows.size]], number[labels[rows.size :]]
    return Components(int(present.size), of_rows, of_columns)
