"""Samples that come one by one, or have to be copied: gathered in memory, or in a file where they are too many."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from types import TracebackType

import numpy as np

from unrelu.study.inputs.mapped_rows import mapped_rows
from unrelu.study.inputs.room import check_room, fits_in_memory
from unrelu.study.inputs.samples import BLOCK, Rows, block_slices, divided
from unrelu.study.inputs.scratch_rows import ScratchRows


class Gathering:
    """Samples of one shape, which are added one after the other.

    They get the dtype that `numpy.stack` would give them. Where they may not lie in memory (`fits_in_memory`), they go
    to a file in the place for temporary ones; if an error ends the adding, nothing of it stays.

    Attributes:
        n: how many there are.
        scale: what all of them are still to be divided by; None for nothing.
    """

    def __init__(self, expected: int | None, where: str) -> None:
        """Nothing is there yet.

        Args:
            expected: how many will come; None if nobody knows.
            where: what to call them.
        """
        self.n = 0
        self.scale: float | None = None
        self._expected, self._where = expected, where
        self._kinds: set[np.dtype] = set()
        self._held = np.empty(0)
        self._n_held = 0
        self._large = False
        self._scratch: ScratchRows | None = None

    def __enter__(self) -> Gathering:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        if kind is not None and self._scratch is not None:
            self._scratch.close()

    def add(self, sample: np.ndarray, scale: float | None = None) -> None:
        """Take over a sample.

        Args:
            sample: of the shape of the others.
            scale: what its numbers are to be divided by; where others are divided by something else, or not at all, it
                is done at once.

        Raises:
            TooLarge: at the first, if there is room for all that are expected nowhere.
            StoreError: if the room came to an end.
        """
        if not self.n:
            self._begin(sample, scale)
        if scale != self.scale:
            if self.scale is not None:
                before, self.scale = self.scale, None
                self._convert(lambda block: divided(block, before))
                self._kinds = {self._held.dtype}
            sample = sample if scale is None else divided(sample, scale)
        if sample.dtype not in self._kinds:
            self._kinds.add(sample.dtype)
            kind = np.result_type(*self._kinds)
            if kind != self._held.dtype:
                self._convert(lambda block: block.astype(kind))
        if self._n_held == len(self._held):
            self._make_room()
        self._held[self._n_held] = sample
        self._n_held += 1
        self.n += 1

    def rows(self) -> Rows:
        """All of them, at least one; none can be added any more."""
        if self._scratch is None:
            self._held.resize((self.n, *self._held.shape[1:]), refcheck=False)
            return self._held
        self._flush()
        return self._scratch.rows()

    def _begin(self, sample: np.ndarray, scale: float | None) -> None:
        check_room(self._expected, sample, self._where)
        self.scale = scale
        self._kinds = {sample.dtype}
        n = self._expected
        few = max(1, BLOCK // max(1, sample.size))
        self._large = n is not None and not fits_in_memory(n * sample.nbytes)
        self._held = np.empty((few if n is None or self._large else n, *sample.shape), sample.dtype)

    def _make_room(self) -> None:
        grown = len(self._held) + max(1, len(self._held) // 2)
        size = grown * math.prod(self._held.shape[1:]) * self._held.itemsize
        if not self._large and self._scratch is None and fits_in_memory(size, self._held.nbytes):
            self._held.resize((grown, *self._held.shape[1:]), refcheck=False)
        else:
            self._flush()

    def _flush(self) -> None:
        if self._scratch is None:
            self._scratch = ScratchRows(self._held.dtype, self._held.shape[1:])
        self._scratch.add(self._held[: self._n_held])
        few = max(1, BLOCK // max(1, math.prod(self._held.shape[1:])))
        if len(self._held) > few:
            self._held = np.empty((few, *self._held.shape[1:]), self._held.dtype)
        self._n_held = 0

    def _convert(self, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Change what is there, some at a time."""
        if not fits_in_memory(8 * self._held.size, self._held.nbytes):
            self._flush()
        if self._scratch is not None:
            before, rows = self._scratch, self._scratch.rows()
            self._scratch = ScratchRows(change(self._held[:0]).dtype, self._held.shape[1:])
            for some in block_slices(rows.shape):
                self._scratch.add(change(rows[some]))
            before.close()
        held = np.empty(self._held.shape, change(self._held[:0]).dtype)
        held[: self._n_held] = change(self._held[: self._n_held])
        self._held = held


def own_rows(values: np.ndarray, where: str) -> Rows:
    """The numbers of an array (n, *shape), in its dtype, such that nobody else can change them unseen.

    Those of a mapped file (`numpy.load(path, mmap_mode="r")`) stay in it, all others are copied.

    Args:
        values: the array.
        where: what to call it.

    Raises:
        TooLarge: if there is room for it nowhere.
        StoreError: if the room came to an end.
    """
    mapped = mapped_rows(values)
    if mapped is not None and not fits_in_memory(mapped.nbytes):
        return mapped
    return gathered((values[some] for some in block_slices(values.shape)), values.shape, values.dtype, where)


def gathered(blocks: Iterable[np.ndarray], shape: tuple[int, ...], dtype: np.dtype, where: str) -> Rows:
    """Samples (n, *shape) of which some come after the others.

    Args:
        blocks: the samples.
        shape: of all of them together.
        dtype: of the numbers.
        where: what to call them.

    Raises:
        TooLarge: if there is room for them nowhere.
        StoreError: if the room came to an end.
    """
    if fits_in_memory(math.prod(shape) * dtype.itemsize):
        found, at = np.empty(shape, dtype), 0
        for block in blocks:
            found[at : at + len(block)] = block
            at += len(block)
        return found
    check_room(shape[0], np.empty(shape[1:], dtype), where)
    scratch = ScratchRows(dtype, shape[1:])
    try:
        for block in blocks:
            scratch.add(block)
    except BaseException:
        scratch.close()
        raise
    return scratch.rows()
