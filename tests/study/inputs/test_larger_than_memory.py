"""Inputs that may not lie in memory stay in their file, or go to one, and are the same in everything."""

from __future__ import annotations

import gc
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from torch.utils.data import DataLoader

import unrelu as ur
from study.inputs.test_all_forms import BYTES, LABELS, VALUES, N, Pairs, forms, network
from unrelu.errors import DataError, InputError, StoreError, TooLarge
from unrelu.network.fingerprints import array_sha256
from unrelu.network.graph import Network
from unrelu.study.inputs import gathering, room, samples
from unrelu.study.inputs.clipping import clipped_to
from unrelu.study.inputs.file_rows import FileRows
from unrelu.study.inputs.gathering import Gathering
from unrelu.study.inputs.read import read_samples
from unrelu.study.scratch import PREFIX

Memory = Callable[[int | None], None]

NET = Network.from_layers([(np.ones((3, 4)), np.zeros(3))])


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Memory]:
    """Sets how much is free, None for no limit; blocks hold 3 pictures, temporary files a place of their own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for module in (samples, gathering):
        monkeypatch.setattr(module, "BLOCK", 3 * 784)

    def free(size: int | None) -> None:
        monkeypatch.setattr(room, "free_memory", lambda: size)

    yield free
    gc.collect()
    assert left_behind() == []  # whatever the test did


def left_behind() -> list[str]:
    return [name for name in os.listdir(tempfile.gettempdir()) if name.startswith(PREFIX)]


def assert_same(one: ur.Inputs, other: ur.Inputs, name: str) -> None:
    assert one.sha256 == other.sha256, name
    np.testing.assert_array_equal(one.samples[[2, 0, 1]], other.samples[[2, 0, 1]])
    np.testing.assert_array_equal(one.labels, other.labels)  # pyright: ignore[reportArgumentType]
    for field in ("names", "classes", "dtype", "unit", "picture_shape", "notes"):
        assert getattr(one, field) == getattr(other, field), name
    assert one.samples.extent == other.samples.extent
    np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("free", [0, 4 * 6 * 784], ids=["nothing", "some"])
def test_all_forms_are_what_they_are_in_memory(free: int, memory: Memory, tmp_path: Path):
    """What nobody knows the length of begins in memory, and goes on in a file."""
    net, given = network((1, 28, 28)), forms(tmp_path)
    del given["inputs"]
    given["mapped"] = (np.load(tmp_path / "x.npy", mmap_mode="r"), {"labels": LABELS})
    given["a mapped part"] = (np.load(tmp_path / "x.npy", mmap_mode="r")[2:9], {"labels": LABELS[2:9]})
    given["mapped, every other"] = (np.load(tmp_path / "x.npy", mmap_mode="r")[::2], {"labels": LABELS[::2]})
    given["plain archive"] = (tmp_path / "many.npz", {"array": "test", "labels": "classes", "limit": 9})
    again = forms(tmp_path / "again") if (tmp_path / "again").mkdir() is None else {}
    for name, (data, options) in given.items():
        memory(None)
        here = ur.read_inputs(net, data, **options)  # pyright: ignore[reportArgumentType]
        memory(free)
        data = again[name][0] if name == "generator" else data
        there = ur.read_inputs(net, data, **options)  # pyright: ignore[reportArgumentType]
        assert here.samples.in_memory, name
        assert not there.samples.in_memory, name
        own = any(word in name for word in ("file", "mapped", "plain", "archive")) and "every" not in name
        assert isinstance(there.samples.rows, FileRows)
        if own and name != "compressed archive":
            assert there.samples.rows.owner is None, name  # nothing is written where the numbers lie in a file
            assert left_behind() == []
        assert_same(here, there, name)
        del there, here


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64, np.int32, bool])
@pytest.mark.parametrize("scale", [None, 3.0])
def test_the_dtype_stays_and_float64_has_the_same_numbers(dtype: type, scale: float | None, memory: Memory):
    x = (np.random.default_rng(0).random((7, 4)) * 9).astype(dtype)
    memory(None)
    here = ur.read_inputs(NET, x, scale=scale or 1)
    memory(0)
    there = ur.read_inputs(NET, x, scale=scale or 1)
    assert (here.samples.rows.dtype, there.samples.rows.dtype) == (x.dtype, x.dtype)
    kind = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64 if dtype is np.int32 else np.float32)
    wanted = x.astype(np.float64) if scale is None else x.astype(kind) / kind.type(scale)
    np.testing.assert_array_equal(there.samples[:], wanted.astype(np.float64))
    assert_same(here, there, "")


def test_mixed_dtypes_and_pictures_become_what_stacking_them_makes(memory: Memory, tmp_path: Path):
    for free in (None, 4 * 10, 0):
        memory(free)
        kinds = (np.int16, np.uint16, np.uint16, np.float32, np.int16) * 2
        some = [np.full(4, k - 1, kind) if k else np.zeros(4, kind) for k, kind in enumerate(kinds)]
        with Gathering(None, "some") as gathered:
            for sample in some:
                gathered.add(sample)
            rows = gathered.rows()
        assert (rows.dtype, isinstance(rows, np.ndarray)) == (np.float32, free is None)
        np.testing.assert_array_equal(rows[:], np.stack(some))
        deep = (np.arange(16, dtype=np.uint16) * 4000).reshape(4, 4)
        flat = (np.arange(16, dtype=np.uint8) * 16).reshape(4, 4)
        for k in range(6):
            Image.fromarray(deep if k in (2, 5) else flat).save(tmp_path / f"{k}.png")
        found = read_samples(tmp_path, (4, 4), scale=100)
        wanted = [deep.astype(np.float32) / np.float32(257 * 100), flat.astype(np.float32) / np.float32(100)]
        np.testing.assert_array_equal(found.values, np.stack([wanted[k not in (2, 5)] for k in range(6)]))
        assert found.dtype == np.float32
        del gathered, rows, found


def test_what_is_refused_in_memory_is_refused_in_the_same_words(memory: Memory, tmp_path: Path):
    bad = VALUES.copy()
    bad[7, 3, 4], bad[9, 0, 0] = np.nan, np.inf
    whole = np.round(VALUES * 255)
    for name, values in (("bad", bad), ("whole", whole), ("bytes", BYTES), ("int", BYTES.astype(int))):
        said = []
        np.save(tmp_path / f"{name}.npy", values)
        for free in (None, 0):
            memory(free)
            for data in (values, tmp_path / f"{name}.npy", list(values)):
                with pytest.raises(InputError) as error:
                    read_samples(data, (28, 28))
                said.append(str(error.value))
        assert said[:3] == said[3:]
    memory(0)
    with pytest.raises(InputError, match=r"NaN or infinite values in 2 samples, first in number 7 at \(3, 4\);"):
        read_samples(bad, (28, 28))
    memory(None)
    counts = (np.arange(48) % 201).reshape(12, 4)
    said = read_samples(counts, (4,)).notes
    memory(0)
    assert (
        read_samples(counts, (4,)).notes
        == said
        == ("the array of data: whole numbers up to 47 were taken as they are.",)
    )


def test_clipping_counts_over_all_blocks(memory: Memory):
    x = VALUES.reshape(N, 784).copy()
    x[0, 5], x[4, 7], x[4, 8], x[11, 0] = -3e-8, np.float32(1.0000001), np.float32(1.0000001), 1.5
    found = []
    for free in (None, 0):
        memory(free)
        found.append(clipped_to(read_samples(x, (784,)), ur.Box(0, 1)))
    here, there = found
    assert here.notes == there.notes
    assert "3 numbers were outside of their bounds by rounding, by 1.2e-07" in here.notes[-1]
    assert "(inputs with such numbers: 2)" in here.notes[-1]
    wanted = np.clip(x.astype(np.float64), 0, 1)
    wanted[11, 0] = 1.5
    np.testing.assert_array_equal(there.samples[:], wanted)
    assert_same(here, there, "")
    assert clipped_to(there, ur.Box(-1, 1)) is there
    again = clipped_to(there, ur.Box(0, np.float32(1.5) * (1 - 2.0**-24)))
    assert again.samples[[11]][0, 0] < 1.5


def test_values_that_were_asked_for_are_what_is_used_then(memory: Memory):
    found = read_samples(VALUES, (28, 28))
    found.values[0, 0, 0] = 0.5
    assert found.samples[[0]][0, 0, 0] == 0.5
    again = read_samples(found, (28, 28), limit=2)
    assert (again.dtype, again.unit, len(again)) == (np.float32, 2.0**-24, 2)
    assert again.values[0, 0, 0] == 0.5


# -- files that are not what they were ---------------------------------------------------------------


def test_a_file_that_changes_gets_shorter_or_goes_is_told(memory: Memory, tmp_path: Path):
    memory(0)
    path = tmp_path / "x.npy"

    def read() -> ur.Inputs:
        np.save(path, VALUES)
        os.utime(path, ns=(10**9, 10**9))
        return read_samples(path, (28, 28))

    found = read()
    np.testing.assert_array_equal(found.samples[[3]], VALUES[[3]].astype(np.float64))
    np.save(path, VALUES + 1)
    with pytest.raises(DataError, match=r"x.npy was changed after it was first read; .* ask again"):
        found.samples[[3]]
    found = read()
    os.truncate(path, 5000)
    with pytest.raises(DataError, match="was changed after it was first read"):
        found.samples[[3]]
    found = read()
    path.unlink()
    with pytest.raises(DataError, match=r"x.npy cannot be read any more \(.*leave the file where it is"):
        found.samples[[3]]
    with pytest.raises(IndexError):
        read().samples[[N]]


def test_a_mapped_array_that_was_written_through_is_read_as_it_is_now(memory: Memory, tmp_path: Path):
    memory(0)
    np.save(tmp_path / "x.npy", VALUES)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r+")
    mapped[2] = 0.25
    found = read_samples(mapped, (28, 28))
    assert (found.samples[[2]] == 0.25).all()
    own = np.load(tmp_path / "x.npy", mmap_mode="c")  # whose changes are in no file
    own[2] = 0.75
    assert (read_samples(own, (28, 28)).samples[[2]] == 0.75).all()


def test_archives_that_are_damaged_are_told_though_they_stay_in_the_file(memory: Memory, tmp_path: Path):
    memory(0)
    path = tmp_path / "x.npz"
    np.savez(path, x=VALUES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is not a whole .npz file .*CRC"):
        read_samples(path, (28, 28))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as member:
        np.lib.format.write_array(member, VALUES)
    found = read_samples(path, (28, 28), limit=5)
    np.testing.assert_array_equal(found.values, VALUES[:5].astype(np.float64))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is not a whole .npz file|not an array in numpy's format"):
        read_samples(path, (28, 28))


def test_fortran_order_is_read_in_memory_alone(memory: Memory, tmp_path: Path):
    np.save(tmp_path / "x.npy", np.asfortranarray(VALUES))
    memory(None)
    assert read_samples(tmp_path / "x.npy", (28, 28)).sha256 == array_sha256(VALUES)
    memory(0)
    with pytest.raises(TooLarge, match=r"does not fit into memory, .*numpy.save\(path, numpy.ascontiguousarray\(x\)\)"):
        read_samples(tmp_path / "x.npy", (28, 28))
    np.save(tmp_path / "x.npy", np.ascontiguousarray(np.load(tmp_path / "x.npy")))  # what it says
    assert read_samples(tmp_path / "x.npy", (28, 28)).sha256 == array_sha256(VALUES)


# -- what is read one by one -------------------------------------------------------------------------


class Fails(Pairs):
    """Ends before it should."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def __getitem__(self, k: int) -> tuple[object, int]:
        if k == 8:
            assert len(left_behind()) == 1
            raise self.error
        return super().__getitem__(k)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("no picture")], ids=repr)
