"""Showing how far a long computation is: live bars, lines in a notebook or a log, or nothing."""

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
_WIDTH, _BAR_WIDTH = 31, 10


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
    """Writes one line for every stage when it ends, and one now and then on the way, for logs.

    Attributes:
        stream: where to write; stderr, as it is when the line is written, if None.
        clock: seconds on a clock that only runs forward.
        every: seconds from one line to the next of the same stage, at least.

    >>> import sys
    >>> with Lines(sys.stdout, clock=lambda: 0.0).stage("training", 3) as advance:
    ...     advance(3)
    training: 3 of 3, 0.0 s
    """

    stream: TextIO | None = None
    clock: Callable[[], float] = time.monotonic
    every: float = 30.0

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Advance]:
        """Count the steps; write what, how many of how many, the seconds, and on the way the rate and what is left."""
        done, told = 0, 0.0

        def advance(steps: int) -> None:
            nonlocal done, told
            done += steps
            seconds = self.clock() - start
            if seconds - told >= self.every and done != total:
                told = seconds
                self._write(what, done, total, f"{seconds:.1f} s{_outlook(done, total, seconds)}")

        start = self.clock()
        ending = ", stopped"
        try:
            yield advance
            ending = ""
        finally:
            self._write(what, done, total, f"{self.clock() - start:.1f} s{ending}")

    def _write(self, what: str, done: int, total: int | None, rest: str) -> None:
        stream = sys.stderr if self.stream is None else self.stream
        count = f"{done}" if total is None else f"{done} of {total}"
        print(f"{printable(what)}: {count}, {rest}", file=stream, flush=True)


def _outlook(done: int, total: int | None, seconds: float) -> str:
    """The rate so far, and how long the rest takes at that rate."""
    if not done or seconds <= 0:
        return ""
    rate = done / seconds
    left = "" if total is None else f", {(total - done) / rate:.0f} s left"
    return f", {rate:.3g} a second{left}"


class Notebook:
    """Shows one line for every stage under a notebook's cell, which is written over as it goes on."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, every: float = 0.5) -> None:
        """Make one.

        Args:
            clock: seconds on a clock that only runs forward.
            every: seconds from one look to the next, at least.
        """
        self._clock, self._every = clock, every

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Advance]:
        """Show what, how many of how many, the seconds, the rate and what is left."""
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        done, told, start = 0, 0.0, self._clock()
        name = printable(what)

        def line(ending: str) -> dict[str, str]:
            seconds = self._clock() - start
            count = f"{done}" if total is None else f"{done} of {total}"
            outlook = "" if ending or done == total else _outlook(done, total, seconds)
            return {"text/plain": f"{name}: {count}, {seconds:.1f} s{outlook}{ending}"}

        shown = display(line(""), raw=True, display_id=True)

        def advance(steps: int) -> None:
            nonlocal done, told
            done += steps
            if shown is not None and self._clock() - start - told >= self._every:
                told = self._clock() - start
                shown.update(line(""), raw=True)

        ending = ", stopped"
        try:
            yield advance
            ending = ""
        finally:
            if shown is not None:
                shown.update(line(ending), raw=True)


class Terminal:
    """Shows a live bar for every stage: what, done / total, rate, elapsed and remaining time.

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
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as Bars
        from rich.table import Column
        from rich.text import Text

        class RateColumn(ProgressColumn):
            """Steps a second, as far as they are known."""

            def render(self, task: Task) -> Text:
                speed = task.finished_speed or task.speed
                return Text("" if not speed else f"{speed:.3g}/s", style="dim")

        if self._bars is None:
            self._bars = Bars(
                TextColumn("{task.description}", table_column=Column(min_width=_WIDTH)),
                BarColumn(_BAR_WIDTH),
                MofNCompleteColumn(),
                RateColumn(),
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
        progress: one of the above; None or True shows bars where stderr is a terminal, lines under the cell in a
            notebook, and otherwise nothing (None) or lines for a log (True); False shows nothing.
    """
    if progress is None or progress is True:
        if sys.stderr.isatty():
            return Terminal()
        if _in_notebook():
            return Notebook()
        return Lines() if progress else Silent()
    if progress is False:
        return Silent()
    return progress


def _in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    shell = sys.modules.get("IPython")
    found = None if shell is None else shell.get_ipython()
    return found is not None and "IPKernelApp" in getattr(found, "config", {})
