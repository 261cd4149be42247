"""Coordinates that a sparse matrix has too few rows for, found from the pattern of its numbers alone.

A maximum matching of rows with columns splits a sparse matrix (Dulmage and Mendelsohn, Coverings of bipartite graphs,
Canadian Journal of Mathematics 10, 1958): the columns that can be reached from one without a row have fewer rows than
there are of them, so that some vector that is zero elsewhere is in the null space whatever the numbers are.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import maximum_bipartite_matching

from unrelu.rigor.matrices import SparseRows, touches, uses_column


def loose_columns(matrix: SparseRows) -> np.ndarray:
    """The columns that are free when numbers are in general position, (d,) bool.

    All rows that use them are fewer than they; the others are determined to be zero.

    >>> from scipy import sparse
    >>> loose_columns(sparse.csr_array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    array([False,  True,  True])
    """
    match = _matching(matrix)
    start = np.ones(matrix.shape[1], dtype=bool)
    start[match[match >= 0]] = False
    return _reached(matrix, match, start)


def scarce_columns(matrix: SparseRows, equalities: np.ndarray) -> np.ndarray:
    """Columns F, (d,) bool, that at most |F| rows use, fewer than |F| of them equalities; none where there are none.

    Args:
        matrix: (m, d).
        equalities: (m,) bool, which rows are equalities.
    """
    match = _matching(matrix)
    row_of = np.full(matrix.shape[1], -1)
    row_of[match[match >= 0]] = np.flatnonzero(match >= 0)
    # Columns from which a row without a column can be reached have more rows than there are of them.
    crowding = match < 0
    while True:
        crowded = uses_column(matrix[crowding])
        grown = crowding.copy()
        grown[row_of[crowded & (row_of >= 0)]] = True
        if np.array_equal(grown, crowding):
            break
        crowding = grown
    start = ~crowded & ((row_of < 0) | ~equalities[row_of])
    return _reached(matrix, match, start)


def _matching(matrix: SparseRows) -> np.ndarray:
    """(m,) the column that each row is matched with in a maximum matching; -1 for rows without one.

    SciPy matches one side after the other; columns in an order at random take milliseconds where rows in theirs, of
    convolutions with a few rows too many, take half a minute.
    """
    m, d = matrix.shape
    order = np.random.default_rng(0).permutation(d)
    row_of = maximum_bipartite_matching(matrix.T.tocsr()[order], perm_type="column")
    match = np.full(m, -1)
    match[row_of[row_of >= 0]] = order[row_of >= 0]
    return match


def _reached(matrix: SparseRows, match: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Columns in reach of some: from a column to all rows that use it, and to the columns they are matched with."""
    reached = start
    while True:
        rows = touches(matrix, reached) & (match >= 0)
        grown = reached.copy()
        grown[match[rows]] = True
        if np.array_equal(grown, reached):
            return reached
        reached = grown
