"""The same rows with coordinates measured in other units."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from unrelu.rigor.matrices import Matrix
from unrelu.rigor.scaled_rows import ScaledRows


def in_units(rows: ScaledRows, exponents: np.ndarray) -> ScaledRows | None:
    """The rows with column j times `2^exponents[j]`, and then scaled anew; None where a number would be rounded.

    With `z_j = 2^exponents[j] y_j` the products of the rows with z and of these with y have the same signs, so that one
    cone is {0} iff the other is. In convolutions what belongs to a direction, or to a proof that there is none, grows
    from pixel to pixel by a factor, until floats tell nothing apart; in units that grow along they do.

    Args:
        rows: (m, d).
        exponents: (d,) integers.
    """
    matrix = rows.matrix
    shifts = exponents if isinstance(matrix, np.ndarray) else exponents[matrix.indices]
    numbers: np.ndarray = matrix if isinstance(matrix, np.ndarray) else matrix.data
    with np.errstate(over="ignore"):
        moved = np.ldexp(numbers, shifts)
    if not np.isfinite(moved).all() or not np.array_equal(np.ldexp(moved, -shifts), numbers):
        return None
    changed: Matrix = moved
    if not isinstance(matrix, np.ndarray):
        changed = sparse.csr_array((moved, matrix.indices, matrix.indptr), shape=matrix.shape)
    return ScaledRows(changed)
