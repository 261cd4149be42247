"""The set of solutions in a leaf, in rational arithmetic, with a proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.exact.hull import ExactHull
from unrelu.frontier.subproblems import Subproblems, joined
from unrelu.frontier.tree import Operation
from unrelu.preimages.search.exact_piece import exact_piece, exact_system
from unrelu.preimages.search.examined import examine

if TYPE_CHECKING:
    from fractions import Fraction

    from unrelu.exact.infeasible import ExactInfeasible
    from unrelu.frontier.tree import Tree
    from unrelu.preimages.search.exact_piece import ExactPiece
    from unrelu.preimages.search.statement import InverseStatement


@dataclass(frozen=True, eq=False)
class ExactSet:
    """The solutions in a leaf.

    Attributes:
        dimension: of their set; -1 if there is none.
        point: (d,) float64, one of them, each number rounded once; None if there is none.
        where: (d,) the same, exactly.
        proof: of all that.
    """

    dimension: int
    point: Tensor | None
    where: tuple[Fraction, ...] | None
    proof: ExactHull | ExactInfeasible


def set_on_piece(piece: ExactPiece, proof: ExactHull | ExactInfeasible) -> ExactSet:
    """What a proof says of a piece."""
    if not isinstance(proof, ExactHull):
        return ExactSet(-1, None, None, proof)
    return ExactSet(proof.dimension, torch.from_numpy(piece.point(proof.point)), piece.where(proof.point), proof)


def are_exact_sets(
    statement: InverseStatement, tree: Tree, leaves: np.ndarray, sets: Sequence[ExactSet | None]
) -> bool:
    """Whether sets are those of some leaves of a tree that verifies, and as is said of them; calls no solver.

    None says nothing of a leaf.

    Args:
        statement: what is asked.
        tree: what a search did.
        leaves: (k,) numbers of balls and flats.
        sets: k of them.
    """
    if len(sets) != len(leaves):
        return False
    for each, piece in zip(sets, exact_pieces(statement, tree, leaves), strict=True):
        if each is None:
            continue
        if piece is None or not each.proof.verify(exact_system(piece)):
            return False
        again = set_on_piece(piece, each.proof)
        if (again.dimension, again.where) != (each.dimension, each.where):
            return False
    return True


def exact_pieces(statement: InverseStatement, tree: Tree, leaves: np.ndarray) -> list[ExactPiece | None]:
    """The affine pieces on some leaves; None where units are not settled, it takes too long, or no box is told.

    Args:
        statement: what is asked.
        tree: what a search did.
        leaves: (k,) numbers of balls and flats.
    """
    if not len(leaves):
        return []
    parents = _parents(tree)
    seen = examine(statement, joined([_subproblem(statement, tree, parents, leaf) for leaf in leaves.tolist()]))
    boxes = (seen.problems.lower <= seen.problems.upper).all(dim=1).tolist()
    return [exact_piece(statement, seen, place) if boxes[place] else None for place in range(len(leaves))]


def _parents(tree: Tree) -> np.ndarray:
    """(N,) int64, of each node but the root the one that it is a part of."""
    found = np.zeros(len(tree), dtype=np.int64)
    whole = np.flatnonzero(np.isin(tree.operation, (Operation.CONTRACTED, Operation.HALVED, Operation.SIDES)))
    found[tree.child[whole]] = whole
    halves = whole[tree.operation[whole] != Operation.CONTRACTED]
    found[tree.child[halves] + 1] = halves
    return found


def _subproblem(statement: InverseStatement, tree: Tree, parents: np.ndarray, leaf: int) -> Subproblems:
    """The box that is told of a leaf, with the sides that are fixed on the way to it."""
    lower, upper = (torch.from_numpy(each[leaf]) for each in (tree.lower, tree.upper))
    low, high = torch.maximum(lower, statement.lower), torch.minimum(upper, statement.upper)
    part = Subproblems.root(low, high, statement.bounded.n_units)
    node = leaf
    for _ in range(len(tree)):
        if not node:
            break
        parent = int(parents[node])
        if tree.operation[parent] == Operation.SIDES:
            side = 1.0 if node == tree.child[parent] else -1.0
            place, value = torch.from_numpy(tree.place[[parent]]), torch.from_numpy(tree.value[[parent]])
            part = part.fixing(place, torch.full_like(value, side), value, statement.bounded.twins)
        node = parent
    return part
