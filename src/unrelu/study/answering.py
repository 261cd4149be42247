"""Answering tasks, wherever that is."""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa

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
        failed: inputs that an earlier run could not answer, where it has a part about the others.
    """

    number: int
    key: str
    task: Task
    failed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Done:
    """What became of a task.

    Attributes:
        asked: the task.
        content: of the file of its part; None where it has none.
        files: what goes with it, by name.
        rows: how many rows it has.
        failures: what cannot be answered.
        unfinished: what could not be answered this time: the next run tries again.
        seconds: what it took.
        memory: bytes that the process which answered it has taken at most so far; 0 where the system does not tell.
        part: the part itself, where it was answered in this process.
    """

    asked: Numbered
    content: bytes | None
    files: dict[str, bytes] = field(default_factory=dict)
    rows: int = 0
    failures: tuple[Failure, ...] = ()
    unfinished: tuple[Failure, ...] = ()
    seconds: float = 0.0
    memory: int = 0
    part: Part | None = field(default=None, compare=False)


def answer_task(
    question: Question, context: Context, asked: Numbered, caught: tuple[type[BaseException], ...] = (Exception,)
) -> Done:
    """Answer one task; where an input makes it fail, the others are answered by themselves.

    BLAS is expected to use one thread, so that the rows do not depend on how many there are.

    Args:
        question: the question.
        context: the network and its inputs.
        asked: the task.
        caught: what nobody foresaw and is told; it ends no study, and the next run tries again.
    """
    start = time.perf_counter()
    task = asked.task
    if asked.failed:  # as long as none of these can be answered, the part stays as it is
        again = _Found()
        for single in replace(task, inputs=asked.failed).divided():
            again.ask(question, context, single, caught)
        if len(again.unfinished) == len(asked.failed):
            return Done(asked, None, unfinished=joined(again.unfinished), seconds=time.perf_counter() - start)
    found = _Found()
    found.ask(question, context, task, caught)
    if (found.failures or found.unfinished) and task.divisible and len(task.inputs) > 1:
        found = _Found()
        for single in task.divided():
            found.ask(question, context, single, caught)
    return done(question, asked, found.tables, found.files, found.failures, found.unfinished, start)


def done(
    question: Question,
    asked: Numbered,
    tables: Sequence[pa.Table],
    files: dict[str, bytes],
    failures: Sequence[Failure],
    unfinished: Sequence[Failure],
    start: float,
) -> Done:
    """What became of a task, from what was said about its inputs since a time of the performance counter."""
    failed, open_ = joined(failures), joined(unfinished)
    seconds = time.perf_counter() - start
    if unfinished and not tables and not failures:
        return Done(asked, None, unfinished=open_, seconds=seconds, memory=peak_memory())
    rows = tables[0] if len(tables) == 1 else pa.concat_tables([question.schema.empty_table(), *tables])
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    part = Part(asked.key, asked.number, rows, failed, seconds, digests, open_)
    try:
        content = encode(part)
    except Exception as error:
        told = Failure(asked.task.layer, asked.task.inputs, in_words(error))
        return Done(asked, None, unfinished=(told,), seconds=seconds)
    return Done(asked, content, files, rows.num_rows, failed, open_, seconds, peak_memory(), part)


@dataclass
class _Found:
    """What was said about the inputs of a task."""

    tables: list[pa.Table] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    unfinished: list[Failure] = field(default_factory=list)

    def ask(self, question: Question, context: Context, task: Task, caught: tuple[type[BaseException], ...]) -> None:
        """Add what a question says about a task, or why it says nothing."""
        try:
            answer = question.answer(context, task)
            rows = table(question.schema, answer.rows)
        except DataError as error:  # the file with the inputs is gone or changed: no answer, and none to keep
            self.unfinished.append(Failure(task.layer, task.inputs, str(error)))
        except UnreluError as error:
            self.failures.append(Failure(task.layer, task.inputs, str(error) or type(error).__name__))
        except caught as error:
            self.unfinished.append(Failure(task.layer, task.inputs, in_words(error)))
        else:
            self.tables.append(rows)
            self.files.update(answer.files)


def in_words(error: BaseException) -> str:
    """What went wrong where nobody foresaw it: of which type, what is said, and where."""
    try:
        text = str(error)
    except Exception:  # an exception's own bug
        text = ""
    if isinstance(error, SystemExit):
        return f"it asked to end the process ({text})"
    said = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    return f"{said} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else said


def joined(failures: Sequence[Failure]) -> tuple[Failure, ...]:
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
