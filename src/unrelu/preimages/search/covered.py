"""Where a tree leaves room for solutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.frontier.tree import Operation

if TYPE_CHECKING:
    from unrelu.preimages.search.completeness_certificate import CompletenessCertificate

CUT = (Operation.CONTRACTED, Operation.HALVED, Operation.SIDES)


def covered(certificate: CompletenessCertificate) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends, (k, d) each, of boxes that hold all solutions, if the certificate verifies.

    They are the boxes of balls and flats as far as they lie in the domain, and those that the nodes before left to what
    is open: `verify` goes down the tree by the same rules.

    Args:
        certificate: what is no tree, its children coming after their parents, leaves the whole domain.
    """
    tree, statement = certificate.tree, certificate.statement
    first, last = statement.lower.numpy(), statement.upper.numpy()
    n = len(tree)
    lower, upper = np.tile(first, (n, 1)), np.tile(last, (n, 1))
    level = np.zeros(min(n, 1), dtype=np.int64)
    found: list[np.ndarray] = []
    while len(level):
        operation = tree.operation[level]
        held = np.isin(operation, (Operation.BALL, Operation.FLAT))
        balls = level[held]
        lower[balls], upper[balls] = np.maximum(tree.lower[balls], first), np.minimum(tree.upper[balls], last)
        found.append(level[held | np.isin(operation, (Operation.OPEN, Operation.LEFT))])
        below: list[np.ndarray] = []
        cut = level[np.isin(operation, CUT)]
        ends = tree.child[cut] + (tree.operation[cut] != Operation.CONTRACTED)
        if bool(((tree.child[cut] <= cut) | (ends >= n)).any()):  # no tree: nothing is cut off
            return first[None], last[None]
        low, high = np.maximum(tree.lower[cut], lower[cut]), np.minimum(tree.upper[cut], upper[cut])
        child, halved = tree.child[cut], tree.operation[cut] == Operation.HALVED
        lower[child], upper[child] = low, high
        below.append(child)
        two = tree.operation[cut] != Operation.CONTRACTED
        second = child[two] + 1
        lower[second], upper[second] = low[two], high[two]
        below.append(second)
        which, value = tree.place[cut[halved]], tree.value[cut[halved]]
        upper[child[halved], which] = value
        lower[child[halved] + 1, which] = value
        level = np.unique(np.concatenate(below))
    leaves = np.concatenate(found) if found else np.zeros(0, dtype=np.int64)
    return lower[leaves], upper[leaves]
