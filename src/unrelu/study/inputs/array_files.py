"""Arrays in files of NumPy's, `.npy` and `.npz`, from anyone."""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from unrelu.errors import DataError, UnreluError
from unrelu.study.inputs.arranging import mismatch
from unrelu.study.inputs.given import Given
from unrelu.study.inputs.labels import label_mismatch
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular

PACKED = 100
"""Times the size of its archive that an array may take: pictures that are mostly blank shrink by about ten."""

UNPACKED = 2**28
"""Bytes (256 MiB) that an array may take in any case."""

_LONGEST_HEADER = 10_000

_MOST_AXES = 16

DATA_NAMES = ("x", "images", "data", "inputs", "image", "input", "pixel_values")
"""What the inputs are called in an archive or an item of a dataset, in any case."""

LABEL_NAMES = ("y", "labels", "targets", "label", "target")
"""What their classes are called."""

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
        raise DataError(f"{path} is neither .npy nor .npz nor a folder of pictures; save the inputs as one of these.")
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if suffix == ".npz":
                most = max(UNPACKED, PACKED * size)
                values, found = _read_npz(stream, path, shape, most, array, labels)
            else:
                values, found = _read_array(stream, str(path), lambda given: mismatch(given, shape), size), None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); name another file.") from error
    return Given(values[:limit], printable(path.name), DataError, labels=found, total=len(values))


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
            size = os.fstat(stream.fileno()).st_size
            return _read_array(stream, str(path), lambda given: label_mismatch(given, n), size)
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
            size = os.fstat(stream.fileno()).st_size
            values = _read_array(stream, str(path), lambda given: _judged_mask(given, shape), size)
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
    stream: IO[bytes], path: Path, shape: tuple[int, ...], most: int, array: str | None, labels: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            values_name, label_name = _chosen(tuple(members), path, array, labels)

            def read(name: str, judge: Callable[[tuple[int, ...]], str]) -> np.ndarray:
                size = members[name].file_size
                with archive.open(members[name]) as member:
                    return _read_array(member, f"{path}, array {printable(name)},", judge, size, most)

            values = read(values_name, lambda given: mismatch(given, shape))
            if label_name is None:
                return values, None
            return values, read(label_name, lambda given: label_mismatch(given, len(values)))
    except UnreluError:
        raise
    except Exception as error:  # zipfile and its decompressors each have their own
        raise DataError(
            f"{path} is not a whole .npz file ({printable(str(error))}); write it again with numpy.savez."
        ) from error


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


def _read_array(
    stream: IO[bytes], where: str, judge: Callable[[tuple[int, ...]], str], n_bytes: int, most: float = math.inf
) -> np.ndarray:
    """One array in numpy's format; its declared shape is judged before anything is allocated for it.

    Args:
        stream: at its beginning.
        where: what to call it.
        judge: what is wrong with the shape, or "".
        n_bytes: how long the stream is said to be.
        most: bytes that the array may take as floats.
    """
    complaint = f"{where} is not an array in numpy's format; write it again with numpy.save."
    try:
        begin, declared, dtype = _header(stream)
    except (zipfile.BadZipFile, zlib.error):
        raise
    except Exception as error:  # the header is a Python expression, which fails in as many ways
        raise DataError(complaint) from error
    if dtype.kind not in "biuf":
        raise DataError(f"{where} holds {printable(str(dtype), 40)}, not real numbers; save it as floats.")
    if not all(type(side) is int and side >= 0 for side in declared):
        raise DataError(complaint)
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
    try:
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(complaint) from error


def _header(stream: IO[bytes]) -> tuple[int, tuple[int, ...], np.dtype]:
    """Where the numbers begin, the declared shape and dtype.

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
    declared, _, dtype = read(whole)
    return begin, declared, dtype
