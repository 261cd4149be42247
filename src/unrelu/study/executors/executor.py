"""What an executor can do."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context
from unrelu.study.question import Question


class Session(Protocol):
    """Workers that know the network and its inputs."""

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        """What becomes of the tasks, each at most once, in any order, as it comes.

        Args:
            question: what is asked.
            tasks: its tasks.
            deadline: on the monotonic clock; no task is begun after it.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once what was being answered is finished or given up.
        """
        ...


class Executor(Protocol):
    """A way to answer tasks. All give the same rows; what differs is where they are computed."""

    def session(self, context: Context) -> AbstractContextManager[Session]:
        """Workers for a study, which end with the context.

        Args:
            context: the network and its inputs, and what is known of them in this process.
        """
        ...
