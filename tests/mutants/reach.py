"""Which lines of a module each test runs."""

from __future__ import annotations

import ast
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from mutants.mutation import Mutation


@dataclass(frozen=True)
class Reach:
    """What a test runs of a module.

    Attributes:
        lines: of its source.
        seconds: that the test took while they were noted.
    """

    lines: frozenset[int]
    seconds: float

    def touches(self, lines: range) -> bool:
        """Whether any of these lines was run."""
        return not self.lines.isdisjoint(lines)


def reach(run: Callable[[], object], filename: str) -> Reach:
    """Run something, and note the lines of one file that it comes to, in any thread."""
    lines: set[int] = set()

    def within(frame: FrameType, event: str, argument: Any) -> Any:
        lines.add(frame.f_lineno)
        return within

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return within(frame, event, argument) if frame.f_code.co_filename == filename else None

    started = time.monotonic()
    threading.settrace(enter)
    sys.settrace(enter)
    try:
        run()
    finally:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
    return Reach(frozenset(lines), time.monotonic() - started)


def lines_of(mutation: Mutation, tree: ast.Module) -> range:
    """Lines of the statement that a mutation changes; of one with a body, those before it."""
    node: Any = tree
    statement: Any = tree
    for step in (*mutation.path, None):
        if isinstance(node, ast.stmt):
            statement = node
        if step is not None:
            found = getattr(node, step[0])
            node = found if step[1] is None else found[step[1]]
    body: Iterable[ast.stmt] = getattr(statement, "body", ())
    first = min((part.lineno for part in body), default=statement.end_lineno + 1)
    return range(statement.lineno, max(first, statement.lineno + 1))
