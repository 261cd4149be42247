"""Boxes that hold all inputs whose outputs are consistent with the measured ones, as fine as was asked so far."""

from __future__ import annotations

import time
from copy import copy, deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.frontier.parting import parts
from unrelu.frontier.subproblems import Subproblems, joined
from unrelu.frontier.tree import GrowingTree, Operation
from unrelu.inverse.box_programs import BoxPrograms, proved_least, solve_box_programs
from unrelu.inverse.costs_on_boxes import is_input, on_boxes
from unrelu.inverse.whole_slices import whole_boxes
from unrelu.preimages.search.examined import CAUTION, Examined, examine, narrowed, pseudo_inverse, widened
from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unrelu.preimages.search.statement import InverseStatement

BATCH = 64
"""Boxes that are bounded together."""

PROGRESS = 0.5
"""A box cut down to less than this part of its volume is bounded again before it is halved."""

NARROW = 2.0**-40
"""Of the domain's width: narrower boxes are not halved."""


COLUMNS = ("lower", "upper", "bounds", "claims", "alive", "stuck", "tried", "whole")


@dataclass(frozen=True, eq=False)
class Bounded:
    """What a batch of boxes told.

    Attributes:
        seen: their bounds.
        programs: of the costs that were asked for on each, the one of box `owner[p]` for cost `which[p]`.
        owner: (p,) int64.
        which: (p,) int64.
    """

    seen: Examined
    programs: BoxPrograms
    owner: Tensor
    which: Tensor


