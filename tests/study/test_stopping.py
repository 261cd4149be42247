"""Hard ways to stop: a second Ctrl-C, memory that runs out, a cluster whose scheduler dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import unrelu as ur
from odd_question import Odd, asked, inputs
from study.test_dask import start_cluster
from unrelu.errors import InputError
from unrelu.study.context import Context
from unrelu.study.executors.alone import DIED
from unrelu.study.executors.processes import Processes
from unrelu.study.executors.threads import Threads
from unrelu.study.executors.worker_process import WorkerProcess
from unrelu.study.scratch import PREFIX

N = 30


def until(ready: Callable[[], object], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not ready() and time.monotonic() < ends:
        time.sleep(0.005)
    assert ready()


@dataclass(frozen=True)
class Impatient(Odd):
    """Somebody presses Ctrl-C twice while one of its inputs is answered."""

    seen: ClassVar[list[int]] = []

    def _row(self, context: Context, index: int) -> dict[str, object]:
        if index in self.interrupting:
            for times in (1, 2):
                os.kill(os.getpid(), signal.SIGINT)
                until(lambda times=times: len(self.seen) >= times)
        return {"input": index, "value": float(context.inputs([index]).sum()), "blas": 1}


@pytest.fixture
def _counted() -> Iterator[None]:
    """Ctrl-C is what it always is, and counted."""

    def handle(*given: object) -> None:
        Impatient.seen.append(1)
        signal.default_int_handler(*given)  # pyright: ignore[reportArgumentType]

    Impatient.seen.clear()
    before = signal.signal(signal.SIGINT, handle)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_counted")
def test_a_second_ctrl_c_gives_up_what_threads_are_at_and_keeps_the_rest(tmp_path: Path) -> None:
    found = asked(Impatient(interrupting=(9,)), N, store=tmp_path, executor=Threads(2))
    assert len(Impatient.seen) == 2
    assert found.stopped == "interrupted"
    rows = found["odd"].to_pylist()
    assert 9 not in {row["input"] for row in rows}
    assert len(rows) < N
    until(lambda: not [each for each in threading.enumerate() if each.is_alive() and "ThreadPool" in each.name])
    assert not list(tmp_path.rglob(".*"))
    again = asked(Impatient(), N, store=tmp_path / "undisturbed")
    kept = ur.load_study(tmp_path, questions=[Impatient])["odd"]
    assert kept.equals(found["odd"])
    assert kept.to_pylist() == [row for row in again["odd"].to_pylist() if row["input"] in kept["input"].to_pylist()]


def test_a_second_ctrl_c_while_processes_are_ended_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    real, ended = WorkerProcess.end, []

    def end(self: WorkerProcess) -> None:
        ended.append(self)
        if len(ended) == 1:
            raise KeyboardInterrupt
        real(self)

    monkeypatch.setattr(WorkerProcess, "end", end)
    labels = [0] * N  # which tell the question to interrupt the process that asked
    found = asked(Odd(interrupting=(9,), seconds=0.02), N, store=tmp_path / "s", executor=Processes(2), labels=labels)
    assert found.stopped == "interrupted"
    assert len(set(ended)) == 2
    assert not any(worker._process.is_alive() for worker in ended)
    assert not list(tmp_path.glob(f"{PREFIX}*"))
    assert found["odd"].num_rows < N


@pytest.mark.parametrize("size", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_what_memory_does_not_suffice_for_is_tried_once_more_and_told(tmp_path: Path, size: int) -> None:
    """The limit is real; the process ends itself where it is met, as the system would."""
    traces = tmp_path / "traces"
    question = Odd(starving=(6,), size=size, traces=str(traces))
    found = asked(question, 12, executor=Processes(2), store=tmp_path / "store")
    assert {row["input"]: row["value"] for row in found["odd"].to_pylist()} == {
        index: float(inputs(12)[index].sum()) for index in range(12) if index != 6
    }
    assert {index: row["reason"] for row in found["failures"].to_pylist() for index in row["inputs"]} == {6: DIED}
    times = Counter(int(line) for line in traces.read_text().split())
    # With others and alone; and in halves of four, two and one where its task has four.
    assert times[6] == {1: 2, 4: 4}[size]
    assert not found.complete
    again = asked(question, 12, executor=Processes(2), store=tmp_path / "store")
    assert again["odd"].equals(found["odd"])
    assert again.accounts["odd"].found == {1: 11, 4: 2}[size]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_where_the_scheduler_dies_that_is_said_and_threads_go_on(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    address, processes = start_cluster(tmp_path / "dask", workers=1)
    scheduler, *_ = processes
    try:

        def parts() -> int:
            return len(list((tmp_path / "store" / "odd").rglob("[0-9]*.parquet")))

        def kill() -> None:
            until(lambda: parts() >= 3, 100)
            os.killpg(scheduler.pid, signal.SIGKILL)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        with pytest.raises(InputError, match="is gone; start them, and the same command goes on from what is"):
            asked(Odd(seconds=0.2), N, store=tmp_path / "store", executor=ur.executors.Dask(address))
        killer.join()
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    kept = ur.load_study(tmp_path / "store", questions=[Odd])["odd"].num_rows
    assert 3 <= kept < N
    assert not list((tmp_path / "store").rglob(".*"))
    found = asked(Odd(seconds=0.2), N, store=tmp_path / "store", executor=Threads(8))
    assert (found.accounts["odd"].found, found.accounts["odd"].computed) == (kept, N - kept)
    assert found.complete
