"""Coordinates that a sparse matrix has too few rows for, found from the pattern of its numbers alone.

A maximum matching of rows with columns splits a sparse matrix (Dulmage and Mendelsohn, Coverings of bipartite graphs,
Canadian Journal of Mathematics 10, 1958): the columns that can be reached from one without a row have fewer rows than
there are of them, so that some vector that is zero elsewhere is in the null space whatever the numbers are.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import maximum_flow

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

    A maximum flow (Dinic) in which rows with the same columns, such as all filters of a convolution at one place, are
    one node. SciPy's own matching takes a minute and a half for some convolutions with a few rows too many.
    """
    m, d = matrix.shape
    match = np.full(m, -1)
    full = np.flatnonzero(np.diff(matrix.indptr))
    if not full.size:
        return match
    # Sums of random numbers, one for each column, tell sets of columns apart.
    names = np.random.default_rng(0).integers(2**63, size=d, dtype=np.uint64)
    keys = np.add.reduceat(names[matrix.indices], matrix.indptr[full])
    _, leaders, group = np.unique(keys, return_index=True, return_inverse=True)
    sizes, few = np.bincount(group), matrix[full[leaders]]
    n = sizes.size
    # Nodes are the n groups, the d columns, the source and the sink; arcs are listed by where they start.
    heads = np.concatenate([n + few.indices, np.full(d, n + d + 1), np.arange(n)])
    starts = np.concatenate([few.indptr, few.nnz + np.arange(1, d + 1), [heads.size, heads.size]])
    capacities = np.concatenate([np.ones(few.nnz + d), sizes])
    arcs = tuple(each.astype(np.int32) for each in (capacities, heads, starts))
    network = sparse.csr_array(arcs, shape=(n + d + 2, n + d + 2))
    flow = sparse.coo_array(maximum_flow(network, n + d, n + d + 1, method="dinic").flow)
    flow_from, flow_to = flow.coords
    used = (flow.data > 0) & (flow_from < n) & (flow_to < n + d)
    order = np.argsort(flow_from[used], kind="stable")
    of_group, columns = flow_from[used][order], flow_to[used][order] - n
    members = full[np.argsort(group, kind="stable")]
    rank = np.arange(columns.size) - np.searchsorted(of_group, of_group)
    match[members[(np.cumsum(sizes) - sizes)[of_group] + rank]] = columns
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
