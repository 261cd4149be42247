"""A sparse matrix as three `.npy` files, and back without trusting them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from scipy import sparse

from unrelu.errors import StoreError, TooLarge
from unrelu.network.fingerprints import array_sha256
from unrelu.network.stored_arrays import DTYPES, StoredArray, read_array, write_array
from unrelu.rigor.matrices import SparseRows

PARTS = ("numbers", "columns", "starts")
"""What there is to a sparse matrix: its numbers row by row, their columns, and where each row begins and the last ends.

All are written as floats, which are exact for such indices.
"""

LARGEST = 2**34
"""Numbers that a sparse matrix may have, zeros included: its name is that of all of them, which takes two minutes."""


def write_sparse(folder: Path, name: str, matrix: SparseRows) -> dict[str, StoredArray]:
    """Write a sparse matrix.

    Returns:
        What the index says about its parts, and under `name` about the matrix, as if it were stored whole.

    Raises:
        TooLarge: if it has more than `LARGEST` numbers.
    """
    if math.prod(matrix.shape) > LARGEST:
        raise TooLarge(f"a matrix of {matrix.shape} numbers is not saved (limit {LARGEST:,} numbers); take fewer rows.")
    parts = zip(PARTS, (matrix.data, matrix.indices, matrix.indptr), strict=True)
    stored = {
        f"{name}_{part}": write_array(folder / f"{name}_{part}.npy", values.astype(np.float64))
        for part, values in parts
    }
    return stored | {name: StoredArray(matrix.shape, DTYPES[1], array_sha256(matrix))}


def is_sparse(stored: dict[str, StoredArray], name: str) -> bool:
    """Whether a matrix was written by `write_sparse`."""
    return f"{name}_{PARTS[0]}" in stored


def read_sparse(folder: Path, name: str, stored: dict[str, StoredArray], n_columns: int) -> SparseRows:
    """The matrix of three files.

    Args:
        folder: where they are.
        name: the matrix.
        stored: what the index says.
        n_columns: how many columns it must have, known from elsewhere: no file's size tells.

    Raises:
        StoreError: if it is not the one that was written.
    """
    complaint = f"{folder} does not hold the {name} that was saved; copy or save the certificates again."
    whole = stored[name]
    if math.prod(whole.shape) > LARGEST:
        raise StoreError(f"{folder} names a {name} of shape {whole.shape}; at most {LARGEST:,} numbers are read.")
    if any(f"{name}_{part}" not in stored for part in PARTS) or whole.shape[1:] != (n_columns,):
        raise StoreError(complaint)
    numbers, columns, starts = (read_array(folder / f"{name}_{part}.npy", stored[f"{name}_{part}"]) for part in PARTS)
    try:
        indices, indptr = (_whole_numbers(values) for values in (columns, starts))
        matrix = sparse.csr_array((numbers, indices, indptr), shape=whole.shape)
        matrix.check_format(full_check=True)
        if not matrix.has_canonical_format:
            raise ValueError("a position twice, or out of order")
    except ValueError as error:
        raise StoreError(complaint) from error
    if array_sha256(matrix) != whole.sha256:
        raise StoreError(complaint)
    return matrix


def _whole_numbers(values: np.ndarray) -> np.ndarray:
    if values.ndim != 1 or not (np.isfinite(values).all() and (np.abs(values) < 2.0**31).all()):
        raise ValueError("no indices")
    indices = values.astype(np.int32)
    if (indices != values).any():
        raise ValueError("no whole numbers")
    return indices
