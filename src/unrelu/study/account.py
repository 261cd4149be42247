"""What became of a question's tasks."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.study.parts.part import Failure


@dataclass(frozen=True)
class Account:
    """What an analysis did for one question.

    Attributes:
        question: its name.
        n_tasks: how many tasks it has; None where it was not planned, as an earlier question was stopped.
        found: tasks whose rows were there before.
        computed: tasks that were answered.
        damaged: files that were set aside, as they were not what had been written.
        unfinished: what could not be kept: memory ran out, a process died; the same command tries these again.
        seconds: what the answers took together, on all workers.
    """

    question: str
    n_tasks: int | None
    found: int = 0
    computed: int = 0
    damaged: tuple[str, ...] = ()
    unfinished: tuple[Failure, ...] = ()
    seconds: float = 0.0

    @property
    def open(self) -> int | None:
        """Tasks without an answer; None where it is not known how many there are."""
        return None if self.n_tasks is None else self.n_tasks - self.found - self.computed
