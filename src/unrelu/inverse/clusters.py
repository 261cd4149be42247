"""Which boxes hang together."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


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
    for place, number in enumerate(order.tolist()):
        stop = int(np.searchsorted(starts, upper[number, 0], side="right"))
        others = order[place + 1 : stop]
        touching = ((lower[others] <= upper[number]) & (lower[number] <= upper[others])).all(axis=1)
        met = others[touching]
        edges.append((np.full(len(met), number), met))
    rows, columns = (np.concatenate([each[k] for each in edges]) if edges else np.zeros(0, int) for k in (0, 1))
    graph = sparse.coo_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    count, labels = csgraph.connected_components(graph, directed=False)
    by_label = np.argsort(labels, kind="stable")
    cuts = np.searchsorted(labels[by_label], np.arange(count + 1))
    return [by_label[start:stop] for start, stop in pairwise(cuts.tolist())]
