"""The sets of solutions in leaves, in rational arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.exact.decide_hull import exact_hull
from unrelu.preimages.search.exact_piece import exact_system
from unrelu.preimages.search.exact_set import ExactSet, exact_pieces, set_on_piece

if TYPE_CHECKING:
    import numpy as np

    from unrelu.frontier.tree import Tree
    from unrelu.preimages.search.statement import InverseStatement

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
    found: list[ExactSet | None] = []
    for piece in exact_pieces(statement, tree, leaves):
        proof = None if piece is None else exact_hull(exact_system(piece))
        found.append(None if piece is None or proof is None else set_on_piece(piece, proof))
    return found
