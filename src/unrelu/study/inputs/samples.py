"""Samples as they were given, which become a network's inputs in float64 where they are used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np

from unrelu.frozen_arrays import FrozenArrays
from unrelu.network.fingerprints import blocks_sha256
from unrelu.study.inputs.arranging import arranged
from unrelu.study.inputs.file_rows import FileRows, bytes_of, stamp_of

Rows: TypeAlias = np.ndarray | FileRows
"""(n, *any shape) of real numbers of any dtype, in memory or in a file."""

BLOCK = 2**21
"""Numbers (16 MiB of float64) that are looked at together, at most, unless a single sample has more."""


@dataclass(frozen=True, eq=False)
class Clip(FrozenArrays):
    """What moves numbers onto the bounds that they miss by rounding.

    Attributes:
        low: (d,) least values.
        high: (d,) largest values.
        slack: (d,) by how much a number may miss them to be moved.
    """

    low: np.ndarray
    high: np.ndarray
    slack: np.ndarray

    def moved(self, flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Numbers (n, d) on their bounds, by how much each was beyond, and which are to be moved."""
        clipped = np.clip(flat, self.low, self.high)
        excess = np.abs(flat - clipped)
        return clipped, excess, (excess > 0) & (excess <= self.slack)


@dataclass(frozen=True, eq=False)
class Samples(FrozenArrays):
    """Samples as they were given; of a float64 array (n, *shape) it has the length, the shape and the indexing.

    What is done to the numbers is done to each sample by itself, so that it does not matter which are taken together.

    Attributes:
        rows: (n, *any shape) as given.
        sample_shape: in which the network takes them.
        scale: what they are divided by; None for nothing.
        clips: what then moves them, in this order.
    """

    rows: Rows
    sample_shape: tuple[int, ...]
    scale: float | None = None
    clips: tuple[Clip, ...] = ()

    @classmethod
    def of(cls, values: np.ndarray) -> Samples:
        """Those of an array (n, *shape), as it is."""
        return cls(values, values.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, *shape of a sample)."""
        return len(self.rows), *self.sample_shape

    @property
    def dtype(self) -> np.dtype:
        """A float dtype of NumPy's that holds all values exactly: that of the numbers, where it is one."""
        kind = self.rows.dtype if self.scale is None else scaled_dtype(self.rows.dtype)
        return kind if kind.kind == "f" else np.dtype(np.float64)

    def __getitem__(self, chosen: slice | Sequence[int]) -> np.ndarray:
        """Some of them, (k, *shape) float64 in C order, an array of their own."""
        values = self.rows[chosen if isinstance(chosen, slice) else list(chosen)]
        values = arranged(values if self.scale is None else divided(values, self.scale), self.sample_shape)
        found = np.array(values, dtype=np.float64, order="C")
        for clip in self.clips:
            flat = found.reshape(len(found), -1)
            clipped, _, moved = clip.moved(flat)
            found = np.where(moved, clipped, flat).reshape(found.shape)
        return found

    def blocks(self) -> Iterator[np.ndarray]:
        """All of them, some at a time: (k, *shape) float64 each."""
        for some in block_slices(self.shape):
            yield self[some]

    def first(self, n: int | None) -> Samples:
        """The first n, or all."""
        return replace(self, rows=first_rows(self.rows, n))

    def take(self, chosen: Sequence[int]) -> Samples:
        """Some of them, in memory."""
        return replace(self, rows=self.rows[list(chosen)])

    def clipped(self, clip: Clip) -> Samples:
        """All of them, with numbers moved onto bounds."""
        return replace(self, clips=(*self.clips, clip))

    @cached_property
    def extent(self) -> tuple[float, float]:
        """The least number and the largest."""
        ends = [(block.min(), block.max()) for block in self.blocks()]
        return float(min(low for low, _ in ends)), float(max(high for _, high in ends))

    @cached_property
    def sha256(self) -> str:
        """A name for the values, whatever file or dtype they came in: that of `fingerprints.array_sha256`."""
        return blocks_sha256(self.shape, self.blocks())

    def in_file(self, path: Path) -> Samples:
        """The same, in a file: where they are in one that is theirs, otherwise written to another.

        Args:
            path: of the other, which is not there yet.

        Raises:
            OSError: if it cannot be written.
        """
        if isinstance(self.rows, FileRows):
            return self
        with open(path, "wb") as file:
            for some in block_slices(self.rows.shape):
                file.write(bytes_of(np.ascontiguousarray(self.rows[some])))
        return replace(
            self, rows=FileRows(str(path.absolute()), 0, self.rows.shape, self.rows.dtype, stamp_of(path.stat()))
        )

    @property
    def in_memory(self) -> bool:
        """Whether they are held in memory."""
        return isinstance(self.rows, np.ndarray)


def scaled_dtype(dtype: np.dtype) -> np.dtype:
    """In which numbers are divided: integers of at most 16 bits in float32, others in float64, floats in their own."""
    if dtype.kind == "f":
        return dtype
    kind = np.result_type(dtype, np.float16)
    return np.dtype(np.float32) if kind == np.float16 else kind


def divided(values: np.ndarray, scale: float) -> np.ndarray:
    """The numbers divided by the scale, in `scaled_dtype`."""
    kind = scaled_dtype(values.dtype)
    return values.astype(kind) / kind.type(scale)


def block_slices(shape: tuple[int, ...]) -> Iterator[slice]:
    """Which samples of an array of that shape are looked at together, one block after the other."""
    step = max(1, BLOCK // max(1, math.prod(shape[1:])))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def first_rows(rows: Rows, n: int | None) -> Rows:
    """The first n rows, or all."""
    return rows.first(n) if isinstance(rows, FileRows) else rows[:n]
