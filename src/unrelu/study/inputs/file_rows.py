"""Samples that stay in a file, and are read from it where they are used."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from unrelu.errors import DataError
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular


@dataclass(frozen=True, eq=False)
class FileRows:
    """Rows of numbers in a file, one after the other in C order; of an array it has the length and the indexing.

    They are read, not mapped: a mapped file counts as memory of every process that looks at it, and ends the process
    where the file gets shorter. The system remembers what was read, for all processes together.

    Attributes:
        path: of the file, absolute.
        offset: bytes before the first row.
        shape: (n, *shape of a row).
        dtype: of the numbers.
        stamp: length of the file in bytes and time of its last change in ns, when it was found.
        owner: whatever keeps the file there as long as it lives; it does not go along to other processes.
    """

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype
    stamp: tuple[int, int]
    owner: object = None

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """What the rows take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def first(self, n: int | None) -> FileRows:
        """The first n rows, or all."""
        return self if n is None else replace(self, shape=(min(n, len(self)), *self.shape[1:]))

    def __getitem__(self, chosen: slice | Sequence[int]) -> np.ndarray:
        """Some rows, as an array of their dtype.

        Raises:
            DataError: if the file cannot be read any more, or is not what it was.
            IndexError: if there are not so many.
        """
        places = range(len(self))[chosen] if isinstance(chosen, slice) else [range(len(self))[at] for at in chosen]
        found = np.empty((len(places), *self.shape[1:]), self.dtype)
        each = math.prod(self.shape[1:]) * self.dtype.itemsize
        into = bytes_of(found)
        try:
            with open_regular(self.path) as stream:
                self._check(os.fstat(stream.fileno()))
                for at, start, n in _runs(places):
                    stream.seek(self.offset + start * each)
                    if stream.readinto(into[at * each : (at + n) * each]) != n * each:
                        raise DataError(f"{printable(self.path)} ends before its last input; write it again.")
        except OSError as error:
            raise DataError(
                f"{printable(self.path)} cannot be read any more ({error}); inputs that do not lie in memory are read "
                "as they are needed, so leave the file where it is, for all workers to see."
            ) from error
        return found

    def __getstate__(self) -> dict[str, Any]:
        """All but the owner."""
        return {**self.__dict__, "owner": None}

    def _check(self, now: os.stat_result) -> None:
        if (now.st_size, now.st_mtime_ns) != self.stamp:
            raise DataError(
                f"{printable(self.path)} was changed after it was first read; inputs that do not lie in memory are "
                "read as they are needed, so leave the file as it is, and ask again."
            )


def bytes_of(values: np.ndarray) -> memoryview:
    """The memory of an array in C order."""
    return values.reshape(-1).view(np.uint8).data


def stamp_of(found: os.stat_result) -> tuple[int, int]:
    """What tells whether a file is still the same."""
    return found.st_size, found.st_mtime_ns


def _runs(places: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Rows that lie one after the other: where in the result, the first in the file, how many."""
    start = 0
    for at in range(1, len(places) + 1):
        if at == len(places) or places[at] != places[at - 1] + 1:
            yield start, places[start], at - start
            start = at
