"""The sets of solutions in leaves, in rational arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.exact.decide_hull import exact_hull
from unrelu.exact.hull import ExactHull
from unrelu.frontier.subproblems import Subproblems, joined
from unrelu.frontier.tree import Operation
from unrelu.preimages.search.exact_flat import exact_system
from unrelu.preimages.search.exact_piece import exact_piece
from unrelu.preimages.search.examined import examine

if TYPE_CHECKING:
    from unrelu.frontier.tree import Tree
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement


@dataclass(frozen=True, eq=False)
class ExactSet:
    """The solutions in a leaf.

    Attributes:
        dimension: of their set; -1 if there is none.
        point: (d,) float64, one of them, each number rounded once; None if there is none.
        where: (d,) the same, exactly.
    """

    dimension: int
    point: Tensor | None
    where: tuple[Fraction, ...] | None


MOST = 64
"""Leaves that are asked together: a second at most."""


def exact_sets(statement: InverseStatement, tree: Tree, leaves: np.ndarray) -> list[ExactSet | None]:
    """Of each leaf the solutions in it; None where they are not known.

    Where the network is one affine map on a leaf, they are a polytope whose rows are rational, and its affine hull is
    found exactly.

    Args:
        statement: what is asked.
        tree: what the search did.
        leaves: (k,) numbers of balls and flats.
    """
    if len(leaves) > MOST or statement.by_units:
        return [None] * len(leaves)
    if not len(leaves):
        return []
    parents = _parents(tree)
    seen = examine(statement, joined([_subproblem(statement, tree, parents, leaf) for leaf in leaves.tolist()]))
    return [_exact_set(statement, seen, place) for place in range(len(leaves))]


def _exact_set(statement: InverseStatement, seen: Examined, place: int) -> ExactSet | None:
    piece = exact_piece(statement, seen, place)
    found = None if piece is None else exact_hull(exact_system(piece))
    if piece is None or found is None:
        return None
    if not isinstance(found, ExactHull):
        return ExactSet(-1, None, None)
    return ExactSet(found.dimension, torch.from_numpy(piece.point(found.point)), piece.where(found.point))


def _parents(tree: Tree) -> np.ndarray:
    """(N,) int64, of each node but the root the one that it is a part of."""
    found = np.zeros(len(tree), dtype=np.int64)
    whole = np.flatnonzero(tree.child)
    found[tree.child[whole]] = whole
    halves = whole[np.isin(tree.operation[whole], (Operation.HALVED, Operation.SIDES))]
    found[tree.child[halves] + 1] = halves
    return found


def _subproblem(statement: InverseStatement, tree: Tree, parents: np.ndarray, leaf: int) -> Subproblems:
    """The box that is told of a leaf, with the sides that are fixed on the way to it."""
    lower, upper = (torch.from_numpy(each[leaf]) for each in (tree.lower, tree.upper))
    low, high = torch.maximum(lower, statement.lower), torch.minimum(upper, statement.upper)
    part = Subproblems.root(low, high, statement.bounded.n_units)
    node = leaf
    while node:
        parent = int(parents[node])
        if tree.operation[parent] == Operation.SIDES:
            side = 1.0 if node == tree.child[parent] else -1.0
            place, value = torch.from_numpy(tree.place[[parent]]), torch.from_numpy(tree.value[[parent]])
            part = part.fixing(place, torch.full_like(value, side), value, statement.bounded.twins)
        node = parent
    return part
