"""Arrays that are mapped files, as `numpy.load(path, mmap_mode="r")` gives them."""

from __future__ import annotations

import mmap
import os

import numpy as np

from unrelu.study.inputs.file_rows import FileRows, stamp_of


def mapped_rows(values: np.ndarray) -> FileRows | None:
    """The same rows, read from the file that an array is mapped to; None if there is none or they lie otherwise in it.

    Args:
        values: (n, *any shape), any view of a mapped array.
    """
    root: object = values
    while isinstance(root, np.ndarray) and not (isinstance(root, np.memmap) and isinstance(root.base, mmap.mmap)):
        root = root.base
    if not isinstance(root, np.memmap) or root.mode == "c" or not values.flags.c_contiguous:
        return None
    path = getattr(root, "filename", None)
    if path is None:
        return None
    root.flush()  # what was written through it changes the file now, and not while it is read
    at = values.__array_interface__["data"][0] - root.__array_interface__["data"][0]
    try:
        stamp = stamp_of(os.stat(path))
    except OSError:  # taken away, while the mapping holds it
        return None
    return FileRows(os.path.abspath(path), root.offset + at, values.shape, values.dtype, stamp)
