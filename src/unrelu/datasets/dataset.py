"""Labelled pictures in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import DataError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures and their classes.

    Attributes:
        images: (n, *shape) float32 in [0, 1].
        labels: (n,) int64.
        name: what they are, for people.
    """

    images: np.ndarray
    labels: np.ndarray
    name: str

    def __post_init__(self) -> None:
        if len(self.images) != len(self.labels):
            raise DataError(f"{self.name} has {len(self.images)} pictures but {len(self.labels)} labels.")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray, name: str | None = None) -> Dataset:
        """The pictures at some positions.

        Args:
            indices: (k,) integers, in the order wanted.
            name: what to call them; the same name by default.
        """
        return Dataset(self.images[indices], self.labels[indices], self.name if name is None else name)

    def split(self, n_held_out: int, seed: int = 0) -> Split:
        """Shuffle with a fixed seed and hold some pictures out.

        Args:
            n_held_out: how many to hold out.
            seed: of the shuffle.

        Raises:
            DataError: if there are not that many, or none would be left to train on.

        >>> data = Dataset(np.zeros((10, 2, 2), np.float32), np.arange(10), "ten")
        >>> parts = data.split(3)
        >>> len(parts.train), len(parts.held_out)
        (7, 3)
        """
        if not 0 < n_held_out < len(self):
            raise DataError(f"{self.name} has {len(self)} pictures; hold out between 1 and {len(self) - 1} of them.")
        order = np.random.default_rng(seed).permutation(len(self))
        return Split(
            train=self.take(order[n_held_out:], f"{self.name}, training part"),
            held_out=self.take(order[:n_held_out], f"{self.name}, held-out part"),
        )


@dataclass(frozen=True, eq=False)
class Split:
    """Two parts of a data set that share no picture.

    Attributes:
        train: what a network may see.
        held_out: what it may not.
    """

    train: Dataset
    held_out: Dataset
