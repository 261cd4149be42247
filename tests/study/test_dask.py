"""A Dask cluster of real processes on this machine, one of whose workers is killed on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import unrelu as ur
from odd_question import NO_PICKLE, Odd, asked, inputs
from unrelu.errors import InputError
from unrelu.study.executors.alone import DIED

pytest.importorskip("distributed")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

N = 60


def _start(*words: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # with the processes that it starts
    )


def start_cluster(folder: Path, workers: int) -> tuple[str, list[subprocess.Popen[bytes]]]:
    """A scheduler, whose address it is, and workers, each with a nanny that starts it again when it dies."""
    folder.mkdir(exist_ok=True)
    file = folder / "scheduler.json"
    processes = [
        _start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    ]
    processes += [
        _start(
            *("worker", "--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard"),
            *("--local-directory", str(folder), "--host", "127.0.0.1"),
        )
        for _ in range(workers)
    ]
    return _address(file), processes


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of two workers."""
    address, processes = start_cluster(tmp_path_factory.mktemp("dask"), workers=2)
    try:
        yield address
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _address(file: Path) -> str:
    import json

    ends = time.monotonic() + 30
    while not file.exists() and time.monotonic() < ends:
        time.sleep(0.05)
    time.sleep(0.1)
    return json.loads(file.read_text())["address"]


def test_a_cluster_gives_the_same_rows_though_a_worker_is_killed(cluster: str, tmp_path: Path) -> None:
    kept: list[int] = []

    def parts() -> int:
        return len(list((tmp_path / "odd").rglob("[0-9]*.parquet")))

    def kill() -> None:
        from distributed import Client

        with Client(cluster, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            first = min(client.run(os.getpid).values())  # pyright: ignore[reportAttributeAccessIssue]
            while parts() < 5:
                time.sleep(0.02)
            os.kill(first, signal.SIGKILL)
            kept.append(parts())

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    found = asked(Odd(seconds=0.05), N, store=tmp_path, executor=ur.executors.Dask(cluster))
    killer.join()
    assert 5 <= kept[0] < N
    assert found.complete
    assert found["odd"]["input"].to_pylist() == list(range(N))
    assert found["odd"]["value"].to_pylist() == [float(x.sum()) for x in inputs(N)]
    assert set(found["odd"]["blas"].to_pylist()) == {1}


@pytest.mark.slow
def test_a_task_that_kills_its_workers_is_left_out_alone(cluster: str) -> None:
    found = asked(Odd(deadly=(3,), raising=(5,)), 12, executor=ur.executors.Dask(cluster))
    assert sorted(found["odd"]["input"].to_pylist()) == [i for i in range(12) if i not in (3, 5)]
    told = {row["inputs"][0]: row["reason"] for row in found["failures"].to_pylist()}
    assert told == {3: DIED, 5: NO_PICKLE}


def test_where_no_scheduler_answers_that_is_said(monkeypatch) -> None:
    from unrelu.study.executors import dask

    monkeypatch.setattr(dask, "_ANSWER", 1)
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp"):
        asked(Odd(), executor=ur.executors.Dask("tcp://127.0.0.1:9"))
