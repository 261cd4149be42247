"""From a point near a cone of sparse rows, and the rows that seem to be held there, to a direction for a proof."""

from __future__ import annotations

import math

import numpy as np
import scipy.linalg

from unrelu.rigor.matrices import SparseRows
from unrelu.rigor.normal_band import NormalBand
from unrelu.solvers.structural_kernel import loose_columns

_TINY = 1e-290  # on the diagonal where all rows of a column have vanished

_PINNED = 1e30  # on the diagonal of coordinates that are to stay zero


def direction_where_held(
    A: SparseRows, normal: NormalBand, B: np.ndarray, G: np.ndarray, held: np.ndarray, z: np.ndarray
) -> np.ndarray | None:
    """Z without its part that breaks the equalities, if the other inequalities hold there; None if they do not.

    Coordinates that the rows held determine to be zero by their pattern are exactly zero.

    Args:
        A: (m, d) the rows.
        normal: of these rows.
        B: (m,) bool, equality rows.
        G: (m,) bool, inequality rows.
        held: (m,) bool, those of G that are to hold as equalities.
        z: (d,).
    """
    equal = B | held
    if equal.any():
        loose = loose_columns(A[equal])
        z = np.where(loose, z, 0.0)
        moved = _onto_null_space(normal, equal, z, loose)
        if moved is None:
            return None
        z = moved
    size = float(np.abs(z).max())
    if size == 0.0 or not math.isfinite(size):
        return None
    z = z / size
    return z if bool((A[G & ~held] @ z <= 0).all()) else None


def raised_factor(band: np.ndarray) -> np.ndarray | None:
    """A Cholesky factor of a band matrix, its diagonal raised relatively as little as is needed; None if too much."""
    for raised in (1e-13, 1e-11, 1e-9, 1e-7):
        lifted = band.copy()
        lifted[0] = lifted[0] * (1 + raised) + _TINY
        try:
            return scipy.linalg.cholesky_banded(lifted, lower=True, overwrite_ab=True, check_finite=False)
        except np.linalg.LinAlgError:
            continue
    return None


def _onto_null_space(normal: NormalBand, equal: np.ndarray, z: np.ndarray, loose: np.ndarray) -> np.ndarray | None:
    """z, which is zero but on loose columns, without its part in the row space of the equalities on these columns."""
    band = normal.band(equal.astype(np.float64))
    shift = 1e-8 * float(band[0].max())
    band[0] += shift
    band[0][~loose[normal.order]] = _PINNED
    factor = raised_factor(band)
    if factor is None:
        return None
    for _ in range(3):  # each divides that part by 1 + (singular value)^2 / shift
        z = np.where(loose, normal.solve(factor, shift * z), 0.0)
    return z
