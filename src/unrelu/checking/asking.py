"""Asking questions for a check: once, where that is cheap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unrelu.checking.basis import Basis
from unrelu.checking.question_check import QuestionCheck
from unrelu.checking.speed import seconds_of
from unrelu.errors import UnreluError

CHEAP = 0.05
"""Seconds up to which a question is asked, if it surely takes no more than that."""

BUDGET = 1.0
"""Seconds that all that is asked takes, about."""


@dataclass(frozen=True)
class Asked:
    """A question, and how it is asked.

    Attributes:
        question: its name.
        node: what it is about.
        call: how it is written.
    """

    question: str
    node: str
    call: str

    def refused(self, why: str) -> QuestionCheck:
        """The row where it cannot be asked."""
        return QuestionCheck(self.question, self.node, self.call, Basis.REFUSED, None, None, why)

    def row(self, basis: Basis, seconds: float | None, memory: int | None, why: str = "") -> QuestionCheck:
        """The row where it can."""
        return QuestionCheck(self.question, self.node, self.call, basis, seconds, memory, why)

    def foreseen(self, seconds: float | None, memory: int | None, why: str) -> QuestionCheck:
        """The row where it can; without seconds, why there are none."""
        if seconds is None:
            return self.row(Basis.NOT_FORESEEN, None, memory, why)
        return self.row(Basis.FORESEEN, seconds, memory)


@dataclass(eq=False)
class Asking:
    """What may still be spent on asking.

    Attributes:
        left: seconds.
    """

    left: float = BUDGET

    def may(self, at_most: float | None) -> bool:
        """Whether a question is asked that takes no more than these seconds; None where nothing is sure."""
        return at_most is not None and at_most <= min(CHEAP, self.left)

    def ask(self, asked: Asked, answer: Callable[[], object], memory: int | None) -> QuestionCheck:
        """Ask, and say how long it took."""
        try:
            taken = seconds_of(answer)
        except UnreluError as error:
            return asked.refused(str(error))
        self.left -= taken
        return asked.row(Basis.MEASURED, taken, memory)
