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

TOLERANCE = 1e-6
"""Parts are settled whose bound comes within this of the best, relative to it and to numbers (up to 1)."""

FITS = 1e-8
"""A unit keeps to its function where the lesser of p and n is at most this."""

ROUNDED = 20
"""Once in so many parts a member is looked for where each unit takes the side that it is nearer to."""

ROUNDS = 100
"""Times that so many steps are made at a part, which far fewer are enough for, before it is left as it is."""

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
        self.push(self.root)
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
            for point in near:
                self._look_on(self.root, self._fed(point) > self.program.rows.kinks, deadline)
            while self.open:
                if self.open[0][0] >= self.value - self.allowed:
                    return ""
                if time.monotonic() >= deadline:
                    return "time limit"
                self._now = heapq.heappop(self.open)[2]
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
        """Look for a better member of a part where all numbers lie on given sides of their kinks."""
        piece = self._on(part, above)
        if piece.is_empty:
            return
        self.program.enter(piece)
        cut = self._cut(self.value)
        while time.monotonic() < deadline:
            outcome = self.program.run(most=CHUNK, cut=cut)
            if outcome is Outcome.OPTIMAL:
                self._try(self.program.point)
            if outcome is not Outcome.STOPPED:
                return

    def _examine(self, part: Part, deadline: float) -> None:
        """Bound a part, and settle it or leave its parts for later."""
        self.n_parts += 1
        self.program.enter(part)
        while not part.is_empty:
            part = self._bounded(part, deadline)
            if self._is_settled(part):
                return
            if time.monotonic() >= deadline:
                self.push(part)
                return
            cuts = self._misfits(part)
            if float(np.minimum(*cuts).max(initial=0.0)) <= FITS:
                self._try(self.program.point)
                if self._is_settled(part):
                    return
            elif self.n_parts % ROUNDED == 1:
                state = self.program.state.copy()
                above, below = self.program.beyond
                self._look_on(part, above > below, deadline)
                self.program.look(part, state)
            found = self._chosen(part, cuts)
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
            outcome = self.program.run(most=CHUNK, cut=self._cut(self.value - self.allowed / 2))
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

    def _cut(self, value: float) -> float:
        """An objective of the program at which it may stop; that of chords is another number than the aim."""
        return value if self.program.aim.two_sided else math.inf

    def _misfits(self, part: Part) -> np.ndarray:
        """(2, U) how far numbers are beyond their kinks, above and below, where a part does not tell the sides."""
        rows = self.program.rows
        open_ = rows.bends & (part.low < rows.kinks) & (rows.kinks < part.high)
        return np.where(open_, np.stack(self.program.beyond), 0.0)

    def _chosen(self, part: Part, cuts: np.ndarray) -> int | Part | None:
        """The unit to tell a part apart by; or the part on one side of a unit, where the other holds nothing better."""
        program, kinks = self.program, self.program.rows.kinks
        missing = self.value - part.bound
        crossed = np.minimum(cuts[0], cuts[1])
        units = np.flatnonzero(crossed > FITS)
        if not len(units):
            rest = np.flatnonzero(program.rows.bends & (part.low < kinks) & (kinks < part.high))
            return int(rest[0]) if len(rest) else None
        state, objective = program.state.copy(), program.objective
        expected = np.minimum(self._gains.expected(cuts), missing)
        scores = score(expected, missing)
        order = units[np.argsort(-scores[units], kind="stable")][:LOOKED_AT]
        best, most, vain = int(order[0]), -1.0, 0
        for unit in order.tolist():
            gains = expected[:, unit]
            if not self._gains.is_reliable(unit):
                gains = np.zeros(2)
                for side in (0, 1):
                    child = self._side(part, unit, side)
                    program.look(child, state)
                    outcome = program.run(most=STEPS, cut=self._cut(self.value))
                    closed = outcome in (Outcome.INFEASIBLE, Outcome.CUT)
                    if closed and (bound := program.proved(outcome)) >= self.value - self.allowed:
                        self.settled = min(self.settled, bound)
                        other = self._side(part, unit, 1 - side)
                        program.look(other, state)
                        return other
                    gains[side] = missing if closed else min(max(program.objective - objective, 0.0), missing)
                    self._gains.add(side, unit, float(cuts[side, unit]), float(gains[side]))
            found = float(score(gains, missing))
            if found > most:
                best, most, vain = unit, found, 0
            else:
                vain += 1
            if vain >= IN_VAIN:
                break
        program.look(part, state)
        return best

    def _side(self, part: Part, unit: int, side: int) -> Part:
        """The part where a number lies on one side of its kink: 0 below, 1 above."""
        kink = float(self.program.rows.kinks[unit])
        problem = part.problem.fixing(
            torch.tensor([unit]), torch.tensor([2.0 * side - 1.0]).double(), torch.tensor([kink]).double(), self._twins
        )
        return replace(part, problem=problem)

    def _children(self, part: Part, unit: int) -> list[Part]:
        state = self.program.state
        kink = float(self.program.rows.kinks[unit])
        found = parts(
            part.problem,
            Operation.SIDES,
            torch.tensor([unit]),
            torch.tensor([kink]).double(),
            torch.zeros(1).long(),
            self._twins,
        )
        return [replace(part, problem=each, basic=state.basic.copy(), at_upper=state.at_upper.copy()) for each in found]

    def _try(self, point: np.ndarray) -> None:
        found = self.question.member(point)
        if found is not None:
            self.offer(found)
