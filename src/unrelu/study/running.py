"""Answering a question's tasks, as far as the store does not hold them, and keeping what is answered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa

from unrelu.errors import InputError, StoreError
from unrelu.progress import Progress
from unrelu.study.account import Account
from unrelu.study.answering import Done, Numbered
from unrelu.study.asked import Asked
from unrelu.study.columns import described
from unrelu.study.context import Context
from unrelu.study.executors.executor import Session
from unrelu.study.json_text import json_text
from unrelu.study.keys import task_key
from unrelu.study.parts.part import Part, part_name
from unrelu.study.parts.part_file import DamagedPart, decode, encode, handed_over
from unrelu.study.question import Question
from unrelu.study.stores.puts import Puts
from unrelu.study.stores.store import NoSuchFile, Store

COLUMNS = "_columns.json"
"""Name of the file beside the parts that describes their columns."""


@dataclass
class Kept:
    """The parts of a question that a store holds.

    Attributes:
        parts: by the task's key.
        damaged: names of files that are not what was written, or not among those that are expected.
    """

    parts: dict[str, Part] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)


def kept_parts(store: Store, asked: Asked, schema: pa.Schema, expected: Collection[str] | None = None) -> Kept:
    """Read the parts of a question, and check what goes with them; nothing is changed there."""
    found = Kept()
    for name in store.names(asked.folder):
        if not name.endswith(".parquet"):
            continue
        file = name.rpartition("/")[2]
        try:
            if expected is not None and file not in expected:
                raise DamagedPart("it is of no task of this question")
            part = decode(store.get(name), schema)
            if part.name != file:
                raise DamagedPart("it has another file's name")
            files_of(store, asked, part)
        except DamagedPart:
            found.damaged.append(name)
        else:
            found.parts[part.key] = part
    return found


def files_of(store: Store, asked: Asked, part: Part) -> dict[str, bytes]:
    """What goes with a part, by name.

    Raises:
        DamagedPart: if a file is not there, or is not the one that was written with it.
        StoreError: if one cannot be read.
    """
    found = {}
    for name, digest in part.files.items():
        try:
            content = store.get(f"{asked.files}/{name}")
        except NoSuchFile as error:
            raise DamagedPart(f"{name}, which goes with it, is missing") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise DamagedPart(f"{name}, which goes with it, is not what was written")
        found[name] = content
    return found


def put_part(store: Store, asked: Asked, name: str, content: bytes, files: Mapping[str, bytes]) -> None:
    """Put a part's file, after what goes with it."""
    for file, its in files.items():
        store.put(f"{asked.files}/{file}", its)
    store.put(f"{asked.folder}/{name}", content)


def describe_columns(store: Store, asked: Asked, schema: pa.Schema) -> None:
    """Write beside the parts what their columns mean."""
    store.put(f"{asked.folder}/{COLUMNS}", json_text(described(schema)))


def run_question(
    question: Question,
    asked: Asked,
    context: Context,
    session: Session,
    store: Store,
    rows: Mapping[str, pa.Table],
    *,
    deadline: float,
    progress: Progress,
    planned: Callable[[Asked], None],
    account: Callable[[Account], None],
    parts: dict[str, Part],
) -> None:
    """Answer all tasks of a question.

    Args:
        question: the question.
        asked: how the store knows it.
        context: the network and its inputs.
        session: the workers.
        store: where parts are kept.
        rows: tables that the plan reads.
        deadline: on the monotonic clock; no task is begun after it.
        progress: where to show it.
        planned: told the question with its number of tasks, before any is answered.
        account: told what is done so far, at every change.
        parts: what is found and what is answered goes in here, by the tasks' keys, so that nobody need read it again.

    Raises:
        InputError: if the plan has a task twice.
        StoreError: if a part cannot be kept.
    """
    plan = question.plan(context, rows)
    settings = question.settings_sha256(context.net.input_size)
    tasks = [
        Numbered(n, task_key(settings, context.material, task, labels=question.reads_labels), task)
        for n, task in enumerate(plan.tasks)
    ]
    if len({task.key for task in tasks}) < len(tasks):
        raise InputError(
            f"the plan of the question {question.name!r} has a task twice; rows are kept by what they are of."
        )
    planned(replace(asked, n_tasks=len(tasks), left_out=dict(plan.left_out)))
    done = Account(asked.name, len(tasks))
    account(done)
    kept = kept_parts(store, asked, question.schema, {part_name(task.number, task.key) for task in tasks})
    parts.update(kept.parts)
    done = replace(done, damaged=tuple(store.set_aside(name) for name in kept.damaged))
    account(done)
    if not tasks:
        return
    elsewhere = _elsewhere(store, asked)
    describe_columns(store, asked, question.schema)
    waiting: list[Numbered] = []
    for task in tasks:
        if task.key in elsewhere and task.key not in parts:
            copied = _copied(store, elsewhere[task.key], asked, task, question.schema)
            if copied is not None:
                parts[task.key] = copied
        if task.key not in parts:
            waiting.append(task)
        elif parts[task.key].unfinished:
            failed = tuple(index for each in parts[task.key].unfinished for index in each.inputs)
            waiting.append(replace(task, failed=failed))
        else:
            done = replace(done, found=done.found + 1)
    account(done)
    if not waiting:
        return
    with (
        progress.stage(question.title, len(tasks)) as advance,
        closing(session.answers(question, waiting, deadline)) as answers,
        Puts(store) as puts,
    ):
        advance(done.found)

        def note(answer: Done) -> None:
            """Count what became of a task, once it is kept."""
            nonlocal done
            key = answer.asked.key
            if answer.content is not None:
                parts[key] = answer.part or handed_over(answer.content, question.schema)
            done = replace(
                done,
                computed=done.computed + (not answer.unfinished),
                unfinished=(*done.unfinished, *answer.unfinished),
                seconds=done.seconds + answer.seconds,
            )
            account(done)
            advance(1)

        for answer in answers:
            known = parts.get(answer.asked.key)
            if answer.content is not None:
                name = part_name(answer.asked.number, answer.asked.key)
                put = partial(put_part, store, asked, name, answer.content, answer.files)
            elif known is not None and known.unfinished != answer.unfinished:  # for another reason than last time
                parts[known.key] = told = replace(known, unfinished=answer.unfinished)
                put = partial(put_part, store, asked, known.name, encode(told), {})
            else:
                note(answer)
                continue
            puts.add(put, partial(note, answer))


def _elsewhere(store: Store, asked: Asked) -> dict[str, str]:
    """Parts of the question in other folders, by key: of the same settings about more data, fewer, or others."""
    found = {}
    for name in store.names(asked.name):
        folder, _, file = name.rpartition("/")
        if file.endswith(".parquet") and folder != asked.folder:
            found[file.removesuffix(".parquet").rpartition("-")[2]] = name
    return found


def _copied(store: Store, name: str, asked: Asked, task: Numbered, schema: pa.Schema) -> Part | None:
    """Take over a part from another folder; None if it is damaged, or what goes with it is not there."""
    try:
        part = replace(decode(store.get(name), schema), number=task.number)
        files = files_of(store, replace(asked, run=name.split("/")[1].removeprefix("run=")), part)
    except (DamagedPart, StoreError):
        return None
    if part.key != task.key or part.unfinished:
        return None
    put_part(store, asked, part.name, encode(part), files)
    return part
