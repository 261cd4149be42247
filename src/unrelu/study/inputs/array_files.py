"""Arrays in files of NumPy's, `.npy` and `.npz`, from anyone."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np

from unrelu.errors import DataError, UnreluError
from unrelu.study.inputs.arranging import mismatch
from unrelu.study.inputs.array_header import ArrayHeader, read_header
from unrelu.study.inputs.array_rows import first_samples, whole_array
from unrelu.study.inputs.given import Given
from unrelu.study.inputs.labels import label_mismatch
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular

PACKED = 100
"""Times the size of its archive that an array may take: pictures that are mostly blank shrink by about ten."""

UNPACKED = 2**28
"""Bytes (256 MiB) that an array may take in any case."""

_LENGTHS = 26
"""Where a member of an archive says how long its name and its extra field are, which its numbers follow."""

DATA_NAMES = ("x", "images", "data", "inputs", "image", "input", "img", "pixel_values")
"""What the inputs are called in an archive or an item of a dataset, in any case."""

LABEL_NAMES = ("y", "labels", "targets", "label", "target")
"""What their classes are called."""

_TABLES = (".csv", ".feather", ".parquet", ".tsv", ".xlsx")

NO_LABELS = "none"
"""In place of a name: leave the labels out."""

_ENUMERATED = "x, images, data or inputs"


def read_array_file(
    path: Path,
    shape: tuple[int, ...],
    *,
    array: str | None = None,
    labels: str | None = None,
    limit: int | None = None,
) -> Given:
    """Read samples, and the labels beside them, from a `.npy` or `.npz` file.

    Of a `.npz` with several arrays, the one named x, images, data or inputs is taken, and y, labels or targets for
    labels, unless others are named.

    Args:
        path: of the file.
        shape: the network's sample shape.
        array: name of the array with the samples.
        labels: name of the array with the labels, or "none" to leave them out.
        limit: take only so many.

    Raises:
        DataError: if the file is missing, damaged or empty, or does not fit the network; the message names the file
            and says what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy"):
        if suffix in _TABLES:
            raise DataError(
                f"{path} is a table; save the columns that the network takes as an array, "
                'numpy.save("x.npy", table[columns].to_numpy(float)), and those with the classes beside it.'
            )
        raise DataError(f"{path} is neither .npy nor .npz nor a folder of pictures; save the inputs as one of these.")
    try:
        with open_regular(path) as stream:
            if suffix == ".npz":
                return _read_npz(stream, path, shape, array, labels, limit)
            header = read_header(stream, str(path), lambda given: mismatch(given, shape), _length(stream))
            rows = first_samples(stream, header, path, stream, 0, limit)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); name another file.") from error
    return Given(rows, printable(path.name), DataError, total=header.shape[0])


def read_label_file(path: Path, n: int) -> np.ndarray:
    """Read labels from a `.npy` file.

    Args:
        path: of the file.
        n: how many samples there are.

    Raises:
        DataError: if the file is missing, damaged, or holds labels for another number of samples.
    """
    try:
        with open_regular(path) as stream:
            return _array(stream, str(path), lambda given: label_mismatch(given, n))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); name another file.") from error


def read_mask(path: str | os.PathLike[str], input_shape: Sequence[int]) -> np.ndarray:
    """Read which coordinates of an input are meant: an array of bool of its shape, or flat.

    Args:
        path: a `.npy` file.
        input_shape: the network's sample shape.

    Returns:
        Bool, of the sample shape.

    Raises:
        DataError: if the file is missing, damaged, not of bool, or of another shape.
    """
    path = Path(path)
    shape = tuple(input_shape)
    try:
        with open_regular(path) as stream:
            values = _array(stream, str(path), lambda given: _judged_mask(given, shape))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); name another file.") from error
    if values.dtype != bool:
        raise DataError(
            f"{path} holds {values.dtype}, not bool; save mask.astype(bool), True where the input may move."
        )
    return values.reshape(shape)


def _judged_mask(declared: tuple[int, ...], shape: tuple[int, ...]) -> str:
    if not mismatch((1, *declared), shape):
        return ""
    return f"holds a mask of shape {declared}, but the network takes {shape}; save it in that shape, without a batch."


def _read_npz(
    stream: IO[bytes], path: Path, shape: tuple[int, ...], array: str | None, labels: str | None, limit: int | None
) -> Given:
    most = max(UNPACKED, PACKED * _length(stream))
    found = None
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            values_name, label_name = _chosen(tuple(members), path, array, labels)

            def header_of(member: IO[bytes], name: str, judge: Callable[[tuple[int, ...]], str]) -> ArrayHeader:
                return read_header(member, f"{path}, array {printable(name)},", judge, members[name].file_size, most)

            begin = _begin(stream, members[values_name])
            with archive.open(members[values_name]) as member:
                header = header_of(member, values_name, lambda given: mismatch(given, shape))
                rows = first_samples(member, header, path, stream, begin, limit)
            total = header.shape[0]
            if label_name is not None:
                with archive.open(members[label_name]) as member:
                    judge = partial(label_mismatch, n=total)
                    found = whole_array(member, header_of(member, label_name, judge))
    except UnreluError:
        raise
    except Exception as error:  # zipfile and its decompressors each have their own
        raise DataError(
            f"{path} is not a whole .npz file ({printable(str(error))}); write it again with numpy.savez."
        ) from error
    return Given(rows, printable(path.name), DataError, labels=found, total=total)


def _chosen(members: tuple[str, ...], path: Path, array: str | None, labels: str | None) -> tuple[str, str | None]:
    """Which array of an archive holds the samples, and which the labels."""
    found = printable(", ".join(members)) or "no array at all"
    for name in (array, None if labels == NO_LABELS else labels):
        if name is not None and name not in members:
            raise DataError(f"{path} has no array {printable(name)!r}; it has {found}.")
    label_name = labels or next((name for name in members if name.lower() in LABEL_NAMES and name != array), None)
    candidates = [name for name in members if name != label_name and (array is None or name == array)]
    if len(candidates) > 1:
        named = [name for name in candidates if name.lower() in DATA_NAMES]
        if len(named) != 1:
            raise DataError(
                f"{path} must have one array, or one of them named {_ENUMERATED}; it has {found}: name the one with "
                f"the inputs (--array {printable((named or candidates)[0])})."
            )
        candidates = named
    if not candidates:
        raise DataError(f"{path} must have one array with inputs, such as one named {_ENUMERATED}; it has {found}.")
    return candidates[0], None if labels == NO_LABELS else label_name


def _array(stream: IO[bytes], where: str, judge: Callable[[tuple[int, ...]], str]) -> np.ndarray:
    return whole_array(stream, read_header(stream, where, judge, _length(stream)))


def _length(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_size


def _begin(file: IO[bytes], info: zipfile.ZipInfo) -> int | None:
    """Where a member of an archive begins in it; None if it is packed."""
    if info.compress_type != zipfile.ZIP_STORED:
        return None
    file.seek(info.header_offset + _LENGTHS)
    name, extra = struct.unpack("<HH", file.read(4))
    return info.header_offset + _LENGTHS + 4 + name + extra