class Covering:
    """A tree whose open leaves are boxes that hold all of S, each with a bound of every cost on S in it.

    A *cost* is a row c; its bound on a box is at most `c x` for all x of S in the box. Boxes are bounded, cut down to
    what linear programs over the bounds leave, and halved, in whatever order is asked for; what was done is kept.

    Attributes:
        statement: what S is.
        tree: what was done with each box.
        costs: (E, d) float64.
        lower: (N, d) of all boxes there ever were, the open ones being those of `alive`.
        upper: (N, d).
        bounds: (N, E) float64, by programs.
        claims: (N, E) float64, what the tree proves: of a cost that is an input or its negative, the end of the box;
            of another one, its bound.
        alive: (N,) bool.
        stuck: (N,) bool: too small to be cut.
        whole: (N,) bool: all points of the box are members, proved.
        tried: (N,) bool: cut down by the programs of the box before it, and by no more.
        n_examined: how many boxes were bounded.
        seconds: that it took.
    """

    def __init__(
        self, statement: InverseStatement, rate: Callable[[Examined, Tensor, Tensor], Tensor] | None = None
    ) -> None:
        """Begin with the whole domain.

        Args:
            statement: what S is.
            rate: bounds of something else on what is left of boxes, (n,); they are those of the first cost, which is 0.
        """
        d = len(statement.lower)
        self.statement = statement
        self.tree = GrowingTree(d, len(statement.features))
        self.costs = np.zeros((0, d))
        self.lower, self.upper = np.zeros((0, d)), np.zeros((0, d))
        self.bounds, self.claims = np.zeros((0, 0)), np.zeros((0, 0))
        self.alive, self.stuck, self.tried, self.whole = (np.zeros(0, dtype=bool) for _ in range(4))
        self._where: list[tuple[Subproblems, int, Tensor | None] | None] = []
        self.n_examined, self.seconds = 0, 0.0
        self._rate = rate
        self._add(Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units), None, None)
        if rate is not None:
            self.ask(np.zeros((1, d)))

    def copy(self) -> Covering:
        """The same, to go on with while this one stays as it is."""
        other = copy(self)
        other.tree, other._where = deepcopy(self.tree), list(self._where)
        for name in COLUMNS:
            setattr(other, name, getattr(self, name).copy())
        return other

    @property
    def open(self) -> NDArray[np.int64]:
        """Numbers of the boxes that hold S."""
        return np.flatnonzero(self.alive)

    def ask(self, costs: NDArray[np.float64]) -> NDArray[np.int64]:
        """Bound further costs from now on; their places among all.

        Args:
            costs: (k, d) float64.
        """
        places = np.zeros(len(costs), dtype=np.int64)
        for k, cost in enumerate(costs):
            same = np.flatnonzero((self.costs == cost).all(axis=1))
            if not len(same):
                column = on_boxes(cost[None], self.lower, self.upper)
                grown = (
                    np.vstack([self.costs, cost]),
                    *(np.hstack([each, column]) for each in (self.bounds, self.claims)),
                )
                self.costs, self.bounds, self.claims = grown
                same = np.array([len(self.costs) - 1])
            places[k] = same[0]
        return places

    def _add(self, problems: Subproblems, inherited: NDArray[np.float64] | None, multipliers: Tensor | None) -> None:
        lower, upper = problems.lower.numpy(), problems.upper.numpy()
        bounds = claims = on_boxes(self.costs, lower, upper)
        if inherited is not None:
            bounds = np.maximum(bounds, inherited)
            claims = np.where(is_input(self.costs), claims, bounds)
        self.lower, self.upper = np.vstack([self.lower, lower]), np.vstack([self.upper, upper])
        self.bounds, self.claims = np.vstack([self.bounds, bounds]), np.vstack([self.claims, claims])
        self.alive = np.append(self.alive, np.ones(len(lower), dtype=bool))
        for name in ("stuck", "tried", "whole"):
            setattr(self, name, np.append(getattr(self, name), np.zeros(len(lower), dtype=bool)))
        self._where += [(problems, k, None if multipliers is None else multipliers[k]) for k in range(len(lower))]

    def _taken(self, numbers: NDArray[np.int64]) -> tuple[Subproblems, Tensor | None]:
        """The sub-problems of some boxes, and the multipliers to bound them with."""
        found = [self._where[number] for number in numbers.tolist()]
        problems, multipliers = [], []
        for each in found:
            assert each is not None
            part, row, M = each
            problems.append(part.take(torch.tensor([row])))
            multipliers.append(M)
        if any(M is None for M in multipliers):
            return joined(problems), None
        return joined(problems), torch.stack([M for M in multipliers if M is not None])

    def examine(
        self,
        numbers: NDArray[np.int64],
        wanted: NDArray[np.bool_],
        *,
        halve: NDArray[np.bool_] | None = None,
        along: NDArray[np.int64] | None = None,
    ) -> Bounded:
        """Bound boxes, cut them down, and halve those that stay large; an interrupt leaves all as it was.

        Args:
            numbers: (n,) of open boxes.
            wanted: (n, E) bool, for which costs the bound on each is to be sharpened.
            halve: (n,) bool, which of them may be; all if left out.
            along: (n,) int64, which input of each is halved; the one along which bounds are loosest if left out.
        """
        start = time.monotonic()
        mark = len(self.tree), len(self._where)
        before = [self._where[number] for number in numbers.tolist()]
        try:
            free = np.ones(len(numbers), dtype=bool) if halve is None else halve
            return self._examined(numbers, wanted, free, along)
        except BaseException:
            self.tree.cut(mark[0])
            for name in COLUMNS:
                setattr(self, name, getattr(self, name)[: mark[1]])
            del self._where[mark[1] :]
            self.alive[numbers] = True
            for number, each in zip(numbers.tolist(), before, strict=True):
                self._where[number] = each
            raise
        finally:
            self.seconds += time.monotonic() - start

    def _examined(
        self,
        numbers: NDArray[np.int64],
        wanted: NDArray[np.bool_],
        halve: NDArray[np.bool_],
        along: NDArray[np.int64] | None,
    ) -> Bounded:
        statement = self.statement
        batch, multipliers = self._taken(numbers)
        seen = examine(statement, batch, multipliers, caution=CAUTION)
        lower, upper = widened(seen)
        owner, which = torch.nonzero(torch.from_numpy(wanted), as_tuple=True)
        costs = torch.from_numpy(self.costs)[which]
        asked = costs, seen.slopes[owner], seen.limits[owner]
        box = lower[owner], upper[owner]
        programs = solve_box_programs(*asked, *box)
        least = proved_least(*asked, programs.weights, *box)
        bounds = on_boxes(self.costs, lower.numpy(), upper.numpy())
        bounds = np.maximum(bounds, self.bounds[numbers])
        sharper = bounds.copy()
        np.maximum.at(sharper, (owner.numpy(), which.numpy()), least.numpy())
        if self._rate is not None:
            sharper[:, 0] = np.maximum(sharper[:, 0], self._rate(seen, lower, upper).numpy())
        refuted = seen.refuted > 1
        # Where even the bound of a cost is beyond all that the box has, nothing is left of it.
        worst = -on_boxes(-costs.numpy(), lower.numpy()[owner], upper.numpy()[owner], rowwise=True)
        for p in np.flatnonzero(least.numpy() > worst).tolist():
            place = int(owner[p])
            if not bool(refuted[place]) and seen.refutes(place, programs.weights[p], CAUTION):
                refuted[place] = True
                self.tree.weigh(int(batch.number[place]), programs.weights[p].numpy())
        found = Bounded(seen, programs, owner, which)
        self._parted(numbers, found, refuted, lower, upper, sharper, halve, along)
        self.n_examined += len(numbers)
        return found

    def _parted(
        self,
        numbers: NDArray[np.int64],
        found: Bounded,
        refuted: Tensor,
        lower: Tensor,
        upper: Tensor,
        bounds: NDArray[np.float64],
        halve: NDArray[np.bool_],
        along: NDArray[np.int64] | None,
    ) -> None:
        """Replace boxes by what is left of them, in one part or in two."""
        statement, tree, seen = self.statement, self.tree, found.seen
        batch = seen.problems
        n = len(numbers)
        free = seen.widths > 0
        kept = torch.where(free, (upper - lower) / torch.where(free, seen.widths, 1.0), 1.0).clamp(max=1.0)
        cuttable = self._cuttable(lower, upper)
        narrow = ~cuttable.any(dim=1)
        stuck = narrow & (kept.prod(dim=1) >= PROGRESS)  # a box that has just become small is bounded once more
        whole = whole_boxes(statement, seen, lower, upper).numpy()
        again = ~refuted & ((kept.prod(dim=1) < PROGRESS) | narrow | ~torch.from_numpy(halve))
        halved = ~refuted & ~again
        operation = np.where(refuted.numpy(), int(Operation.REFUTED), int(Operation.CONTRACTED)).astype(np.int8)
        operation[halved.numpy()] = Operation.HALVED
        place, value = np.zeros(n, dtype=np.int64), np.zeros(n)
        rows = self._multipliers(found, lower, upper)
        share = batch.share * kept.prod(dim=1)
        base = narrowed(seen, lower, upper, share)
        for mask, code, many in ((again, Operation.CONTRACTED, 1), (halved, Operation.HALVED, 2)):
            chosen = torch.nonzero(mask)[:, 0]
            if not len(chosen):
                continue
            part = base.take(chosen)
            where, at = torch.zeros(len(chosen), dtype=torch.int64), torch.zeros(len(chosen), dtype=torch.float64)
            if code is Operation.HALVED:
                where = self._steepest(found, part, chosen)
                if along is not None:
                    asked = torch.from_numpy(along)[chosen]
                    where = torch.where(cuttable[chosen, asked], asked, where)
                every = torch.arange(len(chosen))
                at = part.lower[every, where] / 2 + part.upper[every, where] / 2
            place[chosen.numpy()], value[chosen.numpy()] = where.numpy(), at.numpy()
            first = self.tree.add(many * len(chosen)) + many * torch.arange(len(chosen))
            tree.set(batch.number[chosen].numpy(), child=first.numpy())
            for child in parts(part, code, where, at, first, statement.bounded.twins):
                begin = len(self._where)
                self._add(child, bounds[chosen.numpy()], rows[chosen])
                self.stuck[begin:] = stuck[chosen].numpy()
                self.tried[begin:] = ~halve[chosen.numpy()]
                self.whole[begin:] = whole[chosen.numpy()]
        tree.set(
            batch.number.numpy(),
            operation=operation,
            place=place,
            value=value,
            lower=lower.numpy(),
            upper=upper.numpy(),
            multipliers=seen.multipliers.numpy(),
        )
        self.alive[numbers] = False
        for number in numbers.tolist():
            self._where[number] = None

    def _multipliers(self, found: Bounded, lower: Tensor, upper: Tensor) -> Tensor:
        """(n, d, m) what to bound the parts of boxes with: rows that programs weighed, the pseudo-inverse's else."""
        seen = found.seen
        m = len(self.statement.features)
        d = lower.shape[1]
        scaled = seen.hull.middle * (upper - lower)[:, None]
        M = pseudo_inverse(scaled, self.statement)
        w = found.programs.weights
        by_rows, by_outputs = w[:, :d] - w[:, d + m : 2 * d + m], w[:, d : d + m] - w[:, 2 * d + m : 2 * (d + m)]
        combined = (by_rows[:, None] @ seen.multipliers[found.owner])[:, 0] + by_outputs
        size = (combined[:, None] @ scaled[found.owner]).abs().amax(dim=(1, 2))
        combined = combined / torch.where(size > 0, size, 1.0)[:, None]
        usable = (size > 0) & torch.isfinite(combined).all(dim=1)
        M = M.clone()
        taken: set[tuple[int, int]] = set()
        cost = torch.from_numpy(self.costs)[found.which]
        main = (cost.abs() * (upper - lower)[found.owner]).argmax(dim=1)
        for p in torch.nonzero(usable)[:, 0].tolist():
            place, row = int(found.owner[p]), int(main[p])
            for k in (row, *range(d)):
                if (place, k) not in taken:
                    taken.add((place, k))
                    M[place, k] = combined[p]
                    break
        return M

    def _cuttable(self, lower: Tensor, upper: Tensor) -> Tensor:
        """(n, d) which sides of boxes are wide enough to be halved: more than a few floats."""
        statement = self.statement
        floats = 8 * UNIT * torch.maximum(lower.abs(), upper.abs())
        return upper - lower > torch.maximum((statement.upper - statement.lower) * NARROW, floats)

    def _steepest(self, found: Bounded, part: Subproblems, chosen: Tensor) -> Tensor:
        """The input along which bounds of outputs are loosest, in units of the resolution; the widest if none is."""
        seen = found.seen
        widths = part.upper - part.lower
        m = len(self.statement.features)
        identity = torch.eye(m, dtype=torch.float64).expand(len(seen.widths), m, m)
        loose = seen.hull.distance(identity)[chosen]
        unit = self.statement.resolution + 1e-300
        effect = widths * (loose / unit[None, :, None]).sum(dim=1)
        cuttable = self._cuttable(part.lower, part.upper)
        effect = torch.where(torch.isfinite(effect) & cuttable, effect, 0.0)
        domain = self.statement.upper - self.statement.lower
        wide = torch.where(cuttable, widths / torch.where(domain > 0, domain, 1.0), 0.0)
        return torch.where(effect.amax(dim=1, keepdim=True) > 0, effect, wide).argmax(dim=1)
