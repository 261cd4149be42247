"""Puts to an object store go side by side: all come, errors come back, a stopped run waits for those on their way."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

import unrelu as ur
from odd_question import Odd, asked
from unrelu.errors import StoreError
from unrelu.study.stores.folder import _AT_ONCE, FolderStore
from unrelu.study.stores.memory import MemoryStore
from unrelu.study.stores.puts import Puts

N = 40


class Bucket(MemoryFileSystem):
    """An object store whose puts of parts wait, fail or send Ctrl-C where a test says so."""

    protocol = "bucket"
    together: ClassVar[threading.Barrier | None] = None
    failing: ClassVar[set[int]] = set()
    interrupting: ClassVar[int] = -1
    lock: ClassVar[threading.Lock] = threading.Lock()
    counts: ClassVar[dict[str, int]] = {}

    def pipe_file(self, path: str, value: bytes, **more: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if "odd/" not in path or not path.endswith(".parquet"):
            return super().pipe_file(path, value, **more)
        with self.lock:
            self.counts["begun"] = place = self.counts.get("begun", 0) + 1
            self.counts["now"] = self.counts.get("now", 0) + 1
            self.counts["most"] = max(self.counts["now"], self.counts.get("most", 0))
        try:
            if self.together is not None:
                self.together.wait(60)
            if place == self.interrupting:
                os.kill(os.getpid(), signal.SIGINT)
            if place in self.failing:
                raise OSError("the network is down")
            super().pipe_file(path, value, **more)
        finally:
            with self.lock:
                self.counts["now"] -= 1


@pytest.fixture
def where(monkeypatch: pytest.MonkeyPatch) -> str:
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    monkeypatch.setattr(Bucket, "counts", {})
    monkeypatch.setattr(Bucket, "failing", set())
    return f"bucket://{uuid.uuid4().hex}/study"


def parts(where: str) -> list[str]:
    return [name for name in FolderStore(where).names("odd") if name.endswith(".parquet")]


def test_as_many_as_may_go_side_by_side_and_all_come(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each put waits for seven others: one after the other none would ever come."""
    monkeypatch.setattr(Bucket, "together", threading.Barrier(_AT_ONCE))
    found = asked(Odd(), N, store=where, executor=ur.executors.Threads(1))
    assert Bucket.counts == {"begun": N, "now": 0, "most": _AT_ONCE}
    assert found.complete
    assert len(parts(where)) == N
    monkeypatch.setattr(Bucket, "together", None)
    assert ur.load_study(where, questions=[Odd])["odd"].equals(asked(Odd(), N)["odd"])
    assert asked(Odd(), N, store=where).accounts["odd"].found == N


def test_what_cannot_be_put_ends_the_run_and_what_is_on_its_way_is_kept(where: str, monkeypatch) -> None:
    monkeypatch.setattr(Bucket, "failing", {11})
    with pytest.raises(StoreError, match=r"nothing more can be written to .*the network is down"):
        asked(Odd(), N, store=where, executor=ur.executors.Threads(1))
    assert Bucket.counts["now"] == 0
    assert len(parts(where)) == Bucket.counts["begun"] - 1
    monkeypatch.setattr(Bucket, "failing", set())
    kept = len(parts(where))
    again = asked(Odd(), N, store=where)
    assert (again.accounts["odd"].found, again.accounts["odd"].computed) == (kept, N - kept)
    assert again["odd"].equals(asked(Odd(), N)["odd"])


def test_the_last_put_may_be_the_one_that_fails(where: str, monkeypatch) -> None:
    monkeypatch.setattr(Bucket, "failing", {N})
    with pytest.raises(StoreError, match="the network is down"):
        asked(Odd(), N, store=where, executor=ur.executors.Threads(1))
    assert len(parts(where)) == N - 1


@pytest.mark.parametrize("executor", [ur.executors.Threads(1), ur.executors.Threads(2)], ids=str)
def test_ctrl_c_waits_for_what_is_on_its_way(where: str, monkeypatch, executor: ur.executors.Executor) -> None:
    monkeypatch.setattr(Bucket, "interrupting", 9)
    found = asked(Odd(seconds=0.002), N, store=where, executor=executor)
    assert found.stopped == "interrupted"
    assert Bucket.counts["now"] == 0
    assert 0 < found["odd"].num_rows <= len(parts(where)) < N
    monkeypatch.setattr(Bucket, "interrupting", -1)
    again = asked(Odd(), N, store=where)
    assert again["odd"].equals(asked(Odd(), N)["odd"])


def test_a_time_limit_waits_too(where: str) -> None:
    found = asked(Odd(seconds=0.05), N, store=where, executor=ur.executors.Threads(1), time_limit=0.5)
    assert found.stopped == "time limit"
    assert found["odd"].num_rows == len(parts(where)) == found.accounts["odd"].computed


def test_a_study_is_saved_side_by_side(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = asked(Odd(), N)
    monkeypatch.setattr(Bucket, "together", threading.Barrier(_AT_ONCE))
    study.save(where)
    assert Bucket.counts["most"] == _AT_ONCE
    assert len(parts(where)) == N
    assert FolderStore(tmp_path).at_once == MemoryStore().at_once == 1


def test_what_is_put_is_told_in_the_thread_that_asked(where: str) -> None:
    store, told = FolderStore(where), []

    def put(name: str) -> None:
        assert threading.current_thread() is not threading.main_thread()
        store.put(f"odd/{name}.parquet", b"1")

    with Puts(store) as puts:
        for k in range(20):
            puts.add(lambda k=k: put(str(k)), lambda k=k: told.append((k, threading.current_thread())))
    assert sorted(k for k, _ in told) == list(range(20))
    assert {thread for _, thread in told} == {threading.main_thread()}


def test_lines_for_one_are_used_by_one() -> None:
    class Line(MemoryFileSystem):
        protocol = ("sftp", "ssh")

    store = FolderStore("memory://x")
    store._fs = Line()
    assert store.at_once == 1
