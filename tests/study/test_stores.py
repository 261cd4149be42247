"""Stores: a put is whole or has not been, names are found again, and what is damaged costs nothing but time."""

from __future__ import annotations

import resource
import shutil
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

import unrelu as ur
from odd_question import Odd, asked, inputs, network
from unrelu.errors import StoreError
from unrelu.study.stores.folder import FolderStore
from unrelu.study.stores.memory import MemoryStore
from unrelu.study.stores.store import Store, copy_files

MAKERS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda folder: MemoryStore(),
    "folder": lambda folder: FolderStore(folder / "store"),
    "address": lambda folder: FolderStore(f"memory://{uuid.uuid4().hex}/store"),
}


@pytest.fixture(params=MAKERS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MAKERS[request.param](tmp_path)


def test_what_is_put_is_got_and_listed_in_order(store: Store) -> None:
    assert store.names("a") == []
    for name in ("a/run=2/x.parquet", "a/run=1/y.parquet", "a/b", "ab/c"):
        store.put(name, name.encode())
    store.put("a/b", b"new")
    assert store.names("a") == ["a/b", "a/run=1/y.parquet", "a/run=2/x.parquet"]
    assert store.get("a/b") == b"new"
    assert store.get("a/run=1/y.parquet") == b"a/run=1/y.parquet"


def test_what_is_not_there_is_said(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no a/b"):
        store.get("a/b")


def test_what_is_set_aside_is_no_longer_there_but_not_lost(store: Store) -> None:
    store.put("a/b", b"damaged")
    aside = store.set_aside("a/b")
    assert store.names("a") == []
    assert store.names("damaged") == [aside]
    assert store.get(aside) == b"damaged"


def test_files_go_from_one_store_to_another(store: Store) -> None:
    other = MemoryStore()
    store.put("a/b", b"1")
    copy_files(store, other, ["a/b"])
    assert other.get("a/b") == b"1"


def test_addresses_of_no_kind_are_refused() -> None:
    with pytest.raises(StoreError, match="no address of a store"):
        FolderStore("nosuchprotocol://x")


def test_a_file_where_the_folder_should_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="may write to"):
        asked(Odd(), store=tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_disk_keeps_what_was_there_and_the_same_command_goes_on(tmp_path: Path) -> None:
    done = asked(Odd(), 4, store=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(StoreError, match="free some space there, and the same command goes on"):
            FolderStore(tmp_path).put("odd/large", b"x" * 1000)
        with pytest.raises(StoreError, match="free some space"):
            asked(Odd(), 8, store=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    more = asked(Odd(), 8, store=tmp_path)
    assert more.accounts["odd"].found == 4
    assert more["odd"].slice(0, 4).equals(done["odd"])
    assert more.complete


def parts(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "odd").rglob("[0-9]*.parquet"))


def test_parts_that_are_damaged_or_foreign_are_set_aside_and_answered_again(tmp_path: Path) -> None:
    wanted = asked(Odd(), 8, store=tmp_path / "one")
    asked(Odd(size=2), 8, store=tmp_path / "two")
    there = parts(tmp_path / "one")
    truncated, flipped, renamed, emptied = there[:4]
    truncated.write_bytes(truncated.read_bytes()[:-9])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    shutil.copy(there[5], renamed)
    emptied.write_bytes(b"")
    foreign = shutil.copy(parts(tmp_path / "two")[0], there[0].parent)
    found = asked(Odd(), 8, store=tmp_path / "one")
    assert found["odd"].equals(wanted["odd"])
    account = found.accounts["odd"]
    assert (account.found, account.computed, len(account.damaged)) == (4, 4, 5)
    aside = [path for path in (tmp_path / "one" / "damaged").rglob("*") if path.is_file()]
    assert len(aside) == 5
    assert not Path(foreign).exists()
    assert asked(Odd(), 8, store=tmp_path / "one").accounts["odd"].found == 8
    assert ur.load_study(tmp_path / "one", questions=[Odd])["odd"].equals(wanted["odd"])


def test_settings_networks_and_data_never_mix(tmp_path: Path) -> None:
    singles, pairs = asked(Odd(), store=tmp_path), asked(Odd(size=2), store=tmp_path)
    other = ur.analyze(network(), inputs(12) + 1, questions=[Odd()], store=tmp_path, progress=False)
    for study in (singles, pairs, other):
        assert study.accounts["odd"].found == 0
        assert study["odd"]["input"].to_pylist() == list(range(12))
    assert singles["odd"].equals(pairs["odd"])
    assert not singles["odd"].equals(other["odd"])


@pytest.mark.parametrize("sizes", [(1, 1), (1, 2)])
def test_two_runs_at_a_time_on_one_store_do_not_disturb_each_other(tmp_path: Path, sizes: tuple[int, int]) -> None:
    wanted = asked(Odd(), 30)
    found: dict[int, ur.Study] = {}

    def run(which: int, size: int) -> None:
        found[which] = asked(Odd(size=size, seconds=0.002), 30, store=tmp_path, executor=ur.executors.Threads(1))

    threads = [threading.Thread(target=run, args=each) for each in enumerate(sizes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for study in found.values():
        assert study.complete
        assert study.accounts["odd"].damaged == ()
        assert study["odd"].equals(wanted["odd"])
    assert not list(tmp_path.rglob(".*"))
