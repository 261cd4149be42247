"""Reading a user's data: `.npy`, `.npz`, or a folder of pictures."""

from __future__ import annotations

import io
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from unrelu.errors import DataError, UnreluError
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular

PACKED = 100
"""Times the size of its archive that an array may take: pictures that are mostly blank shrink by about ten."""

UNPACKED = 2**28
"""Bytes (256 MiB) that an array may take in any case."""

_LONGEST_HEADER = 10_000

_MOST_AXES = 16

_DATA_NAMES = ("x", "images", "data", "inputs")
_LABEL_NAMES = ("y", "labels", "targets")


@dataclass(frozen=True, eq=False)
class Batch:
    """Inputs for a network, as read from a file.

    Attributes:
        inputs: (n, *input_shape) float32 or float64, finite, n >= 1.
        labels: (n,) int64, or None where the file has none.
        names: one for each input: file names of pictures, otherwise "0", "1", ...
        notes: sentences on what was done to the data on the way, for people; often empty.
    """

    inputs: np.ndarray
    labels: np.ndarray | None
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)


def read_batch(path: str | os.PathLike[str], input_shape: Sequence[int]) -> Batch:
    """Read inputs for a network that takes samples of a shape.

    Arrays are taken as they are, nothing is scaled. Their axis 0 is the batch. A sample shape that differs
    from the network's only by axes of length 1, or of which one of the two is flat, is reshaped in C order,
    and a note says so. Of a `.npz` with several arrays, the one named x, images, data or inputs is taken;
    y, labels or targets are labels. For a folder of pictures see `unrelu.study.picture_files`.

    Args:
        path: a `.npy` or `.npz` file, or a folder with pictures.
        input_shape: the network's sample shape.

    Raises:
        DataError: if the file is missing, damaged, empty, holds NaN, or does not fit the network; the message
            names the file and says what to do.
        MissingExtra: for a folder of pictures without pillow.
    """
    path = Path(path)
    shape = tuple(input_shape)
    if path.is_dir():
        from unrelu.study.picture_files import read_pictures

        pictures = read_pictures(path, shape)
        return Batch(pictures.inputs, None, pictures.names, pictures.notes)
    if not path.exists():
        raise DataError(f"there is no file or folder {path}.")
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy"):
        raise DataError(f"{path} is neither .npy nor .npz nor a folder of pictures; save the inputs as one of these.")
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            if suffix == ".npz":
                values, labels = _read_npz(stream, path, shape, max(UNPACKED, PACKED * size))
            else:
                values, labels = _read_array(stream, str(path), lambda given: _judged(given, shape), size), None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}); name another file.") from error
    inputs, notes = _as_samples(values, shape, path)
    return Batch(inputs, _as_labels(labels, len(inputs), path), tuple(map(str, range(len(inputs)))), notes)


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
    if _fit(declared, shape) is not None:
        return ""
    return f"holds a mask of shape {declared}, but the network takes {shape}; save it in that shape, without a batch."


def _read_npz(stream: IO[bytes], path: Path, shape: tuple[int, ...], most: int) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            label_name = next((name for name in members if name.lower() in _LABEL_NAMES), None)
            candidates = [name for name in members if name != label_name]
            if len(candidates) > 1:
                candidates = [name for name in candidates if name.lower() in _DATA_NAMES]
            if len(candidates) != 1:
                found = ", ".join(members) or "no array at all"
                raise DataError(
                    f"{path} must have one array, or one of them named x, images, data or inputs; it has "
                    f"{printable(found)}."
                )

            def read(name: str, judge: Callable[[tuple[int, ...]], str]) -> np.ndarray:
                size = members[name].file_size
                with archive.open(members[name]) as member:
                    return _read_array(member, f"{path}, array {printable(name)},", judge, size, most)

            values = read(candidates[0], lambda given: _judged(given, shape))
            if label_name is None:
                return values, None
            return values, read(label_name, lambda given: _judged_labels(given, len(values)))
    except UnreluError:
        raise
    except Exception as error:  # zipfile and its decompressors each have their own
        raise DataError(
            f"{path} is not a whole .npz file ({printable(str(error))}); write it again with numpy.savez."
        ) from error


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


def _judged(declared: tuple[int, ...], shape: tuple[int, ...]) -> str:
    return _mismatch(declared, shape) if _fit(declared[1:], shape) is None else ""


def _judged_labels(declared: tuple[int, ...], n: int) -> str:
    if declared == (n,):
        return ""
    return f"holds labels of shape {declared} for {n} samples; they must have shape ({n},)."


def _fit(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool | None:
    """Whether a sample fits as it is (True), when reshaped in C order (False), or not at all (None)."""
    if given == wanted:
        return True
    if math.prod(given) != math.prod(wanted):
        return None
    squeezed = [tuple(size for size in shape if size != 1) for shape in (given, wanted)]
    return False if squeezed[0] == squeezed[1] or min(map(len, squeezed)) == 1 else None


def _mismatch(declared: tuple[int, ...], shape: tuple[int, ...]) -> str:
    text = f"holds samples of shape {declared[1:]} (axis 0 is the batch), but the network takes {shape}"
    if declared == shape:
        return f"holds one sample without a batch axis; save it with shape {(1, *shape)}."
    if math.prod(declared[1:]) == math.prod(shape) and len(shape) == 3 and declared[-1] == shape[0]:
        return f"{text}; move the channels first, numpy.moveaxis(x, -1, 1)."
    return f"{text}; save the array in that shape."


def _as_samples(values: np.ndarray, shape: tuple[int, ...], path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    notes = []
    inputs = values if values.dtype in (np.float32, np.float64) else values.astype(np.float64)
    if not _fit(values.shape[1:], shape):
        notes.append(f"{path.name}: samples of shape {values.shape[1:]} were read as {shape}, in C order.")
    if values.dtype.kind in "iu" and values.max() > 1:
        notes.append(f"{path.name}: whole numbers up to {values.max()} were taken as they are, not scaled to [0, 1].")
    bad = np.flatnonzero(~np.isfinite(inputs.reshape(len(inputs), -1)).all(axis=1))
    if bad.size:
        raise DataError(f"{path} holds NaN or infinite values in {bad.size} samples, first in number {bad[0]}.")
    return np.ascontiguousarray(inputs).reshape(len(inputs), *shape), tuple(notes)


def _as_labels(values: np.ndarray | None, n: int, path: Path) -> np.ndarray | None:
    if values is None:
        return None
    with np.errstate(invalid="ignore"):
        labels = values.astype(np.int64)
    if not np.array_equal(labels, values):
        raise DataError(f"{path} has labels that are not whole numbers; save one class number a sample.")
    return labels
