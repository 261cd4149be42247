"""Which boxes hang together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

MOST_EDGES = 2**20
"""Pairs of touching boxes that are held at once, beside two for each box."""


def clusters(lower: np.ndarray, upper: np.ndarray) -> list[np.ndarray]:
    """The numbers of the boxes that touch or overlap, directly or through others, group by group.

    Args:
        lower: (n, d).
        upper: (n, d).
    """
    n = len(lower)
    order = np.argsort(lower[:, 0], kind="stable") if n else np.zeros(0, dtype=np.int64)
    starts = lower[order, 0]
    edges: list[tuple[np.ndarray, np.ndarray]] = []
    kept = 0
    for place, number in enumerate(order.tolist()):
        stop = int(np.searchsorted(starts, upper[number, 0], side="right"))
        others = order[place + 1 : stop]
        touching = ((lower[others] <= upper[number]) & (lower[number] <= upper[others])).all(axis=1)
        met = others[touching]
        edges.append((np.full(len(met), number), met))
        kept += len(met)
        if kept > MOST_EDGES + 2 * n:  # those of each group so far say as much as all of them
            labels = _components(edges, n)[1]
            first = np.unique(labels, return_index=True)[1]
            edges, kept = [(first[labels], np.arange(n))], n
    count, labels = _components(edges, n)
    by_label = np.argsort(labels, kind="stable")
    cuts = np.searchsorted(labels[by_label], np.arange(count + 1))
    return [by_label[start:stop] for start, stop in pairwise(cuts.tolist())]


def _components(edges: list[tuple[np.ndarray, np.ndarray]], n: int) -> tuple[int, np.ndarray]:
    rows, columns = (np.concatenate([each[k] for each in edges]) if edges else np.zeros(0, int) for k in (0, 1))
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    return csgraph.connected_components(graph, directed=False)
