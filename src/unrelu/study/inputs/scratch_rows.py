"""Samples written to a file of unrelu's own, which is gone when nobody needs it."""

from __future__ import annotations

import os
import weakref
from contextlib import ExitStack

import numpy as np

from unrelu.study.inputs.file_rows import FileRows, bytes_of, stamp_of
from unrelu.study.scratch import room_told, scratch_folder

_WHAT = "inputs that do not fit into memory"


class ScratchRows:
    """Samples that are written one after the other.

    Their folder is removed when this object is closed, or when nothing refers to it or its `rows` any more; that of a
    process that was killed by the next one that makes one.

    Attributes:
        dtype: of the numbers.
        shape: of a sample.
        n: how many are written.
    """

    def __init__(self, dtype: np.dtype, shape: tuple[int, ...]) -> None:
        """Make a folder and an empty file.

        Raises:
            StoreError: if that cannot be.
        """
        self.dtype, self.shape, self.n = dtype, shape, 0
        with ExitStack() as stack, room_told(_WHAT):
            self._path = stack.enter_context(scratch_folder()) / "rows"
            self._file = stack.enter_context(open(self._path, "wb", buffering=0))
            self._end = weakref.finalize(self, stack.pop_all().close)

    def add(self, block: np.ndarray) -> None:
        """Write samples (k, *shape) behind the others.

        Raises:
            StoreError: if there is no room for them.
        """
        left = bytes_of(np.ascontiguousarray(block, self.dtype))
        with room_told(_WHAT):
            while left:
                left = left[self._file.write(left) :]
        self.n += len(block)

    def rows(self) -> FileRows:
        """What is written so far."""
        stamp = stamp_of(os.fstat(self._file.fileno()))
        return FileRows(str(self._path), 0, (self.n, *self.shape), self.dtype, stamp, owner=self)

    def close(self) -> None:
        """Remove the folder."""
        self._end()
