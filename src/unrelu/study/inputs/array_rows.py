"""The numbers of an array in a file of NumPy's: in memory where they may lie there, otherwise left in the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from unrelu.errors import TooLarge
from unrelu.study.inputs.array_header import ArrayHeader, not_an_array
from unrelu.study.inputs.file_rows import FileRows, stamp_of
from unrelu.study.inputs.gathering import gathered
from unrelu.study.inputs.room import fits_in_memory
from unrelu.study.inputs.samples import Rows, block_slices


def whole_array(stream: IO[bytes], header: ArrayHeader) -> np.ndarray:
    """All of an array.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise not_an_array(header.where) from error


def first_samples(
    stream: IO[bytes], header: ArrayHeader, path: Path, file: IO[bytes], begin: int | None, limit: int | None
) -> Rows:
    """The first samples of an array.

    Args:
        stream: the array in numpy's format.
        header: what that says of it.
        path: of the file in which it lies.
        file: the same, open.
        begin: where the array lies in the file; None if it is packed there.
        limit: how many; None for all.

    Raises:
        DataError: if it cannot be read.
        TooLarge: if it does not fit into memory, and does not lie sample by sample, or there is no room to unpack it.
        StoreError: if that room came to an end.
    """
    n = header.shape[0] if limit is None else min(limit, header.shape[0])
    if header.fortran:
        if not fits_in_memory(header.shape[0] * header.each):
            raise TooLarge(
                f"{header.where} does not fit into memory, and holds its numbers in Fortran order, not sample by "
                "sample; save it again in C order, numpy.save(path, numpy.ascontiguousarray(x))."
            )
        return whole_array(stream, header)[:n]
    shape = (n, *header.shape[1:])
    if begin is None:
        return gathered(_unpacked(stream, header, shape), shape, header.dtype, header.where)
    _read_through(stream)
    stamp = stamp_of(os.fstat(file.fileno()))
    rows = FileRows(str(path.absolute()), begin + header.begin, shape, header.dtype, stamp)
    return rows[:] if fits_in_memory(rows.nbytes) else rows


def _unpacked(stream: IO[bytes], header: ArrayHeader, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    stream.seek(header.begin)
    for some in block_slices(shape):
        n = some.stop - some.start
        content = stream.read(n * header.each)
        if len(content) < n * header.each:
            raise not_an_array(header.where)
        yield np.frombuffer(content, header.dtype).reshape(n, *shape[1:])
    _read_through(stream)


def _read_through(stream: IO[bytes]) -> None:
    """Read what is left: in an archive the end is where the checksum is compared."""
    while stream.read(2**20):
        pass
