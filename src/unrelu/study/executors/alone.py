"""Tasks during which a worker died: asked again one at a time, down to the inputs that kill it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from unrelu.study.answering import Done, Numbered, done
from unrelu.study.parts.part import Failure
from unrelu.study.parts.part_file import handed_over
from unrelu.study.question import Question

DIED = "the process that answered it died: it was killed, or ran out of memory"
"""Of an input at which, alone, a process died again."""


class WorkerDied(Exception):
    """The worker that was at a task is gone."""


def each_alone(question: Question, tasks: Iterable[Numbered], ask: Callable[[Numbered], Done | None]) -> Iterator[Done]:
    """What becomes of some tasks, one after the other; see `alone`. Those for which there is no time are left out."""
    for task in tasks:
        found = alone(question, task, ask)
        if found is not None:
            yield found


def alone(question: Question, task: Numbered, ask: Callable[[Numbered], Done | None]) -> Done | None:
    """Ask for a task with nothing beside it; where its worker dies, for either half of its inputs, and so on.

    Args:
        question: the question.
        task: the task.
        ask: what becomes of a task, None where there is no time left; raises `WorkerDied`.

    Returns:
        What becomes of it, or None where there was no time for all of it.
    """
    try:
        return ask(task)
    except WorkerDied:
        inputs = task.failed or task.task.inputs
        if len(inputs) == 1 or not task.task.divisible:
            return Done(task, None, unfinished=(Failure(task.task.layer, inputs, DIED),))
    start, middle = time.perf_counter(), len(task.task.inputs) // 2
    found: list[Done] = []
    for inputs in (task.task.inputs[:middle], task.task.inputs[middle:]):
        half = alone(question, replace(task, task=replace(task.task, inputs=inputs), failed=()), ask)
        if half is None:
            return None
        found.append(half)
    return done(
        question,
        task,
        [handed_over(half.content, question.schema).rows for half in found if half.content is not None],
        {name: content for half in found for name, content in half.files.items()},
        [failure for half in found for failure in half.failures],
        [failure for half in found for failure in half.unfinished],
        start,
    )
