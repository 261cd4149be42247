"""What a study will take, measured on a few of its tasks."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from os import PathLike
from tempfile import gettempdir

from unrelu.network.graph import Network
from unrelu.progress import Progress, resolve_progress
from unrelu.study.answering import Numbered
from unrelu.study.asked import Asked
from unrelu.study.context import Context
from unrelu.study.executors.executor import Session
from unrelu.study.executors.processes import Processes
from unrelu.study.inputs.file_rows import FileRows
from unrelu.study.inputs.samples import Samples
from unrelu.study.keys import run_key
from unrelu.study.preparing import DEFAULT, Labels, in_order, prepare
from unrelu.study.question import Question
from unrelu.study.questions import Predictions
from unrelu.study.running import kept_parts
from unrelu.study.stores.folder import FolderStore
from unrelu.study.task import Task
from unrelu.untrusted.printable import printable

PATIENCE = 20.0
"""Seconds that the measuring takes, at most, if nobody says so; starting the process that measures is not counted."""


@dataclass(frozen=True)
class Foreseen:
    """What one question will take.

    Attributes:
        question: its name.
        n_tasks: how many tasks.
        at_most: whether there may be fewer, which only other rows tell.
        kept: how many of them the store holds.
        seconds: of one core, for those that it does not hold; None where nothing was measured.
        disk: bytes that these will add; None likewise.
        memory: bytes that the process which answered some of them had taken at most by then, in all; None likewise.
        measured: how many inputs that rests on.
        failed: why tasks that were tried have no rows; empty where they do.
    """

    question: str
    n_tasks: int
    at_most: bool
    kept: int
    seconds: float | None
    disk: int | None
    memory: int | None
    measured: int
    failed: str


@dataclass(frozen=True)
class Forecast:
    """What a study will take: right within a factor of a few, as tasks differ, and no promise.

    Attributes:
        questions: in the order in which they will be answered.
        inputs: how many there are, and where they lie.
        held: bytes of memory that the inputs take in the process that asks, beside what it takes for itself.
        scratch: bytes that they take in the place for temporary files, for as long as they are there; where processes
            answer, what is held in memory is written there too.
    """

    questions: tuple[Foreseen, ...]
    inputs: str
    held: int
    scratch: int

    @property
    def seconds(self) -> float | None:
        """Of one core, in all; None where a question could not be measured."""
        known = [each.seconds for each in self.questions]
        return None if None in known else math.fsum(each for each in known if each is not None)

    @property
    def disk(self) -> int | None:
        """Bytes, in all; None likewise."""
        known = [each.disk for each in self.questions]
        return None if None in known else sum(each for each in known if each is not None)

    def __str__(self) -> str:
        """A line per question, and one for all."""
        lines = [f"{'question':<14}{'tasks':>9}{'there':>9}{'one core':>12}{'memory':>11}{'disk':>11}"]
        for each in self.questions:
            tasks = f"{'≤ ' if each.at_most else ''}{each.n_tasks:,}"
            lines.append(
                f"{each.question:<14}{tasks:>9}{each.kept:>9,}{_time(each.seconds):>12}{_size(each.memory):>11}"
                f"{_size(each.disk):>11}" + (f"  {each.failed}" if each.failed else "")
            )
        lines.append(f"{'all':<14}{'':>18}{_time(self.seconds):>12}{'':>11}{_size(self.disk):>11}")
        lines.append(f"inputs: {self.inputs}")
        return "\n".join(lines)


def foresee(
    net: Network,
    data: object,
    *,
    questions: Iterable[Question] = DEFAULT,
    labels: Labels = None,
    store: str | PathLike[str] | None = None,
    patience: float = PATIENCE,
    progress: Progress | bool | None = None,
) -> Forecast:
    """What `analyze` with the same arguments would take: tasks, time, memory and disk, without doing it.

    A few inputs of each question and layer are answered in a process of their own, which is ended when patience is;
    nothing of it is kept. What the store already holds is not counted.

    Args:
        net: the network.
        data: as for `analyze`.
        questions: as for `analyze`.
        labels: as for `analyze`.
        store: as for `analyze`.
        patience: seconds that the measuring may take.
        progress: see `unrelu.progress.resolve_progress`.

    Raises:
        InputError: as `analyze` does, and its other errors.
    """
    shown = resolve_progress(progress)
    prepared = prepare(net, data, questions, labels, progress=shown)
    context, every = prepared.context, prepared.questions
    bare = Context(replace(context.material, net=replace(net, source=None)))
    order = in_order(every)
    found = []
    with (
        Processes(1, patient=False).session(bare) as session,
        shown.stage("measuring a few tasks", len(order)) as advance,
    ):
        with closing(session.answers(Predictions(), [_numbered(Task((0,)))], math.inf)) as answers:
            list(answers)  # the process is there, and has read the network
        start = time.monotonic()
        for place, question in enumerate(order):
            share = patience * (place + 1) / len(order)
            found.append(_of_question(question, context, session, store, start + share))
            advance(1)
    samples = context.material.x
    return Forecast(tuple(found), *_lie(samples))


def _lie(samples: Samples) -> tuple[str, int, int]:
    """Where inputs lie, and what they take of memory and of the place for temporary files."""
    rows, size = samples.rows, samples.rows.nbytes
    n = f"{len(samples):,}"
    if not isinstance(rows, FileRows):
        return f"{n}, {_size(size)} in memory, and as much in a file for processes in {gettempdir()}", size, 0
    if rows.owner is not None:
        return f"{n}, {_size(size)} in a file in {gettempdir()}, as they do not fit into memory", 0, size
    return f"{n}, {_size(size)} in {printable(rows.path)}, read as they are needed", 0, 0


def _of_question(
    question: Question, context: Context, session: Session, store: str | PathLike[str] | None, deadline: float
) -> Foreseen:
    most = question.most_tasks(context)
    reads_others = bool(question.after)
    trial_task = question.trial(context) if reads_others else None
    if reads_others:
        tasks = () if trial_task is None else (trial_task,) * (most or 0)
    else:
        tasks = question.plan(context, {}).tasks
    n_tasks = most if reads_others and most is not None else len(tasks)
    kept = 0
    if store is not None:
        asked = Asked(question.name, run_key(question, context.material))
        found = kept_parts(FolderStore(store), asked, question.schema).parts.values()
        kept = sum(not part.unfinished for part in found)
    left = max(0, n_tasks - kept)
    groups: dict[tuple[str, int], list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task.layer, 0 if task.divisible else len(task.inputs)].append(task)
    seconds, disk, memory, measured, failed = 0.0, 0.0, 0, 0, ""
    sure = bool(tasks) or not left
    for own in groups.values() if left else ():
        trial = _measured(question, session, own, deadline)
        measured += trial.inputs
        memory = max(memory, trial.memory)
        failed = failed or trial.failed
        if trial.inputs == 0:
            sure = False
            continue
        n = sum(len(task.inputs) for task in own) if own[0].divisible else len(own)
        seconds += trial.first + trial.each * (n - 1)
        disk += trial.disk_each * n + trial.disk_task * len(own)
    share = left / n_tasks if n_tasks else 0.0
    return Foreseen(
        question.name,
        n_tasks,
        reads_others,
        kept,
        seconds * share if sure else None,
        int(disk * share) if sure else None,
        memory if measured else None,
        measured,
        failed,
    )


@dataclass(frozen=True)
class _Trial:
    inputs: int
    first: float = 0.0
    each: float = 0.0
    disk_each: float = 0.0
    disk_task: float = 0.0
    memory: int = 0
    failed: str = ""


def _measured(question: Question, session: Session, tasks: list[Task], deadline: float) -> _Trial:
    """The first input makes what all share (a layer's matrix); others show what each takes."""
    task = tasks[0]
    if task.divisible and len(task.inputs) > 1:
        parts = [replace(task, inputs=task.inputs[:1]), replace(task, inputs=task.inputs[1:5])]
    else:
        parts = tasks[:2]
    done = []
    for part in parts:
        with closing(session.answers(question, [_numbered(part)], deadline)) as answers:
            done.extend(answers)
    if not done:
        return _Trial(0)
    failed = next((failure.reason for each in done for failure in (*each.failures, *each.unfinished)), "")
    sizes = [len(each.content or b"") + sum(map(len, each.files.values())) for each in done]
    if len(done) == 1 or not task.divisible:
        mean = sum(each.seconds for each in done) / len(done)
        return _Trial(len(done), done[0].seconds, mean, sum(sizes) / len(done), 0.0, done[-1].memory, failed)
    n = len(parts[1].inputs)
    growth = max(0.0, (sizes[1] - sizes[0]) / max(1, n - 1)) if n > 1 else 0.0
    return _Trial(
        1 + n, done[0].seconds, done[1].seconds / n, growth, max(0.0, sizes[0] - growth), done[-1].memory, failed
    )


def _numbered(task: Task) -> Numbered:
    return Numbered(0, "0" * 24, task)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _size(size: float | None) -> str:
    if size is None:
        return "?"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
