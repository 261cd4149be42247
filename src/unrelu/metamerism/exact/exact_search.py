"""The search for the metamer that is proved to be the best: best first, anytime."""

from __future__ import annotations

import heapq
import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.frontier.parting import parts
from unrelu.frontier.tree import Operation
from unrelu.metamerism.exact.branching import IN_VAIN, LOOKED_AT, STEPS, Gains, score
from unrelu.metamerism.exact.part import Part
from unrelu.solvers.boxed_program import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from unrelu.metamerism.exact.part_program import PartProgram
    from unrelu.metamerism.exact.question import Question

Bases = dict[int, tuple[np.ndarray, np.ndarray]]
"""Where trials of a unit's sides ended: `basic` and `at_upper` by side."""

TOLERANCE = 1e-6
"""Parts are settled whose bound comes within this of the best, relative to it and to numbers (up to 1)."""

FITS = 1e-8
"""A unit keeps to its function where the lesser of p and n is at most this."""

ROUNDED = 20
"""Once in so many parts a member is looked for where each unit takes the side that it is nearer to."""

ROUNDS = 100
"""Times that so many steps are made at a part, which far fewer are enough for, before it is left as it is."""

TURNS = 20
"""Times that a program is turned to the tangent at its point in search of a farther member."""

NEGLIGIBLE = 1e-10
"""Of the linear function, and of 1: an input whose share lies above it by less is not halved."""

CHUNK = 200
"""Steps of a program between two looks at the clock."""


