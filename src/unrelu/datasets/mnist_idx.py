"""MNIST in its own idx format (LeCun, Cortes, Burges: The MNIST database of handwritten digits, 1998)."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Literal

import numpy as np

from unrelu.datasets.dataset import Dataset
from unrelu.datasets.folder import data_folder, read_published
from unrelu.errors import DataError

_MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_STEM = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTE = 8  # the idx format's code for the type of the entries


def mnist(
    part: Literal["train", "test"] = "train",
    folder: str | os.PathLike[str] | None = None,
    *,
    check: bool = True,
) -> Dataset:
    """MNIST, from the unpacked files in `folder/mnist`: (60000, 28, 28) or (10000, 28, 28).

    Args:
        part: "train" or "test".
        folder: where all data sets are; None for the environment variable UNRELU_DATA.
        check: whether the files must have the published MD5s; turn off for other data in the same format.

    Raises:
        DataError: if a file is missing or damaged.
    """
    if part not in _STEM:
        raise DataError(f"MNIST has the parts train and test, not {part!r}.")
    home = data_folder(folder, "mnist")
    images, labels = (
        read_idx(home / name, _MD5[name] if check else None)
        for name in (f"{_STEM[part]}-images-idx3-ubyte", f"{_STEM[part]}-labels-idx1-ubyte")
    )
    if images.ndim != 3 or labels.ndim != 1:
        raise DataError(f"{home} holds arrays of shapes {images.shape} and {labels.shape}, not pictures and labels.")
    return Dataset(images.astype(np.float32) / np.float32(255), labels.astype(np.int64), f"MNIST, {part}")


def read_idx(path: Path, md5: str | None = None) -> np.ndarray:
    """The array of bytes in an idx file: two zero bytes, type, number of axes, big-endian sizes, entries.

    Args:
        path: the file, unpacked.
        md5: what its MD5 must be, or None.

    Raises:
        DataError: if it is missing, not the published file, or not an idx file of unsigned bytes.
    """
    content = read_published(path, md5)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise DataError(f"{path} is not an idx file of unsigned bytes; unpack the archive first.")
    n_axes = content[3]
    start = 4 + 4 * n_axes
    if len(content) < start:
        raise DataError(f"{path} ends within its header; get it again.")
    shape = struct.unpack(f">{n_axes}I", content[4:start])
    entries = np.frombuffer(content, np.uint8, offset=start)
    if entries.size != int(np.prod(shape, dtype=object)):
        raise DataError(f"{path} declares the shape {shape} but holds {entries.size} entries; get it again.")
    return entries.reshape(shape)
