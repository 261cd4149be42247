"""Two different points that are solutions, by exact outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.frontier.tree import Operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from unrelu.frontier.tree import Tree
    from unrelu.preimages.search.statement import InverseStatement

MOST_TRIED = 128
"""Points whose outputs are looked at."""


def two_members(statement: InverseStatement, tree: Tree) -> tuple[Tensor, Tensor] | None:
    """Two solutions among the points of a tree's balls and flats, their corners, and points beside them; or None.

    Args:
        statement: what was asked.
        tree: what a search did.
    """
    first: Tensor | None = None
    for point, _ in zip(_candidates(statement, tree), range(MOST_TRIED), strict=False):
        if first is not None and bool((point == first).all()):
            continue
        if statement.is_member(point):
            if first is not None:
                return first, point
            first = point
    return None


def are_two_members(statement: InverseStatement, pair: tuple[Tensor, Tensor]) -> bool:
    """Whether two points are different ones, and both are solutions."""
    return not bool((pair[0] == pair[1]).all()) and all(statement.is_member(point) for point in pair)


def _candidates(statement: InverseStatement, tree: Tree) -> Iterator[Tensor]:
    if statement.at is not None:
        yield statement.at
    leaves = np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT)))
    ends = statement.lower.numpy(), statement.upper.numpy()
    for number in leaves.tolist():
        for point in (tree.point[number], tree.lower[number], tree.upper[number]):
            yield torch.from_numpy(np.clip(point, *ends))
    for number in leaves[tree.operation[leaves] == Operation.FLAT].tolist():
        lower, upper, point = tree.lower[number], tree.upper[number], tree.point[number]
        for j in np.flatnonzero(upper > lower).tolist():
            for end in (lower[j], upper[j]):
                beside = point.copy()
                beside[j] = point[j] + np.exp2(np.floor(np.log2(abs(end - point[j]) + 1e-300))) * np.sign(
                    end - point[j]
                )
                yield torch.from_numpy(np.clip(beside, *ends))