def test_what_is_not_read_to_its_end_leaves_nothing_behind(error: BaseException, memory: Memory, tmp_path: Path):
    memory(0)
    for data in (Fails(error), DataLoader(Fails(error), batch_size=2)):
        with pytest.raises(type(error)):
            read_samples(data, (28, 28))
        assert left_behind() == []
    for k, picture in enumerate(BYTES):
        Image.fromarray(picture).save(tmp_path / f"{k:02}.png")
    (tmp_path / "11.png").write_bytes(b"no picture")
    with pytest.raises(DataError):
        read_samples(tmp_path, (28, 28))
    assert left_behind() == []


def test_the_file_goes_with_the_last_that_needs_it(memory: Memory):
    memory(0)
    found = read_samples(Pairs(), (28, 28))
    few = clipped_to(read_samples(found, (28, 28), limit=6), ur.Box(0, 1))
    assert len(left_behind()) == 1
    del found
    gc.collect()
    np.testing.assert_array_equal(few.samples[:], VALUES[:6].astype(np.float64))
    if (child := os.fork()) == 0:  # as a loader's worker, which shares what it did not make
        few = None
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    assert len(left_behind()) == 1
    del few
    gc.collect()
    assert left_behind() == []


def test_a_full_disk_is_told(memory: Memory, monkeypatch: pytest.MonkeyPatch):
    memory(0)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=9000))
    with pytest.raises(TooLarge, match=r"the dataset has 12 inputs to read, .* GiB that are free in .*temporary; set"):
        read_samples(Pairs(), (28, 28))
    with pytest.raises(TooLarge, match="the array of data has 12 inputs to read"):
        read_samples(VALUES, (28, 28))
    assert len(read_samples(Pairs(), (28, 28), limit=2)) == 2
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", "/dev/null")
        with pytest.raises(
            StoreError, match=r"cannot be written to /dev/null .*; free some space there, or set .* TMPDIR"
        ):
            read_samples((VALUES[k] for k in range(N)), (28, 28))
