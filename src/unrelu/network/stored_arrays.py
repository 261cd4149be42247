"""Arrays of numbers as `.npy` files, and back without trusting the file."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrelu.errors import StoreError
from unrelu.network.fingerprints import array_sha256
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular

DTYPES = ("<f4", "<f8")


@dataclass(frozen=True)
class StoredArray:
    """What the index says about an array.

    Attributes:
        shape: its shape.
        dtype: one of `DTYPES`.
        sha256: of its numbers, whatever the dtype; see `array_sha256`.
    """

    shape: tuple[int, ...]
    dtype: str
    sha256: str


def write_array(path: Path, values: np.ndarray) -> StoredArray:
    """Write numbers, as float32 where that is exact."""
    with np.errstate(over="ignore", under="ignore"):
        single = values.astype("<f4")
    exact = bool((single.astype(np.float64) == values).all())
    stored = StoredArray(values.shape, DTYPES[0] if exact else DTYPES[1], array_sha256(values))
    with path.open("wb") as stream:
        stream.write(_header(stored))
        stream.write(np.ascontiguousarray(values.astype(stored.dtype)).tobytes())
    return stored


def read_array(path: Path, stored: StoredArray) -> np.ndarray:
    """The numbers of a file, as float64.

    The header is compared with the one that the index asks for: nothing in the file is taken at its word.

    Raises:
        StoreError: if they are not those that were written.
    """
    complaint = f"{path} does not hold the array that was saved; copy or save the folder again."
    if stored.dtype not in DTYPES:
        shown = printable(stored.dtype, 40)
        raise StoreError(f"{path} should hold {shown}, which is not {' or '.join(DTYPES)}; save it again.")
    header = _header(stored)
    size = len(header) + math.prod(stored.shape) * np.dtype(stored.dtype).itemsize
    try:
        with open_regular(path) as stream:
            if os.fstat(stream.fileno()).st_size != size:
                raise StoreError(complaint)
            content = stream.read(size)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error}); copy the whole folder.") from error
    if len(content) != size or not content.startswith(header):
        raise StoreError(complaint)
    with np.errstate(invalid="ignore"):  # signalling NaNs, which whoever needs finite numbers refuses
        values = np.frombuffer(content, stored.dtype, offset=len(header)).reshape(stored.shape).astype(np.float64)
    if array_sha256(values) != stored.sha256:
        raise StoreError(complaint)
    return values


def read_named_array(folder: Path, arrays: dict[str, StoredArray], name: str) -> np.ndarray:
    """The array of a name in a folder whose index names arrays.

    Raises:
        StoreError: if it names none of that name, or that is not the one that was written.
    """
    if name not in arrays:
        raise StoreError(f"the index in {folder} names no array {name}; save it again.")
    return read_array(folder / f"{name}.npy", arrays[name])


def _header(stored: StoredArray) -> bytes:
    """The header that numpy gives such an array in version 1.0 of its format."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": stored.dtype, "fortran_order": False, "shape": stored.shape})
    return stream.getvalue()
