"""How many tasks go to a worker at once."""

from __future__ import annotations

from collections.abc import Sequence

from unrelu.study.answering import Numbered

SECONDS = 0.5
"""What a batch should take: long beside handing it over, short beside a person's patience."""

MOST = 4096
"""Tasks in a batch, at most."""


class Batches:
    """Runs of tasks, longer or shorter by what tasks have taken so far."""

    def __init__(self, tasks: Sequence[Numbered]) -> None:
        """All tasks are waiting."""
        self._tasks = list(tasks)
        self._next = 0
        self._returned: list[list[Numbered]] = []
        self._seconds = 0.0
        self._done = 0

    def __bool__(self) -> bool:
        return bool(self._returned) or self._next < len(self._tasks)

    def take(self, workers: int) -> list[Numbered]:
        """The next tasks: one at first, then what takes half a second, and always some left for the other workers."""
        if self._returned:
            return self._returned.pop()
        size = 1
        if self._done:
            each = max(self._seconds / self._done, 1e-9)
            left = len(self._tasks) - self._next
            size = int(max(1, min(SECONDS / each, MOST, -(-left // (2 * workers)))))
        batch = self._tasks[self._next : self._next + size]
        self._next += len(batch)
        return batch

    def put_back(self, batch: list[Numbered]) -> None:
        """Take back tasks that nobody has begun; they are the next to go out."""
        self._returned.append(batch)

    def took(self, tasks: int, seconds: float) -> None:
        """Learn what tasks took."""
        self._done += tasks
        self._seconds += seconds
