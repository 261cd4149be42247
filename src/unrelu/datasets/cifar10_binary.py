"""CIFAR-10 in its binary version (Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009)."""

from __future__ import annotations

import os
from typing import Literal

import numpy as np

from unrelu.datasets.dataset import Dataset
from unrelu.datasets.folder import data_folder, read_published
from unrelu.errors import DataError

_MD5 = {
    "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25",
    "data_batch_2.bin": "5ea93a67294ea407fff1d09f752e9692",
    "data_batch_3.bin": "942cd6a4bcdd0dd3c604fbe906cb4421",
    "data_batch_4.bin": "ae636b3ba5c66a11e91e8cb52e771fcb",
    "data_batch_5.bin": "53f37980c15c3d472c316c40844f3f0d",
    "test_batch.bin": "803d5f7f4d78ea53de84dbe85f74fb6d",
}
_FILES = {"train": [f"data_batch_{k}.bin" for k in range(1, 6)], "test": ["test_batch.bin"]}
_RECORD = 1 + 3 * 32 * 32  # one byte of label, then red, green and blue planes, row by row


def cifar10(
    part: Literal["train", "test"] = "train",
    folder: str | os.PathLike[str] | None = None,
    *,
    check: bool = True,
) -> Dataset:
    """CIFAR-10, from the files in `folder/cifar-10-batches-bin`: (50000, 3, 32, 32) or (10000, 3, 32, 32).

    Args:
        part: "train" or "test".
        folder: where all data sets are; None for the environment variable UNRELU_DATA.
        check: whether the files must have the published MD5s; turn off for other data in the same format.

    Raises:
        DataError: if a file is missing or damaged.
    """
    if part not in _FILES:
        raise DataError(f"CIFAR-10 has the parts train and test, not {part!r}.")
    home = data_folder(folder, "cifar-10-batches-bin")
    records = []
    for name in _FILES[part]:
        content = np.frombuffer(read_published(home / name, _MD5[name] if check else None), np.uint8)
        if content.size == 0 or content.size % _RECORD:
            raise DataError(f"{home / name} has {content.size} bytes, not a multiple of {_RECORD}; get it again.")
        records.append(content.reshape(-1, _RECORD))
    table = np.concatenate(records)
    images = table[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / np.float32(255)
    return Dataset(images, table[:, 0].astype(np.int64), f"CIFAR-10, {part}")
