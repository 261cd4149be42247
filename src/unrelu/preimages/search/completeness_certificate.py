"""A proof that all solutions lie in listed places: the tree of a search, checked without the search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import TooLarge
from unrelu.frontier.parting import parts
from unrelu.frontier.subproblems import Subproblems, popped
from unrelu.frontier.tree import Operation, Tree
from unrelu.preimages.search.exact_piece import exact_piece
from unrelu.preimages.search.examined import Examined, examine, has_one_at_most, is_settled, narrowed
from unrelu.preimages.search.located_root import has_root_near, located
from unrelu.preimages.search.tiny_boxes import is_away, steepest, variation
from unrelu.rigor.arithmetic import proof

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from unrelu.preimages.search.statement import InverseStatement

    LeafCheck = Callable[[Examined, int], bool]

BATCH = 96
"""Sub-problems that are checked together."""

ROOM = 2**32
"""Bytes that the sub-problems which wait to be checked may take."""


@dataclass(frozen=True, eq=False)
class CompletenessCertificate:
    """Each node of the tree says what was done with a part of the domain; children hold all that their parent does.

    `verify` forms the bounds of every node anew, rounded outward, and calls no solver: what was cut off holds no
    solution by the node's own inequalities, what was refuted holds none, on the box of a ball no two points have the
    same features and its solutions are as near to the centre as is said (or it is all that is left of the box), and on
    a flat all units keep their branch.
    What rounding hides of such a flat is checked by its exact rows, in rational arithmetic.
    Where outputs are said to be away, they are at one point by more than they can vary on the box, by exact values.
    Where a ball or flat is said to hold a solution, its point is one by exact values, or an exact root is proved.

    Attributes:
        statement: what was asked.
        tree: the nodes.
    """

    statement: InverseStatement
    tree: Tree

    @cached_property
    def complete(self) -> bool:
        """Whether no part of the domain is left open, so that what `verify` proves is that no solution is missing."""
        return not bool(np.isin(self.tree.operation, (Operation.OPEN, Operation.LEFT)).any())

    @property
    def kind(self) -> str:
        """What is claimed, in a word."""
        return "complete" if self.complete else "incomplete"

    def save(self, folder: str | PathLike[str]) -> None:
        """Write it to a folder with the network; `unrelu.load_certificates` reads it, `unrelu verify` checks it.

        Raises:
            StoreError: if nothing can be written there, or an operator of the network is none of unrelu.
        """
        from unrelu.preimages.certificate_files.save import save_certificates

        save_certificates(self, folder, progress=False)

    @proof
    def verify(self, tell: Callable[[int], None] | None = None, *, each: LeafCheck | None = None) -> bool:
        """Whether the tree proves that all solutions lie in its balls and flats, or in what is left open.

        Those of its balls and flats that are said to hold a solution are proved to, too.

        Args:
            tell: is called with the number of nodes that were checked, after each batch.
            each: what has to hold of each ball and flat besides, for what is proved of its sub-problem.

        Raises:
            TooLarge: if a tree that no search made asks for too much memory.
        """
        statement, tree = self.statement, self.tree
        seen = np.zeros(len(tree), dtype=bool)
        if not len(tree) or not bool(np.isin(tree.operation, list(Operation)).all()):
            return False
        waiting = 1
        stack = [Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units)]
        while stack:
            batch = popped(stack, BATCH)
            numbers = batch.number.numpy()
            if bool(seen[numbers].any()) or len(np.unique(numbers)) < len(numbers):
                return False
            seen[numbers] = True
            self._expect_room(batch, waiting)
            children = self._checked(batch, numbers, each)
            if children is None:
                return False
            stack += children
            waiting += sum(map(len, children)) - len(batch)
            if tell is not None:
                tell(len(batch))
        return bool(seen.all())

    def _expect_room(self, batch: Subproblems, waiting: int) -> None:
        """Raise where a tree asks for more memory than any search had: a file can be made to.

        Raises:
            TooLarge: if it does.
        """
        U, d = self.statement.bounded.n_units, len(self.statement.lower)
        sides = batch.fixed.shape[1]
        if 8 * max(waiting * (2 * U + 2 * d + 3 * sides), BATCH * sides * U) > ROOM:
            raise TooLarge(
                f"to check this certificate, {waiting} parts of the domain with {sides} units told apart would have to "
                f"be held at once, more than {ROOM >> 30} GiB; it is none that a search leaves behind."
            )

    def _checked(self, batch: Subproblems, numbers: np.ndarray, each: LeafCheck | None) -> list[Subproblems] | None:
        """The children of some nodes; None if anything that is said of one of them is not proved."""
        tree = self.tree
        operation = torch.from_numpy(tree.operation[numbers].astype(np.int64))
        said = (operation != Operation.OPEN) & (operation != Operation.LEFT)
        at = torch.nonzero(said)[:, 0]
        if not len(at):
            return []
        numbers, operation, batch = numbers[at.numpy()], operation[at], batch.take(at)
        found = examine(self.statement, batch, torch.from_numpy(tree.multipliers[numbers]))
        for place in torch.nonzero((operation == Operation.REFUTED) & ~(found.refuted > 0))[:, 0].tolist():
            weights = tree.weights.get(int(numbers[place]))
            if weights is None or weights.ndim != 1 or not self._refutes(found, place, weights):
                return None
        lower = torch.maximum(torch.from_numpy(tree.lower[numbers]), batch.lower)
        upper = torch.minimum(torch.from_numpy(tree.upper[numbers]), batch.upper)
        for place in torch.nonzero((operation >= Operation.BALL) & (operation <= Operation.AWAY))[:, 0].tolist():
            code = Operation(int(operation[place]))
            if not self._holds(found, place, code):
                return None
            if each is not None and code is not Operation.AWAY and not each(found, place):
                return None
        children: list[Subproblems] = []
        whole = ((lower <= found.lower) & (found.upper <= upper)).all(dim=1) | (found.refuted > 0)
        base = narrowed(found, lower, torch.maximum(lower, upper), batch.share)
        for code in (Operation.CONTRACTED, Operation.HALVED, Operation.SIDES):
            chosen = torch.nonzero(operation == code)[:, 0]
            if not len(chosen):
                continue
            if not bool(whole[chosen].all()) or not bool((lower[chosen] <= upper[chosen]).all()):
                return None
            where = torch.from_numpy(tree.place[numbers[chosen.numpy()]])
            value = torch.from_numpy(tree.value[numbers[chosen.numpy()]])
            first = torch.from_numpy(tree.child[numbers[chosen.numpy()]])
            if not self._fits(code, base.take(chosen), where, value, first):
                return None
            children += parts(base.take(chosen), code, where, value, first, self.statement.bounded.twins)
        return children

    def _refutes(self, found: Examined, place: int, weights: np.ndarray) -> bool:
        if found.refutes(place, torch.from_numpy(weights)):
            return True
        piece = exact_piece(self.statement, found, place)
        return piece is not None and piece.refutes(weights)

    def _holds(self, found: Examined, place: int, code: Operation) -> bool:
        """Whether all solutions in a leaf lie in its ball or flat, and one lies there if that is said."""
        statement, problems = self.statement, found.problems
        number = int(problems.number[place])
        lower, upper, point = (
            torch.from_numpy(each[number]) for each in (self.tree.lower, self.tree.upper, self.tree.point)
        )
        holds = bool(self.tree.holds[number])
        if not holds and float(found.refuted[place]) > 0:  # by an order of sums that is luckier than the search's
            return bool(((lower <= upper) & (lower <= statement.upper) & (statement.lower <= upper)).all())
        settled = is_settled(found, place)
        inside = bool(((lower <= found.lower[place]) & (found.upper[place] <= upper)).all())
        if code is Operation.AWAY:
            low = torch.maximum(lower, problems.lower[place])[None]
            high = torch.minimum(upper, problems.upper[place])[None]
            if not inside or not bool(((low <= point) & (point <= high)).all()):
                return False
            spread = variation(steepest(statement, low, high), low, high, point[None])[0]
            return is_away(statement, point, spread)
        member = holds and bool(((lower <= point) & (point <= upper)).all()) and statement.is_member(point)
        if code is Operation.FLAT:
            if not (settled and inside):
                return False
            return not holds or member or has_root_near(statement, found, place, point, lower, upper)
        if inside and holds and (member or has_root_near(statement, found, place, point, lower, upper)):
            return True
        if not bool(((problems.lower[place] <= point) & (point <= problems.upper[place])).all()):
            return False
        if not has_one_at_most(found, place):
            return False
        root = located(statement, found, place, point, room=False)
        if root is None or (holds and not root.holds):
            return False
        return bool(((lower <= root.lower) & (root.upper <= upper)).all())

    def _fits(self, code: Operation, base: Subproblems, where: Tensor, value: Tensor, first: Tensor) -> bool:
        """Whether the children are nodes that come later, and are parts that hold all of their parent."""
        last = first if code is Operation.CONTRACTED else first + 1
        n = len(self.tree)
        if not bool(((first > base.number) & (first < n) & (last < n)).all()):
            return False
        if code is Operation.CONTRACTED:
            return True
        size = base.lower.shape[1] if code is Operation.HALVED else self.statement.bounded.n_units
        if not bool(((where >= 0) & (where < size) & torch.isfinite(value)).all()):
            return False
        if code is Operation.SIDES:
            return True
        every = torch.arange(len(base))
        return bool(((base.lower[every, where] <= value) & (value <= base.upper[every, where])).all())
