"""Names for numbers: SHA-256 of what they are, whatever file or dtype they came in."""

from __future__ import annotations

import hashlib

import numpy as np

from unrelu.rigor.matrices import SparseRows

_CHUNK = 2**21  # numbers of a sparse array written out at once


def array_sha256(values: np.ndarray | SparseRows) -> str:
    """A name for the numbers of an array, as float64 in C order, with its shape.

    A sparse array has the name of the same numbers stored whole.

    >>> array_sha256(np.ones(2, np.float32)) == array_sha256(np.ones(2))
    True
    >>> from scipy import sparse
    >>> array_sha256(sparse.csr_array(np.eye(2))) == array_sha256(np.eye(2))
    True
    """
    digest = hashlib.sha256(f"{values.shape}\n".encode())
    if isinstance(values, np.ndarray):
        digest.update(np.ascontiguousarray(values.astype("<f8", copy=False)).data)
        return digest.hexdigest()
    m, d = values.shape
    step = max(1, _CHUNK // d)
    for start in range(0, m, step):
        digest.update(np.ascontiguousarray(values[start : start + step].toarray().astype("<f8", copy=False)).data)
    return digest.hexdigest()
