"""What a file of NumPy's says of its array, judged before anything is allocated for it."""

from __future__ import annotations

import io
import math
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import numpy as np

from unrelu.errors import DataError
from unrelu.untrusted.printable import printable

_LONGEST_HEADER = 10_000

_MOST_AXES = 16


@dataclass(frozen=True)
class ArrayHeader:
    """What is said of an array, by a file that nobody knows.

    Attributes:
        where: what to call the array.
        begin: bytes before its numbers.
        shape: of the array, none of whose sides is 0.
        fortran: whether the numbers lie in Fortran order.
        dtype: of the numbers, which are real.
    """

    where: str
    begin: int
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype

    @property
    def each(self) -> int:
        """Bytes of a sample."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize


def read_header(
    stream: IO[bytes], where: str, judge: Callable[[tuple[int, ...]], str], n_bytes: int, most: float = math.inf
) -> ArrayHeader:
    """Read what is said of an array in numpy's format.

    Args:
        stream: at its beginning.
        where: what to call it.
        judge: what is wrong with the shape, or "".
        n_bytes: how long the stream is said to be.
        most: bytes that the array may take as floats.

    Raises:
        DataError: if it is none, holds no real numbers, declares more than there is, or its shape is wrong.
    """
    try:
        begin, declared, fortran, dtype = _header(stream)
    except (zipfile.BadZipFile, zlib.error):
        raise
    except Exception as error:  # the header is a Python expression, which fails in as many ways
        raise not_an_array(where) from error
    if dtype.kind not in "biuf":
        raise DataError(f"{where} holds {printable(str(dtype), 40)}, not real numbers; save it as floats.")
    if not all(type(side) is int and side >= 0 for side in declared):
        raise not_an_array(where)
    if len(declared) > _MOST_AXES:
        raise DataError(f"{where} has {len(declared)} axes; save an array of samples.")
    if math.prod(declared) == 0:
        raise DataError(f"{where} is empty: its shape is {declared}.")
    if not declared:
        raise DataError(f"{where} holds a single number; save an array whose axis 0 is the batch.")
    if math.prod(declared) * dtype.itemsize > n_bytes - begin:
        raise DataError(f"{where} declares the shape {declared} but ends before; write it again with numpy.save.")
    if wrong := judge(declared):
        raise DataError(f"{where} {wrong}")
    taken = math.prod(declared) * (dtype.itemsize if dtype.kind == "f" else 8)
    if taken > most:
        raise DataError(
            f"{where} would take {taken:,} bytes, more than the {int(most):,} that an archive of its size may unpack "
            "to; save it with numpy.save."
        )
    return ArrayHeader(where, begin, declared, fortran, dtype)


def not_an_array(where: str) -> DataError:
    """What to raise of something that is no array in numpy's format."""
    return DataError(f"{where} is not an array in numpy's format; write it again with numpy.save.")


def _header(stream: IO[bytes]) -> tuple[int, tuple[int, ...], bool, np.dtype]:
    """Where the numbers begin, the declared shape, order and dtype.

    Raises:
        Exception: of many kinds, if there is no such header.
    """
    first = stream.read(12)
    major = first[6]
    wide = major > 1
    length = int.from_bytes(first[8 : 12 if wide else 10], "little")
    if length > _LONGEST_HEADER:
        raise ValueError("its header is too long")
    begin = (12 if wide else 10) + length
    whole = io.BytesIO(first + stream.read(begin - 12))
    np.lib.format.read_magic(whole)
    read = np.lib.format.read_array_header_2_0 if wide else np.lib.format.read_array_header_1_0
    return begin, *read(whole)
