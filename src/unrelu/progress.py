"""Showing how far a long computation is: live bars, plain lines, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TextIO

from unrelu.untrusted.printable import printable

Advance = Callable[[int], None]
"""Tells that so many more steps are done."""

# Characters of "what" and of the bar: stages one after another line up, and all fits into a terminal of 80.
_WIDTH, _BAR_WIDTH = 31, 16


class Progress(Protocol):
    """Something that is told how far a computation is.

    >>> with Silent().stage("verdicts of relu1", 500) as advance:
    ...     advance(10)
    """

    def stage(self, what: str, total: int | None) -> AbstractContextManager[Advance]:
        """A part of the work, from entering the context to leaving it; stages may be nested.

        Args:
            what: what is being done, in a few words.
            total: number of steps it takes; None where nobody knows it before, and steps are only counted.

        Returns:
            A context manager that gives a function to be called with the number of steps just done.
        """
        ...


class Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Advance]:
        """Do nothing with what is told."""
        yield lambda steps: None


@dataclass(frozen=True)
class Lines:
    """Writes one line for every stage when it ends, for logs.

    Attributes:
        stream: where to write; stderr, as it is when the line is written, if None.
        clock: seconds on a clock that only runs forward.

    >>> import sys
    >>> with Lines(sys.stdout, clock=lambda: 0.0).stage("training", 3) as advance:
    ...     advance(3)
    training: 3 of 3, 0.0 s
    """

    stream: TextIO | None = None
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Advance]:
        """Count the steps, and write what, how many of how many, and the seconds it took."""
        done = 0

        def advance(steps: int) -> None:
            nonlocal done
            done += steps

        start = self.clock()
        ending = ", stopped"
        try:
            yield advance
            ending = ""
        finally:
            stream = sys.stderr if self.stream is None else self.stream
            count = f"{done}" if total is None else f"{done} of {total}"
            print(f"{printable(what)}: {count}, {self.clock() - start:.1f} s{ending}", file=stream, flush=True)


class Terminal:
    """Shows a live bar for every stage: what, done / total, elapsed and remaining time.

    Bars of finished stages stay on the screen. The display lives from the first stage's start to the
    last one's end, so that other output between stages is left alone.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        """Make one.

        Args:
            stream: where to draw; stderr if None.
        """
        from rich.console import Console

        self._console = Console(file=stream) if stream is not None else Console(stderr=True)
        self._bars = None
        self._open = 0

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Advance]:
        """Draw a bar that lives as long as the context."""
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars
        from rich.table import Column

        if self._bars is None:
            self._bars = Bars(
                TextColumn("{task.description}", table_column=Column(min_width=_WIDTH)),
                BarColumn(_BAR_WIDTH),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("[dim]left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._bars.start()
        bars = self._bars
        task = bars.add_task(escape(printable(what)), total=total)
        self._open += 1
        try:
            yield lambda steps: bars.advance(task, steps)
        finally:
            bars.stop_task(task)
            self._open -= 1
            if self._open == 0:
                bars.stop()
                self._bars = None


def resolve_progress(progress: Progress | bool | None) -> Progress:
    """The progress that a `progress` argument means.

    Args:
        progress: one of the above; None or True shows bars when stderr is a terminal, and nothing
            otherwise; False shows nothing.
    """
    if progress is None or progress is True:
        return Terminal() if sys.stderr.isatty() else Silent()
    if progress is False:
        return Silent()
    return progress
