"""What a killed process had half written is removed by the next one that writes there, and nobody else's is."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unrelu as ur
from odd_question import Odd, asked, inputs, network
from unrelu.study import scratch
from unrelu.study.scratch import PREFIX
from unrelu.study.stores import local_files
from unrelu.study.stores.folder import FolderStore
from unrelu.study.stores.local_files import WRITING

KILLED = """
import os, signal, sys
from odd_question import Odd, asked
import unrelu as ur
import unrelu.study.stores.local_files
rename, calls = os.rename, []
def killed(*args, **how):
    calls.append(args)
    if len(calls) == 25:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*args, **how)
os.rename = killed
asked(Odd(), 20, store=sys.argv[1], executor=ur.executors.Threads(1))
"""

LIVING = """
import sys
from unrelu.study.stores.folder import FolderStore
store = FolderStore(sys.argv[1])
store.put("a/b", b"1")
print("there", flush=True)
sys.stdin.readline()
store.put("a/c", b"2")
store.close()
"""


def python(script: str, where: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(where)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def half_written(where: Path) -> list[Path]:
    return [path for path in (where / WRITING).rglob("*") if path.is_file() and path.name != "lock"]


def test_the_next_run_removes_what_a_kill_left(tmp_path: Path) -> None:
    process = python(KILLED, tmp_path)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(half_written(tmp_path)) == 1
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    kept = ur.load_study(tmp_path, questions=[Odd])
    assert 0 < kept["odd"].num_rows < 20
    ur.foresee(network(), inputs(20), questions=[Odd()], store=tmp_path, progress=False)
    assert {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    } == before  # reading moves nothing
    found = asked(Odd(), 20, store=tmp_path)
    assert found.complete
    assert found.accounts["odd"].found == kept["odd"].num_rows
    assert not list(tmp_path.rglob(".*"))


def test_nothing_of_a_run_alive_on_the_same_store_is_touched(tmp_path: Path) -> None:
    process = python(LIVING, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    (folder,) = (tmp_path / WRITING).glob(f"{PREFIX}*")
    (folder / "17").write_bytes(b"half")
    with_another = FolderStore(tmp_path)
    with_another.put("a/d", b"3")
    assert (folder / "17").exists()
    assert len(list((tmp_path / WRITING).iterdir())) == 2
    with_another.close()
    process.communicate("go on\n")
    assert process.returncode == 0
    assert FolderStore(tmp_path).names("a") == ["a/b", "a/c", "a/d"]
    assert not (tmp_path / WRITING).exists()


@pytest.mark.parametrize(("age", "stays"), [(3600, True), (2 * 24 * 3600, False)])
def test_without_locks_the_age_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: int, stays: bool) -> None:
    monkeypatch.setattr(scratch, "fcntl", None)
    old = tmp_path / WRITING / f"{PREFIX}old"
    old.mkdir(parents=True)
    (old / "lock").touch()
    (old / "3").write_bytes(b"half")
    os.utime(old, (time.time() - age, time.time() - age))
    store = FolderStore(tmp_path)
    store.put("a/b", b"1")
    store.close()
    assert old.exists() == stays


def test_folders_that_are_removed_meanwhile_are_made_again(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    store.put("a/b", b"1")
    shutil.rmtree(tmp_path / "store")
    store.put("a/b", b"2")
    assert store.get("a/b") == b"2"
    shutil.rmtree(tmp_path / "store" / "a")
    store.put("a/c", b"3")
    assert store.names("a") == ["a/c"]
    store.close()
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["a"]


def test_where_folders_lie_on_another_disk_or_cannot_be_kept_open_files_are_written_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", elsewhere)
        store = FolderStore(tmp_path)
        store.put("a/b", b"1")
        store.close()
    monkeypatch.setattr(local_files, "_HAS_DIR_FD", False)
    store.put("a/c", b"2")
    assert [store.get(name) for name in store.names("a")] == [b"1", b"2"]
    assert not list(tmp_path.rglob(".*"))


def test_files_are_made_with_the_rights_that_others_have(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("a/b", b"1")
    store.close()
    (tmp_path / "c").write_bytes(b"1")
    assert (tmp_path / "a" / "b").stat().st_mode == (tmp_path / "c").stat().st_mode


def test_a_study_in_a_folder_goes_to_another_process_as_a_whole(tmp_path: Path) -> None:
    """Also while its store is written to: what is open there stays behind."""
    study = asked(Odd(), 5, store=str(tmp_path / "study"))
    there = pickle.loads(pickle.dumps(study))
    assert there["odd"].equals(study["odd"])
    store = FolderStore(str(tmp_path / "other"))
    store.put("a/b", b"1")
    copy = pickle.loads(pickle.dumps(store))
    copy.put("a/c", b"2")
    store.put("a/d", b"3")
    assert store.names("a") == copy.names("a") == ["a/b", "a/c", "a/d"]
    for each in (store, copy):
        each.close()
    assert not (tmp_path / "other" / WRITING).exists()
