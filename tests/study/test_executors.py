"""Executors: whatever happens to those who answer, all rows come, each once, and what cannot be answered is told."""

from __future__ import annotations

import dataclasses
import errno
import math
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import unrelu as ur
from odd_question import NO_PICKLE, Odd, asked, inputs, network
from unrelu.errors import InputError, StoreError
from unrelu.parallel import one_blas_thread
from unrelu.study.answering import Numbered
from unrelu.study.context import Context
from unrelu.study.executors import alone, remote
from unrelu.study.executors.batches import MOST, SECONDS, Batches
from unrelu.study.executors.processes import Processes
from unrelu.study.executors.remote import answer_batch, packed, read_material, write_material
from unrelu.study.executors.threads import Threads
from unrelu.study.inputs.file_rows import FileRows
from unrelu.study.inputs.samples import Samples
from unrelu.study.material import Material
from unrelu.study.scratch import PREFIX, scratch_folder
from unrelu.study.task import Task


def reasons(study: ur.Study) -> dict[int, str]:
    return {index: row["reason"] for row in study["failures"].to_pylist() for index in row["inputs"]}


def sums(study: ur.Study) -> dict[int, float]:
    return {row["input"]: row["value"] for row in study["odd"].to_pylist()}


def expected(n: int, without: set[int] = frozenset()) -> dict[int, float]:  # pyright: ignore[reportArgumentType]
    return {index: float(inputs(n)[index].sum()) for index in range(n) if index not in without}


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_answer_all_and_tell_what_goes_wrong(workers: int) -> None:
    found = asked(Odd(raising=(2, 5)), 9, executor=Threads(workers))
    assert sums(found) == expected(9, {2, 5})
    assert reasons(found) == dict.fromkeys((2, 5), NO_PICKLE)
    assert set(found["odd"]["blas"].to_pylist()) == {1}
    assert not found.complete


def test_processes_answer_all_but_what_kills_them() -> None:
    found = asked(Odd(deadly=(3,), leaving=(4,), raising=(6,), hungry=(8,)), executor=Processes(2))
    assert sums(found) == expected(12, {3, 4, 6, 8})
    told = reasons(found)
    assert told.pop(3) == alone.DIED
    assert told.pop(4) == "it asked to end the process (enough)"
    assert told.pop(6) == NO_PICKLE
    assert told.pop(8).startswith("MemoryError")
    assert told == {}
    assert set(found["odd"]["blas"].to_pylist()) == {1}


@pytest.mark.slow
def test_a_process_that_dies_while_it_hands_over_its_answer_stops_nobody() -> None:
    found = asked(Odd(late=(3,)), executor=Processes(2))
    assert sums(found) == expected(12, {3})
    assert reasons(found) == {3: alone.DIED}


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_ends_with_what_is_there_and_the_same_call_goes_on(tmp_path, workers: int) -> None:
    question = Odd(interrupting=(4,), seconds=0.01)
    first = asked(question, 40, executor=Threads(workers), store=tmp_path)
    assert first.stopped == "interrupted"
    assert 0 < len(sums(first)) < 40
    assert sums(first).items() <= expected(40).items()
    (odd,) = (each.run for each in first.asked if each.name == "odd")
    assert len(list((tmp_path / "odd" / f"run={odd}").glob("[0-9]*.parquet"))) == len(sums(first))
    again = ur.analyze(network(), inputs(40), questions=[question], progress=False, store=tmp_path, time_limit=0)
    assert sums(again) == sums(first)


@pytest.mark.parametrize("executor", [Threads(1), Threads(2), Processes(1)], ids=str)
def test_without_time_no_task_is_begun(executor: ur.executors.Executor) -> None:
    found = asked(Odd(), executor=executor, time_limit=0)
    assert found.stopped == "time limit"
    assert sums(found) == {}


def test_after_its_time_a_batch_begins_no_task() -> None:
    context = Context(Material(network(), Samples.of(inputs(6)), None, 2.0**-53))
    tasks = [Numbered(n, str(n), Task((n,))) for n in range(6)]
    clock = iter(range(100))
    found = answer_batch(context, Odd(), tasks, 2, lambda: float(next(clock)))
    assert [each.asked.number for each in found] == [0, 1]


def test_batches_follow_what_tasks_take_and_leave_some_to_others() -> None:
    tasks = [Numbered(n, str(n), Task((n,))) for n in range(100_000)]
    batches = Batches(tasks)
    assert batches.take(4) == tasks[:1]
    batches.took(1, SECONDS / 10)
    second = batches.take(4)
    assert second == tasks[1:11]
    batches.put_back(second)
    assert batches.take(4) == second
    batches.took(10**6, 1e-3)
    assert len(batches.take(4)) == MOST
    rest = []
    while batches:
        rest.extend(batches.take(4))
    assert rest == tasks[11 + MOST :]


def test_blas_keeps_to_one_thread_until_the_last_one_is_done() -> None:
    def blas() -> set[int]:
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    def other() -> None:
        with one_blas_thread():
            pass

    with threadpool_limits(2):
        before = blas()
        with one_blas_thread():
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
            assert blas() == {1}
        assert blas() == before


def test_what_is_written_for_processes_is_read_back_and_its_numbers_stay_in_the_file(tmp_path) -> None:
    given = Material(network(), Samples.of(inputs(5)), np.arange(5), 2.0**-53, ("relu1",))
    write_material(given, tmp_path)
    found = read_material(tmp_path)
    assert isinstance(found.x.rows, FileRows)
    np.testing.assert_array_equal(found.x[:], inputs(5))
    assert found.sha256() == given.sha256()
    assert found.nodes == given.nodes


def test_no_room_for_processes_is_told_as_that(tmp_path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Samples, "in_file", full)
    with pytest.raises(StoreError, match="TMPDIR"):
        write_material(Material(network(), Samples.of(inputs(5)), None, 2.0**-53), tmp_path)


def test_what_cannot_be_sent_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="the question 'odd' cannot be sent"):
        packed(dataclasses.replace(Odd(), seconds=threading.Lock()))  # pyright: ignore[reportArgumentType]
    net = dataclasses.replace(network(), source=threading.Lock())  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="the model behind the network cannot be sent"):
        write_material(Material(net, Samples.of(inputs(5)), None, 2.0**-53), tmp_path)


def test_folders_of_the_living_stay_and_those_of_the_dead_go(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / f"{PREFIX}dead"
    dead.mkdir()
    (dead / "lock").touch()
    (dead / "inputs.npy").write_bytes(b"numbers")
    with scratch_folder() as mine:
        assert not dead.exists()
        with scratch_folder() as other:
            assert mine.exists()
            assert other != mine
        assert mine.exists()
        assert not other.exists()
    assert not mine.exists()


def test_clocks_of_other_machines_get_the_time_on_the_wall() -> None:
    assert math.isclose(remote.wall_clock(time.monotonic() + 5), time.time() + 5, abs_tol=0.1)
    assert remote.wall_clock(math.inf) == math.inf
