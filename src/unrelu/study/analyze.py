"""Asking questions of one network at many inputs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike

from unrelu.errors import StoreError
from unrelu.network.graph import Network
from unrelu.parallel import one_blas_thread
from unrelu.polyhedra.domains import Domain
from unrelu.progress import Progress, resolve_progress
from unrelu.study.account import Account
from unrelu.study.asked import Asked
from unrelu.study.executors.executor import Executor
from unrelu.study.executors.threads import Threads
from unrelu.study.info import StudyInfo, n_parameters, network_nodes, versions
from unrelu.study.inputs.read import ClassNames
from unrelu.study.keys import run_key, study_key
from unrelu.study.parts.part import Part, rows_of
from unrelu.study.pictures import picture_range, resolve_picture_shape
from unrelu.study.preparing import DEFAULT, Labels, in_order, prepare
from unrelu.study.question import Question
from unrelu.study.questions import QUESTIONS
from unrelu.study.running import run_question
from unrelu.study.saving import put_network, study_of
from unrelu.study.stores.folder import FolderStore
from unrelu.study.stores.memory import MemoryStore
from unrelu.study.stores.store import Store
from unrelu.study.study import Study
from unrelu.study.study_index import StudyIndex, read_index, read_indices, write_index


@one_blas_thread()  # what checking and planning compute, answers use
def analyze(
    net: Network,
    data: object,
    *,
    questions: Iterable[Question] = DEFAULT,
    labels: Labels = None,
    store: str | PathLike[str] | None = None,
    executor: Executor | None = None,
    picture_shape: tuple[int, ...] | None = None,
    classes: ClassNames = (),
    name: str = "network",
    data_name: str = "data",
    time_limit: float = math.inf,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> Study:
    """What the network cannot see: ask questions of it at many inputs, and keep the answers.

    With a store nothing is lost and nothing is computed twice: whatever ends the analysis (Ctrl-C, a kill, a full
    disk), the same call goes on from what is kept, and ends with the same rows. Ctrl-C and `time_limit` return what is
    there, with `Study.stopped` saying so.

    Args:
        net: the network.
        data: (n, *input_shape) inputs, or whatever `read_inputs` reads: a dataset of torch, the path of a file or of a
            folder of pictures. They need not fit into memory.
        questions: of `ur.questions`, or your own; verdicts, 32 spectra and 2 bounds of row removal if left out.
        labels: (n,) class of each input; see `read_inputs`. Those that the data bring along if left out.
        store: a folder, or any address that fsspec knows; in memory only if None.
        executor: where to compute: `ur.executors.Threads` (if None), `Processes` or `Dask`.
        picture_shape: (h, w), (1, h, w) or (3, h, w), for inputs that are pictures but flat.
        classes: names of the classes, by index; see `read_inputs`.
        name: what to call the network in the report.
        data_name: what to call the data in the report.
        time_limit: seconds after which no task is begun.
        progress: see `unrelu.progress.resolve_progress`.
        workers: threads, where there is no executor; all cores by default.

    Returns:
        The study: tables, and what made them. `study["verdicts"]` is one, `study.report(path)` shows all.

    Raises:
        InputError: if the data, the labels or a question do not fit the network or each other.
        UnknownNode: if a question names a node that there is not.
        DomainError: if an input does not lie in the domain of a question about it.
        StoreError: if nothing can be written to the store.
        MissingExtra: if the executor or the store needs a package that is not installed.
    """
    started = time.monotonic()
    shown = resolve_progress(progress)
    prepared = prepare(net, data, questions, labels, classes, shown)
    context, every, inputs = prepared.context, prepared.questions, prepared.inputs
    material = context.material
    kept = MemoryStore() if store is None else FolderStore(store)
    shown_shape = resolve_picture_shape(net.input_shape, picture_shape or inputs.picture_shape)
    info = StudyInfo(
        name=name,
        data_name=data_name,
        created=datetime.now(UTC).isoformat(timespec="milliseconds"),
        input_shape=net.input_shape,
        output_size=net.output_size,
        head=net.head,
        n_parameters=n_parameters(net),
        nodes=network_nodes(net),
        weights_sha256=material.network_sha256,
        data_sha256=material.data_sha256,
        n_inputs=len(material),
        picture_shape=shown_shape,
        picture_range=None if shown_shape is None else picture_range(material.x.extent, _shown_within(every)),
        classes=inputs.classes,
        notes=inputs.notes,
        versions=versions(),
    )
    asked = {each.name: Asked(each.name, run_key(each, material), each.about()) for each in every}
    parts: dict[str, dict[str, Part]] = {}
    accounts: dict[str, Account] = {each.name: Account(each.name, None) for each in every}
    kinds = {each.name: each for each in QUESTIONS} | {each.name: type(each) for each in every}
    key = study_key(info, tuple(asked.values()))

    def planned(one: Asked) -> None:
        asked[one.name] = one
        write_index(kept, StudyIndex(key, info, tuple(asked.values())))

    def account(one: Account) -> None:
        accounts[one.question] = one

    stopped = ""
    deadline = started + time_limit
    try:
        put_network(kept, net)
        asked |= _planned_before(kept, key)
        write_index(kept, StudyIndex(key, info, tuple(asked.values())))
        with (executor or Threads(workers)).session(context) as session:
            for each in in_order(every):
                if time.monotonic() >= deadline:
                    break
                read = [name for name in each.after if name in asked]
                rows = {name: rows_of(parts.get(name, {}).values(), kinds[name].schema) for name in read}
                run_question(
                    each,
                    asked[each.name],
                    context,
                    session,
                    kept,
                    rows,
                    deadline=deadline,
                    progress=shown,
                    planned=planned,
                    account=account,
                    parts=parts.setdefault(each.name, {}),
                )
    except KeyboardInterrupt:
        stopped = "interrupted"
    finally:
        kept.close()
    if not stopped and any(each.open != 0 and not each.unfinished for each in accounts.values()):
        stopped = "time limit"
    found = study_of(kept, StudyIndex(key, info, tuple(asked.values())), kinds, replace(net, source=None), parts)
    return replace(found, accounts=accounts, stopped=stopped)


def _planned_before(store: Store, key: str) -> dict[str, Asked]:
    """What an earlier run of the same study planned, so that its index says at any time how many tasks there are."""
    name = read_indices(store).get(key)
    if name is None:
        return {}
    try:
        return {each.name: each for each in read_index(store, name).asked}
    except StoreError:  # damaged: it is about to be written anew
        return {}


def _shown_within(questions: Sequence[Question]) -> Domain | None:
    """Where inputs have to lie, which says what is black and what is white."""
    return next((each.within for each in questions if each.within is not None), None)
