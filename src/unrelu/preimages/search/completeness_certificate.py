"""A proof that all solutions lie in listed places: the tree of a search, checked without the search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.frontier.parting import parts
from unrelu.frontier.subproblems import Subproblems, popped
from unrelu.frontier.tree import Operation, Tree
from unrelu.preimages.search.exact_root import exact_root
from unrelu.preimages.search.examined import Examined, examine, narrowed
from unrelu.preimages.search.located_root import around, located
from unrelu.preimages.search.tiny_boxes import is_away, steepest, variation
from unrelu.rigor.arithmetic import proof

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement

BATCH = 96
"""Sub-problems that are checked together."""


@dataclass(frozen=True, eq=False)
class CompletenessCertificate:
    """Each node of the tree says what was done with a part of the domain; children hold all that their parent does.

    `verify` forms the bounds of every node anew, rounded outward, and calls no solver: what was cut off holds no
    solution by the node's own inequalities, what was refuted holds none, on the box of a ball no two points have the
    same features and its solutions are as near to the centre as is said (or it is all that is left of the box), and on
    a flat all units keep their branch.
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

    @proof
    def verify(self) -> bool:
        """Whether the tree proves that all solutions lie in its balls and flats, or in what is left open.

        Those of its balls and flats that are said to hold a solution are proved to, too.
        """
        statement, tree = self.statement, self.tree
        seen = np.zeros(len(tree), dtype=bool)
        stack = [Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units)]
        while stack:
            batch = popped(stack, BATCH)
            numbers = batch.number.numpy()
            if bool(seen[numbers].any()) or len(np.unique(numbers)) < len(numbers):
                return False
            seen[numbers] = True
            children = self._checked(batch, numbers)
            if children is None:
                return False
            stack += children
        return bool(seen.all())

    def _checked(self, batch: Subproblems, numbers: np.ndarray) -> list[Subproblems] | None:
        """The children of some nodes; None if anything that is said of one of them is not proved."""
        tree = self.tree
        operation = torch.from_numpy(tree.operation[numbers].astype(np.int64))
        said = (operation != Operation.OPEN) & (operation != Operation.LEFT)
        at = torch.nonzero(said)[:, 0]
        if not len(at):
            return []
        numbers, operation, batch = numbers[at.numpy()], operation[at], batch.take(at)
        found = examine(self.statement, batch, torch.from_numpy(tree.multipliers[numbers]))
        for place in torch.nonzero((operation == Operation.REFUTED) & (found.refuted <= 0))[:, 0].tolist():
            weights = tree.weights.get(int(numbers[place]))
            if weights is None or weights.ndim != 1 or not found.refutes(place, torch.from_numpy(weights)):
                return None
        lower = torch.maximum(torch.from_numpy(tree.lower[numbers]), batch.lower)
        upper = torch.minimum(torch.from_numpy(tree.upper[numbers]), batch.upper)
        for place in torch.nonzero((operation >= Operation.BALL) & (operation <= Operation.AWAY))[:, 0].tolist():
            if not self._holds(found, place, lower[place], upper[place], Operation(int(operation[place]))):
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

    def _holds(self, found: Examined, place: int, lower: Tensor, upper: Tensor, code: Operation) -> bool:
        number = int(found.problems.number[place])
        point, holds = torch.from_numpy(self.tree.point[number]), bool(self.tree.holds[number])
        if float(found.refuted[place]) > 0:  # by an order of sums that is luckier than the search's
            return not holds
        settled = int(found.units.open[place]) == 0
        inside = bool(((lower <= found.lower[place]) & (found.upper[place] <= upper)).all())
        if code is Operation.AWAY:
            if not inside or not bool(((lower <= point) & (point <= upper)).all()):
                return False
            slopes = steepest(self.statement, lower[None], upper[None])
            spread = variation(slopes, lower[None], upper[None], point[None])[0]
            return is_away(self.statement, point, spread)
        if code is Operation.FLAT:
            return settled and inside and (not holds or self._has_root(found, place, point))
        problems = found.problems
        if not bool(((problems.lower[place] <= point) & (point <= problems.upper[place])).all()):
            return False
        if inside and holds and self.statement.is_member(point):
            return True
        if bool(problems.is_conditional[place]) and not settled:
            return False
        if not float(found.apart[place].max()) < 1:
            return False
        root = located(self.statement, found, place, point, room=False)
        if root is None or (holds and not root.holds):
            return False
        return bool(((lower <= root.lower) & (root.upper <= upper)).all())

    def _has_root(self, found: Examined, place: int, point: Tensor) -> bool:
        """Whether there is a solution, at a point or, if only exact ones count, near it."""
        if self.statement.is_member(point):
            return True
        outputs = self.statement.exact_outputs(point)
        if outputs is None or not bool((self.statement.resolution == 0).any()):
            return False
        near = around(self.statement, found, place, point)
        return exact_root(self.statement, near, point, outputs).holds is True

    def _fits(self, code: Operation, base: Subproblems, where: Tensor, value: Tensor, first: Tensor) -> bool:
        """Whether the children are nodes that come later, and are parts that hold all of their parent."""
        last = first if code is Operation.CONTRACTED else first + 1
        if not bool(((first > base.number) & (last < len(self.tree))).all()):
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
