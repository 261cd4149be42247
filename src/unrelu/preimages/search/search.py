"""The search for all solutions: boxes are bounded, cut down, split and settled until none is left."""

from __future__ import annotations

import math
import time
from copy import copy, deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.frontier.parting import parts
from unrelu.frontier.subproblems import Subproblems, popped
from unrelu.frontier.tree import GrowingTree, Operation
from unrelu.preimages.search.exact_flat import settled_flat
from unrelu.preimages.search.examined import CAUTION, Examined, examine, narrowed, widened
from unrelu.preimages.search.inequalities import Inequalities
from unrelu.preimages.search.located_root import Root, alike_member, newton
from unrelu.preimages.search.settled_leaf import SettledLeaf
from unrelu.preimages.search.splitting import MOST, most_units, volume_left, widest_inputs, widest_kinks
from unrelu.preimages.search.tiny_boxes import ALIKE, TINY, blurred, is_away, steepest, variation
from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from unrelu.preimages.search.statement import InverseStatement

BATCH = 96
"""Sub-problems that are bounded together."""

LARGEST = 2**20
"""Numbers in the rows of all outputs of those."""

PROGRESS = 0.6
"""A box cut down to less than this part of its volume is bounded again before it is split."""

NARROW = 2.0**-56
"""Of the domain's width: boxes that are narrower in every input are not split further."""

FAST = 2.0**-10
"""A box cut down to less than this part of its volume holds a point rather than a flat, and is bounded again."""

SMALL = 2.0**-20
"""Of the domain's width: wider boxes are no ball, however little outputs vary on them."""


