"""The readers of MNIST's idx files and CIFAR-10's binary version."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from unrelu.datasets import cifar10, mnist
from unrelu.datasets.mnist_idx import read_idx
from unrelu.errors import DataError

_RNG = np.random.default_rng(0)
_HAS_DATA = (Path(os.environ.get("UNRELU_DATA", "/nowhere")) / "mnist").is_dir()


def _idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def small_mnist(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    images = _RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
    labels = np.array([7, 0, 9], np.uint8)
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "t10k-images-idx3-ubyte").write_bytes(_idx(images))
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte").write_bytes(_idx(labels))
    return tmp_path, images, labels


@pytest.fixture
def small_cifar(tmp_path: Path) -> tuple[Path, list[np.ndarray]]:
    """Five training files of two records each, and a test file of one."""
    home = tmp_path / "cifar-10-batches-bin"
    home.mkdir()
    tables = [_RNG.integers(0, 256, (2, 3073), dtype=np.uint8) for _ in range(5)]
    tables.append(_RNG.integers(0, 256, (1, 3073), dtype=np.uint8))
    for name, table in zip([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"], tables, strict=True):
        (home / f"{name}.bin").write_bytes(table.tobytes())
    return tmp_path, tables


def test_mnist_reads_what_was_written(small_mnist: tuple[Path, np.ndarray, np.ndarray]) -> None:
    folder, images, labels = small_mnist
    data = mnist("test", folder, check=False)
    np.testing.assert_array_equal(np.rint(data.images * 255), images)
    np.testing.assert_array_equal(data.labels, labels)
    assert data.images.dtype == np.float32
    assert data.labels.dtype == np.int64
    assert float(data.images.max()) <= 1.0


def test_the_folder_may_come_from_the_environment(
    small_mnist: tuple[Path, np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNRELU_DATA", str(small_mnist[0]))
    assert len(mnist("test", check=False)) == 3


def test_files_that_are_not_the_published_ones_are_refused(
    small_mnist: tuple[Path, np.ndarray, np.ndarray], small_cifar: tuple[Path, list[np.ndarray]]
) -> None:
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte is not the published file: its MD5 is [0-9a-f]{32}"):
        mnist("test", small_mnist[0])
    with pytest.raises(DataError, match=r"data_batch_1.bin is not the published file"):
        cifar10("train", small_cifar[0])


def test_cifar10_puts_labels_first_and_colours_in_planes(small_cifar: tuple[Path, list[np.ndarray]]) -> None:
    folder, tables = small_cifar
    train, test = cifar10("train", folder, check=False), cifar10("test", folder, check=False)
    assert train.images.shape == (10, 3, 32, 32)
    assert test.images.shape == (1, 3, 32, 32)
    np.testing.assert_array_equal(train.labels, np.concatenate(tables[:5])[:, 0])
    record = tables[2][1]  # the second record of the third file
    for colour, row, column in [(0, 0, 0), (0, 0, 31), (1, 5, 2), (2, 31, 31)]:
        byte = record[1 + 1024 * colour + 32 * row + column]
        assert train.images[5, colour, row, column] == np.float32(byte) / np.float32(255)


def test_missing_things_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNRELU_DATA", raising=False)
    with pytest.raises(DataError, match="set the environment variable UNRELU_DATA"):
        mnist()
    with pytest.raises(DataError, match=r"there is no folder .*cifar-10-batches-bin"):
        cifar10("train", tmp_path)
    (tmp_path / "mnist").mkdir()
    with pytest.raises(DataError, match="train-images-idx3-ubyte is missing"):
        mnist("train", tmp_path)
    (tmp_path / "mnist" / "train-images-idx3-ubyte").mkdir()
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte cannot be read \(Is a directory\)"):
        mnist("train", tmp_path)


def test_unknown_parts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="MNIST has the parts train and test, not 'valid'"):
        mnist("valid", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="CIFAR-10 has the parts train and test, not 'valid'"):
        cifar10("valid", tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x1f\x8b\x08\x00packed", "unpack the archive first"),
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "not an idx file of unsigned bytes"),
        (b"", "not an idx file of unsigned bytes"),
        (b"\0\0\x08\x03\0\0\0\x01", "ends within its header"),
        (_idx(np.zeros((2, 3), np.uint8))[:-1], r"declares the shape \(2, 3\) but holds 5 entries"),
        # 2^64 entries: a product that must not wrap around to 0.
        (b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**31, 4), "but holds 0 entries"),
    ],
)
def test_damaged_idx_files_are_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "file-idx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


def test_damaged_sets_are_told(
    small_mnist: tuple[Path, np.ndarray, np.ndarray], small_cifar: tuple[Path, list[np.ndarray]]
) -> None:
    folder, images, _ = small_mnist
    (folder / "mnist" / "t10k-labels-idx1-ubyte").write_bytes(_idx(images))
    with pytest.raises(DataError, match="not pictures and labels"):
        mnist("test", folder, check=False)
    (folder / "mnist" / "t10k-labels-idx1-ubyte").write_bytes(_idx(np.zeros(2, np.uint8)))
    with pytest.raises(DataError, match="MNIST, test has 3 pictures but 2 labels"):
        mnist("test", folder, check=False)
    path = small_cifar[0] / "cifar-10-batches-bin" / "test_batch.bin"
    for content in (b"", b"\0" * 3072):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{len(content)} bytes, not a multiple of 3073"):
            cifar10("test", small_cifar[0], check=False)


@pytest.mark.skipif(not _HAS_DATA, reason="UNRELU_DATA names no folder with the complete data sets")
def test_the_complete_sets() -> None:
    train, test = mnist("train"), mnist("test")
    assert train.images.shape == (60000, 28, 28)
    assert test.images.shape == (10000, 28, 28)
    assert round(float(train.images.mean(dtype=np.float64)), 4) == 0.1307
    assert round(float(train.images.std(dtype=np.float64)), 4) == 0.3081
    pictures = cifar10("test")
    assert pictures.images.shape == (10000, 3, 32, 32)
    np.testing.assert_array_equal(np.bincount(pictures.labels), np.full(10, 1000))
