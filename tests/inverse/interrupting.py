"""Someone who presses Ctrl-C in the middle of a search."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from unrelu.progress import Advance


class Interrupting:
    """Someone who presses Ctrl-C when the search has told so often of what it did."""

    def __init__(self, after: int) -> None:
        self.left = after

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Advance]:
        def advance(steps: int) -> None:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt

        yield advance