@dataclass
class Search:
    """A search that can be stopped and goes on where it was.

    Attributes:
        statement: what is asked.
        keeps_leaves: whether to keep what is known of flats and balls.
        tree: what was done.
        leaves: that, by the number of the node.
        open: sub-problems that are left, a stack.
        settled: the share of the domain that is settled.
        n_examined: how many sub-problems were bounded.
        n_found: how many balls and flats hold a solution.
        seconds: time spent so far.
    """

    statement: InverseStatement
    keeps_leaves: bool = False
    tree: GrowingTree = field(init=False)
    leaves: dict[int, SettledLeaf] = field(init=False, default_factory=dict)
    open: list[Subproblems] = field(init=False)
    settled: float = 0.0
    n_examined: int = 0
    n_found: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        statement = self.statement
        d, m = len(statement.lower), len(statement.features)
        self.tree = GrowingTree(d, m, statement.n_multipliers)
        self.open = [Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units)]

    def _most_together(self) -> int:
        """How many sub-problems are bounded together: fewer where their rows are long."""
        d, m = len(self.statement.lower), len(self.statement.features)
        return max(1, min(BATCH, LARGEST // (d * m)))

    def _least(self, lower: Tensor, upper: Tensor) -> Tensor:
        """(n, d) widths below which boxes are not split: those of a few floats."""
        statement = self.statement
        floats = 8 * UNIT * torch.maximum(lower.abs(), upper.abs())
        return torch.maximum((statement.upper - statement.lower) * NARROW, floats)

    def copy(self) -> Search:
        """The same search, to go on with while this one stays as it is."""
        other = copy(self)
        other.tree, other.open, other.leaves = deepcopy(self.tree), list(self.open), dict(self.leaves)
        return other

    @property
    def n_open(self) -> int:
        """How many sub-problems are left."""
        return sum(len(part) for part in self.open)

    @property
    def left(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, (k, d) each, of the parts of the domain that are neither settled nor refuted."""
        tree = self.tree.frozen()
        small = np.flatnonzero(tree.operation == Operation.LEFT)
        waiting = [(part.lower.numpy(), part.upper.numpy()) for part in self.open]
        lower = np.concatenate([tree.lower[small], *(each for each, _ in waiting)])
        return lower, np.concatenate([tree.upper[small], *(each for _, each in waiting)])

    @property
    def memory(self) -> int:
        """Bytes that it takes at most until another batch is done.

        What is left and what a batch can add to it; and twice the tree, of which there are two while it grows and when
        it is handed back.
        """
        each = 2 * (len(self.statement.lower) + self.statement.bounded.n_units + 1)
        sizes = [(len(part), part.fixed.shape[1]) for part in self.open]
        more = 2 * BATCH * (each + 3 * (1 + max((sides for _, sides in sizes), default=0)))
        waiting = sum(n * (each + 3 * sides) for n, sides in sizes) + more
        return 8 * waiting + 2 * self.tree.bytes_with(2 * BATCH)

    def run(
        self,
        *,
        time_limit: float = math.inf,
        memory_limit: float = math.inf,
        tell: Callable[[Search], None] | None = None,
    ) -> None:
        """Go on until nothing is left, or the time is up, or the memory.

        Args:
            time_limit: seconds.
            memory_limit: bytes.
            tell: is called after each batch.
        """
        start, before = time.monotonic(), self.seconds
        while self.open and time.monotonic() - start < time_limit and self.memory <= memory_limit:
            batch = popped(self.open, self._most_together())
            mark = len(self.tree), len(self.open), self.settled, self.n_found
            try:
                self._settle(batch)
            except BaseException:  # an interrupt most likely: as if the batch had not been begun
                self._back_to(*mark)
                self.open.append(batch)
                raise
            finally:
                self.seconds = before + time.monotonic() - start
            if tell is not None:
                tell(self)

    def _back_to(self, n_nodes: int, n_open: int, settled: float, n_found: int) -> None:
        self.tree.cut(n_nodes)
        self.leaves = {number: leaf for number, leaf in self.leaves.items() if number < n_nodes}
        del self.open[n_open:]
        self.settled, self.n_found = settled, n_found

    def _settle(self, batch: Subproblems) -> None:
        statement, tree = self.statement, self.tree
        n = len(batch)
        none = torch.zeros(n, 0, len(statement.features), dtype=torch.float64)
        seen = examine(statement, batch, none if self.statement.by_units else None, caution=CAUTION)
        numbers = batch.number.numpy()
        done = seen.refuted > 1
        operation = np.full(n, int(Operation.OPEN), dtype=np.int8)
        operation[done.numpy()] = Operation.REFUTED
        self.settled += float(batch.share[done].sum())
        lower, upper = widened(seen)
        still = batch.is_conditional & (seen.units.open > 0)
        single = ~done & (seen.apart.amax(dim=1) < 0.95) & ~still
        points, holds = torch.zeros_like(lower), np.zeros(n, dtype=np.bool_)
        narrow = ((upper - lower) <= self._least(lower, upper)).all(dim=1)
        if bool(single.any()):
            at = torch.nonzero(single)[:, 0]
            for place, root in zip(at.tolist(), newton(statement, seen, at), strict=True):
                # Where a box is too small to go on, that its solutions are in a ball is all that can be said.
                if root is None or not (root.holds or narrow[place]):
                    continue
                if bool(batch.is_conditional[place]):
                    root.lower = torch.minimum(root.lower, lower[place])
                    root.upper = torch.maximum(root.upper, upper[place])
                operation[place], holds[place] = Operation.BALL, root.holds
                lower[place], upper[place], points[place] = root.lower, root.upper, root.point
                self._keep(place, seen, done)
        by_units = self.statement.by_units
        if by_units:
            slopes, tiny = torch.empty(0), torch.zeros(n, dtype=torch.bool)
            self._refute_by_programs(seen, lower, upper, done, operation)
        else:
            slopes, tiny = self._settle_tiny(seen, lower, upper, done, operation, points, holds)
        slow = narrow | (volume_left(seen, lower, upper) >= FAST) | by_units
        several = seen.apart.amax(dim=1) >= 0.95
        affine = ~done & (seen.units.open == 0) & (slow & several | tiny)
        for place in torch.nonzero(affine)[:, 0].tolist():
            code = Operation.FLAT if several[place] else Operation.BALL
            found = settled_flat(statement, seen, place, lower[place], upper[place], CAUTION)
            if isinstance(found, Root):
                operation[place], points[place], holds[place] = code, found.point, found.holds
                self._keep(place, seen, done)
            elif found is not None:
                self._refute(place, batch, found, done, operation)
        stuck = narrow & ((seen.units.open == 0) | (seen.units.open > MOST))
        left = ~done & (seen.units.open == 0 if by_units else stuck)
        operation[left.numpy()] = Operation.LEFT
        done = done | left
        # With what is left of its box, either bound again or in two.
        rest = torch.nonzero(~done)[:, 0]
        place, value = np.zeros(n, dtype=np.int64), np.zeros(n)
        children: list[Subproblems] = []
        if len(rest):
            children = self._parted(seen, slopes, rest, narrow, lower, upper, operation, place, value)
        tree.set(
            numbers,
            operation=operation,
            place=place,
            value=value,
            lower=lower.numpy(),
            upper=upper.numpy(),
            point=points.numpy(),
            holds=holds,
            multipliers=seen.multipliers.numpy(),
        )
        self.n_examined += n
        self.n_found += int(holds.sum())
        self.open.extend(part for part in children if len(part))

    def _refute(self, place: int, batch: Subproblems, weights: Tensor, done: Tensor, operation: np.ndarray) -> None:
        operation[place], done[place] = Operation.REFUTED, True
        self.tree.weigh(int(batch.number[place]), weights.numpy())
        self.settled += float(batch.share[place])

    def _refute_by_programs(
        self, seen: Examined, lower: Tensor, upper: Tensor, done: Tensor, operation: np.ndarray
    ) -> None:
        """Refute sub-problems with open units: each that is refuted early saves all that it would be split into."""
        for place in torch.nonzero(~done & (seen.units.open > 0))[:, 0].tolist():
            found = Inequalities.of(seen, place, lower[place], upper[place]).weights()
            if found is not None and seen.refutes(place, found, CAUTION):
                self._refute(place, seen.problems, found, done, operation)

    def _settle_tiny(
        self,
        seen: Examined,
        lower: Tensor,
        upper: Tensor,
        done: Tensor,
        operation: np.ndarray,
        points: Tensor,
        holds: np.ndarray,
    ) -> tuple[Tensor, Tensor]:
        """Settle boxes on which bounds are no sharper than rounding: exact outputs at their middle tell.

        Returns:
            (n, m, d) the slopes that all boxes that are not settled may be split by, and (n,) bool, which are such.
        """
        statement, blur = self.statement, blurred(self.statement)
        batch = seen.problems
        likely = (seen.hull.steepest @ (upper - lower)[..., None])[..., 0]
        hidden = ~done & (likely <= TINY * blur).all(dim=1)
        tiny = torch.nonzero(hidden)[:, 0]
        slopes = seen.hull.steepest
        if not len(tiny):
            return slopes, hidden
        low, high = lower[tiny], upper[tiny]
        middles = torch.minimum(torch.maximum(low / 2 + high / 2, low), high)
        steep = steepest(statement, low, high)
        spreads = variation(steep, low, high, middles)
        slopes = slopes.clone()
        slopes[tiny] = steep
        for k, place in enumerate(tiny.tolist()):
            small = bool((high[k] - low[k] <= SMALL * (statement.upper - statement.lower)).all())
            if small and bool((2 * spreads[k] <= ALIKE * blur).all()):
                root = alike_member(statement, lower[place], upper[place])
                if root is not None:
                    operation[place], points[place], holds[place] = Operation.BALL, root.point, True
                    self._keep(place, seen, done)
                    continue
            if is_away(statement, middles[k], spreads[k] * (1 + 2.0**-20)):
                operation[place], points[place], done[place] = Operation.AWAY, middles[k], True
                self.settled += float(batch.share[place])
        return slopes, hidden

    def _keep(self, place: int, seen: Examined, done: Tensor) -> None:
        done[place] = True
        self.settled += float(seen.problems.share[place])
        if self.keeps_leaves:
            exactly = self.statement.held & (self.statement.resolution == 0)
            self.leaves[int(seen.problems.number[place])] = SettledLeaf.of(seen, place, exactly)

    def _parted(
        self,
        seen: Examined,
        slopes: Tensor,
        rest: Tensor,
        narrow: Tensor,
        lower: Tensor,
        upper: Tensor,
        operation: np.ndarray,
        place: np.ndarray,
        value: np.ndarray,
    ) -> list[Subproblems]:
        """The children of sub-problems that are not settled."""
        volume = volume_left(seen, lower, upper)
        problems = seen.problems
        self.settled += float((problems.share * (1 - volume))[rest].sum())
        base = narrowed(seen, lower, upper, problems.share * volume)
        again = (volume < PROGRESS) & (not self.statement.by_units)
        few = (
            torch.ones_like(again)
            if self.statement.by_units
            else (
                (seen.units.open > 0)
                & (narrow | (seen.apart.amax(dim=1) >= 0.95))
                & (seen.units.open <= most_units(self.statement, seen))
            )
        )
        by_unit = ~again & few
        by_input = ~again & ~few
        children = []
        for mask, code in (
            (again, Operation.CONTRACTED),
            (by_unit, Operation.SIDES),
            (by_input, Operation.HALVED),
        ):
            chosen = rest[mask[rest]]
            if not len(chosen):
                continue
            operation[chosen.numpy()] = code
            part = base.take(chosen)
            where, at = torch.zeros(len(chosen), dtype=torch.int64), torch.zeros(len(chosen), dtype=torch.float64)
            if code is Operation.SIDES:
                where, at = widest_kinks(self.statement, seen, chosen)
            elif code is Operation.HALVED:
                where = widest_inputs(self.statement, part, slopes[chosen], self._least(part.lower, part.upper))
                every = torch.arange(len(chosen))
                at = part.lower[every, where] / 2 + part.upper[every, where] / 2
            place[chosen.numpy()], value[chosen.numpy()] = where.numpy(), at.numpy()
            first = self._numbered(chosen, problems, 1 if code is Operation.CONTRACTED else 2)
            children += parts(part, code, where, at, first, self.statement.bounded.twins)
        return children

    def _numbered(self, chosen: Tensor, problems: Subproblems, each: int) -> Tensor:
        first = self.tree.add(each * len(chosen))
        numbers = first + each * torch.arange(len(chosen))
        self.tree.set(problems.number[chosen].numpy(), child=numbers.numpy())
        return numbers
