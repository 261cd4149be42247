"""Answering tasks, wherever that is."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from unrelu.errors import DataError, UnreluError
from unrelu.study.columns import table
from unrelu.study.context import Context
from unrelu.study.parts.part import Failure, Part
from unrelu.study.parts.part_file import encode
from unrelu.study.question import Question
from unrelu.study.task import Task


@dataclass(frozen=True)
class Numbered:
    """A task with its name and its place among the question's tasks.

    Attributes:
        number: its place.
        key: its name.
        task: the task.
    """

    number: int
    key: str
    task: Task


@dataclass(frozen=True)
class Done:
    """What became of a task.

    Attributes:
        asked: the task.
        content: of the file of its part; None where it has none.
        files: what goes with it, by name.
        rows: how many rows it has.
        failures: what could not be answered.
        seconds: what it took.
        memory: bytes that the process which answered it has taken at most so far; 0 where the system does not tell.
        part: the part itself, where it was answered in this process.
    """

    asked: Numbered
    content: bytes | None
    files: dict[str, bytes] = field(default_factory=dict)
    rows: int = 0
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0
    memory: int = 0
    part: Part | None = field(default=None, compare=False)


def answer_task(question: Question, context: Context, asked: Numbered) -> Done:
    """Answer one task; where an input makes it fail, the others are answered by themselves.

    BLAS is expected to use one thread, so that the rows do not depend on how many there are.
    """
    start = time.perf_counter()
    task = asked.task
    rows: list = []
    files: dict[str, bytes] = {}
    failures: list[Failure] = []
    try:
        try:
            _answer(question, context, task, rows, files)
        except DataError:  # the file with the inputs is gone or changed: no answer, and none to keep
            raise
        except UnreluError as error:
            if not task.divisible or len(task.inputs) == 1:
                failures.append(Failure(task.layer, task.inputs, _reason(error)))
            else:
                rows, files = [], {}
                for single in task.divided():
                    try:
                        _answer(question, context, single, rows, files)
                    except DataError:
                        raise
                    except UnreluError as own:
                        failures.append(Failure(task.layer, single.inputs, _reason(own)))
        found = table(question.schema, rows)
        seconds = time.perf_counter() - start
        told = _joined(failures)
        part = Part(asked.key, asked.number, found, told, seconds, tuple(files))
        content = encode(part)
    except Exception as error:  # no task ends a study; what unrelu did not foresee is told, and tried again next time
        reason = f"{type(error).__name__}: {error}"
        failure = Failure(task.layer, task.inputs, reason)
        return Done(asked, None, failures=(failure,), seconds=time.perf_counter() - start)
    return Done(asked, content, files, len(rows), told, seconds, peak_memory(), part)


def _answer(question: Question, context: Context, task: Task, rows: list, files: dict[str, bytes]) -> None:
    found = question.answer(context, task)
    rows.extend(found.rows)
    files.update(found.files)


def _reason(error: UnreluError) -> str:
    return str(error) or type(error).__name__


def _joined(failures: Sequence[Failure]) -> tuple[Failure, ...]:
    """Failures with the same reason as one."""
    reasons: dict[tuple[str, str], list[int]] = {}
    for each in failures:
        reasons.setdefault((each.layer, each.reason), []).extend(each.inputs)
    return tuple(Failure(layer, tuple(inputs), reason) for (layer, reason), inputs in reasons.items())


def peak_memory() -> int:
    """Bytes that this process has taken at most so far; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return taken if sys.platform == "darwin" else 1024 * taken