@dataclass
class ExactSearch:
    """Parts of the inputs with the same features, those with the least bound first.

    Attributes:
        question: which inputs.
        program: the linear program of parts.
        root: the whole domain.
        best: (d,) the best member known.
        distance: of it from the target.
        open: a heap of parts, by bound.
        settled: the least bound of parts that are done with.
        n_parts: how many were looked at.
    """

    question: Question
    program: PartProgram
    root: Part
    best: np.ndarray
    distance: float
    open: list[tuple[float, int, Part]] = field(default_factory=list)
    settled: float = math.inf
    n_parts: int = 0

    def __post_init__(self) -> None:
        rows = self.program.rows
        self._gains = Gains(rows.n_units)
        self._count = 0
        self._now: Part | None = None
        self._bases: Bases = {}
        for part in self.program.aim.shares(self.root):
            self.push(part)
        self._twins = self.question.asked.bounded.twins

    @property
    def value(self) -> float:
        """What is made small, of the best member."""
        return self.program.aim.value(self.distance)

    @property
    def size(self) -> float:
        """Of the distance, or of numbers (up to 1), whichever is larger: what tolerances are relative to."""
        return max(min(1.0, float(np.abs(self.best).max(initial=0.0))), self.distance)

    @property
    def allowed(self) -> float:
        """By how much a bound may lie below the best."""
        return 0.9 * TOLERANCE * self.size

    @property
    def share(self) -> float:
        """How near bound and distance are, 1 where they meet."""
        near, far = sorted((abs(self.bound), self.distance))
        return near / far if far > 0 else 1.0

    @property
    def radius(self) -> float:
        """An exact member is proved to lie within this of the best (L2); inf where that is not proved."""
        fed = self._fed(self.best)
        piece = self._on(self.root, fed > self.program.rows.kinks)
        return math.inf if piece.is_empty else self.program.radius(piece, self.best, fed)

    @property
    def bound(self) -> float:
        """Proved: no member has less."""
        waiting = [self.open[0][0]] if self.open else []
        doing = [] if self._now is None else [self._now.bound]
        return min(self.settled, self.value, *waiting, *doing)

    def push(self, part: Part) -> None:
        """Leave a part for later."""
        self._count += 1
        heapq.heappush(self.open, (part.bound, self._count, part))

    def offer(self, point: np.ndarray) -> None:
        """Take a member if it is better than the best."""
        distance = self.program.aim.distance(point)
        if self.program.aim.value(distance) < self.value:
            self.best, self.distance = point.copy(), distance

    def run(self, near: Sequence[np.ndarray], *, deadline: float, tell: Callable[[ExactSearch], None]) -> str:
        """Go on until all is settled, or the time is over, or it is interrupted.

        Args:
            near: members, on whose pieces better ones are looked for first.
            deadline: when the time is over, on the clock of `time.monotonic`.
            tell: is called after each part.

        Returns:
            Why it stopped: "time limit", "interrupted" or "".
        """
        try:
            target = np.clip(self.program.aim.target, self.root.lower, self.root.upper)
            if self.question.is_member(target):
                self.offer(target)
            for point in near:
                self._look_on(self.root, self._fed(point) > self.program.rows.kinks, deadline)
            while self.open:
                if self.open[0][0] >= self.value - self.allowed:
                    return ""
                if time.monotonic() >= deadline:
                    return "time limit"
                self._now = self.open[0][2]  # in both, so that an interrupt loses nothing
                heapq.heappop(self.open)
                self._examine(self._now, deadline)
                self._now = None
                tell(self)
        except KeyboardInterrupt:
            return "interrupted"
        return ""

    def _fed(self, point: np.ndarray) -> np.ndarray:
        """(U,) what units are fed at a point."""
        return self.question.asked.fed(torch.from_numpy(point[None]))[0].numpy()

    def _on(self, part: Part, above: np.ndarray) -> Part:
        """Where all numbers lie on given sides of their kinks."""
        rows = self.program.rows
        kinks = torch.from_numpy(rows.kinks)[None]
        side, bends = torch.from_numpy(above)[None], torch.from_numpy(rows.bends)[None]
        low = torch.where(side & bends, torch.maximum(part.problem.low, kinks), part.problem.low)
        high = torch.where(~side & bends, torch.minimum(part.problem.high, kinks), part.problem.high)
        return replace(part, problem=replace(part.problem, low=low, high=high), basic=None, at_upper=None)

    def _look_on(self, part: Part, above: np.ndarray, deadline: float) -> None:
        """Look for a better member of a part where all numbers lie on given sides of their kinks.

        Then on the next piece, across the kinks on which its best point lies, wherever that promises more.
        """
        program = self.program
        for _ in range(TURNS):
            piece = self._on(part, above)
            before = self.distance
            if piece.is_empty or not self._looked(piece, deadline) or self.distance == before:
                return
            promising = program.promising & program.rows.bends
            if not promising.any():
                return
            above = above ^ promising

    def _looked(self, piece: Part, deadline: float) -> bool:
        """Look for a better member on one piece; whether it has a best point."""
        program = self.program
        program.enter(piece)
        cut = self.value  # of the first costs, which are below the aim; those of tangents are not
        for _ in range(TURNS):
            outcome = Outcome.STOPPED
            while outcome is Outcome.STOPPED and time.monotonic() < deadline:
                outcome = program.run(most=CHUNK, value=cut)
            if outcome is not Outcome.REACHED:
                return False
            before = self.distance
            self._try(program.point)
            turned = program.aim.tangent(program.moved)
            if turned is None or self.distance == before:
                break
            program.turn(turned)
            cut = math.inf
        return True

    def _examine(self, part: Part, deadline: float) -> None:
        """Bound a part, and settle it or leave its parts for later."""
        self.n_parts += 1
        rounds = self.n_parts % ROUNDED == 1
        self.program.enter(part)
        while not part.is_empty:
            part = self._bounded(part, deadline)
            if self._is_settled(part):
                return
            if time.monotonic() >= deadline:
                self.push(part)
                return
            cuts = self._misfits(part)
            excess = self.program.aim.excess(self.program.moved, part.lower, part.upper)
            if float(np.minimum(*cuts).max(initial=0.0)) <= FITS:
                self._try(self.program.point)
                if self._is_settled(part):
                    return
            elif rounds:
                rounds = False
                state = self.program.state.copy()
                above, below = self.program.beyond
                self._look_on(part, above > below, deadline)
                self.program.look(part, state)
            found = self._chosen(part, cuts, excess)
            if found is None:  # nothing is left to be told apart
                self.settled = min(self.settled, part.bound)
                return
            if isinstance(found, int):
                for child in self._children(part, found):
                    self.push(child)
                return
            part = found

    def _bounded(self, part: Part, deadline: float) -> Part:
        """A part at which the program stands, with what the program proves."""
        outcome = Outcome.STOPPED
        for _ in range(ROUNDS):
            outcome = self.program.run(most=CHUNK, value=self.value - self.allowed / 2)
            if outcome is not Outcome.STOPPED or time.monotonic() >= deadline:
                break
        self._now = replace(part, bound=max(part.bound, self.program.proved(outcome)))
        return self._now

    def _is_settled(self, part: Part) -> bool:
        """Whether a part holds nothing that is better by more than is allowed."""
        if part.bound < self.value - self.allowed:
            return False
        self.settled = min(self.settled, part.bound)
        return True

    def _misfits(self, part: Part) -> np.ndarray:
        """(2, U) how far numbers are beyond their kinks, above and below, where a part does not tell the sides."""
        rows = self.program.rows
        open_ = rows.bends & (part.low < rows.kinks) & (rows.kinks < part.high)
        return np.where(open_, np.stack(self.program.beyond), 0.0)

    def _chosen(self, part: Part, cuts: np.ndarray, excess: np.ndarray) -> int | Part | None:
        """What to tell a part apart by: a unit, or U and the number of an input.

        Or the part on one side of a unit, where the other one holds nothing better; None where all is told.
        """
        n_units = self.program.rows.n_units
        wide = np.flatnonzero(excess > NEGLIGIBLE * (1.0 + abs(self.program.level)))
        units = np.flatnonzero(np.minimum(cuts[0], cuts[1]) > FITS)
        if len(units):
            unit, gain = self._best_unit(part, cuts, units)
            if isinstance(unit, Part) or not len(wide) or gain >= excess.max():
                return unit
        if len(wide):
            return n_units + int(excess.argmax())
        rows = self.program.rows
        rest = np.flatnonzero(rows.bends & (part.low < rows.kinks) & (rows.kinks < part.high))
        return int(rest[0]) if len(rest) else None

    def _best_unit(self, part: Part, cuts: np.ndarray, units: np.ndarray) -> tuple[int | Part, float]:
        """The unit whose sides raise the bound most, and by how much about the lesser of them does."""
        program = self.program
        state, level = program.state.copy(), program.level
        missing = max(program.aim.level(self.value) - level, 0.0)
        expected = self._gains.expected(cuts)
        if program.tries:
            expected[:, units] = np.fmax(expected[:, units], program.first_gains(units))
        expected = np.minimum(expected, missing)
        order = units[np.argsort(-score(expected, missing)[units], kind="stable")][:LOOKED_AT]
        best, most, least, vain = int(order[0]), -1.0, 0.0, 0
        self._bases = {}
        for unit in order.tolist():
            gains = expected[:, unit]
            bases: Bases = {}
            if program.tries and not self._gains.is_reliable(unit):
                gains = np.zeros(2)
                for side in (0, 1):
                    program.look(self._side(part, unit, side), state)
                    outcome = program.run(most=STEPS, value=self.value)
                    closed = outcome in (Outcome.INFEASIBLE, Outcome.CUT)
                    if closed and (bound := program.proved(outcome)) >= self.value - self.allowed:
                        self.settled = min(self.settled, bound)
                        other = self._side(part, unit, 1 - side)
                        program.look(other, state)
                        return other, missing
                    gains[side] = missing if closed else min(max(program.level - level, 0.0), missing)
                    self._gains.add(side, unit, float(cuts[side, unit]), float(gains[side]))
                    bases[side] = program.basis
            found = float(score(gains, missing))
            if found > most:
                best, most, least, vain = unit, found, float(gains.min()), 0
                self._bases = bases
            else:
                vain += 1
            if vain >= IN_VAIN:
                break
        program.look(part, state)
        return best, least

    def _side(self, part: Part, unit: int, side: int) -> Part:
        """The part where a number lies on one side of its kink: 0 below, 1 above."""
        kink = float(self.program.rows.kinks[unit])
        problem = part.problem.fixing(
            torch.tensor([unit]), torch.tensor([2.0 * side - 1.0]).double(), torch.tensor([kink]).double(), self._twins
        )
        return replace(part, problem=problem)

    def _children(self, part: Part, chosen: int) -> list[Part]:
        """Of what is chosen to tell a part apart by, both sides."""
        program, n_units = self.program, self.program.rows.n_units
        bases = self._bases if chosen < n_units else {}
        if chosen < n_units:
            operation, place, value = Operation.SIDES, chosen, float(program.rows.kinks[chosen])
        else:
            operation, place = Operation.HALVED, chosen - n_units
            moved, ends = float(program.moved[place]), (float(part.lower[place]), float(part.upper[place]))
            value = program.aim.middle(place, moved, *ends)
        found = parts(
            part.problem,
            operation,
            torch.tensor([place]),
            torch.tensor([value]).double(),
            torch.zeros(1).long(),
            self._twins,
        )
        stood = program.basis
        children = []
        for side, each in zip((1, 0), found, strict=True):  # the one above first
            basic, at_upper = bases.get(side, stood)
            children.append(replace(part, problem=each, basic=basic, at_upper=at_upper))
        return children

    def _try(self, point: np.ndarray) -> None:
        found = self.question.member(point)
        if found is not None:
            self.offer(found)
