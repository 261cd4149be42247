"""A matrix and the rows that a ReLU removes from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.layer import ReLULayer
from unrelu.rigor.signs import exact_signs

_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class RemovedRows:
    """`D_I A`: a matrix A whose rows in I are set to 0.

    Attributes:
        matrix: A, (m, d) float64.
        removed: (m,) bool, the index set I.
    """

    matrix: np.ndarray
    removed: np.ndarray

    @property
    def n_removed(self) -> int:
        """q, the size of I."""
        return int(np.count_nonzero(self.removed))

    @property
    def remaining(self) -> np.ndarray:
        """(M, d), the rows that are left."""
        return self.matrix[~self.removed]


@dataclass(frozen=True, eq=False)
class RightFactor:
    """The singular values and right singular vectors of a matrix.

    Attributes:
        values: (k,) float64, descending, k the smaller side.
        vectors: (k, d) float64, the right singular vectors as rows.
        tolerance: values up to this count as 0.
    """

    values: np.ndarray
    vectors: np.ndarray
    tolerance: float

    @property
    def rank(self) -> int:
        """How many values exceed the tolerance."""
        return int(np.count_nonzero(self.values > self.tolerance))


def removed_rows(
    matrix: ReLULayer | Array, removed: Sequence[int] | np.ndarray | None, at: Array | None
) -> RemovedRows:
    """The rows that are removed: given as a set, or those that a layer's ReLU sets to 0 at a point.

    Args:
        matrix: A, (m, d), or a ReLU layer with that weight.
        removed: the set I: (m,) bool or indices.
        at: a point of the layer's input space instead; I is then exact for the stored floats, the rows with
            `a_i.x + b_i <= 0`.

    Raises:
        InputError: if not exactly one of the two is given, it does not fit the matrix, or `at` is an input of a layer
            whose activation is not the ReLU.
        TooLarge: if a sparse layer does not fit in memory as a dense matrix.
    """
    if (removed is None) == (at is None):
        raise InputError("give either `removed`, the set of removed rows, or a ReLU layer and `at`, its input.")
    layer = matrix if isinstance(matrix, ReLULayer) else None
    A = matrix.dense_weight if isinstance(matrix, ReLULayer) else as_numpy(matrix, "the matrix")
    if A.ndim != 2 or 0 in A.shape:
        raise ShapeError(f"the matrix must have shape (m, d), not {A.shape}.")
    if removed is not None:
        return RemovedRows(A, _mask(np.asarray(removed), len(A)))
    if layer is None or at is None:
        raise InputError("a matrix has no bias, so `at` says nothing; give a ReLULayer, or `removed`.")
    layer.expect_relu("which rows an input removes")
    x = as_numpy(at, "the point").ravel()
    if x.size != layer.n_inputs:
        raise ShapeError(f"the point has {x.size} coordinates, the layer takes {layer.n_inputs}.")
    return RemovedRows(A, exact_signs(A, layer.bias, x) <= 0)


def right_factor(rows: np.ndarray, rtol: float | None, size: int) -> RightFactor:
    """The right singular vectors of a matrix (M, d), by LAPACK, after a Householder QR where it is tall.

    Args:
        rows: (M, d); M may be 0.
        rtol: values up to `rtol * sigma_1` count as 0; `size * eps` by default.
        size: the larger side of the matrix that the rows come from.
    """
    d = rows.shape[1]
    if not rows.size:
        return RightFactor(np.zeros(0), np.zeros((0, d)), 0.0)
    square = scipy.linalg.qr(rows, mode="r", check_finite=False)[0][:d] if len(rows) > d else rows
    _, values, vectors = np.linalg.svd(square, full_matrices=False)
    return RightFactor(values, vectors, zero_tolerance(rtol, size) * float(values[0]))


def zero_tolerance(rtol: float | None, size: int) -> float:
    """The relative tolerance below which a singular value counts as 0, by default `size * eps` (as NumPy's rank).

    Raises:
        InputError: if it is not in [0, 1).
    """
    if rtol is None:
        return size * _EPSILON
    if not 0 <= rtol < 1:
        raise InputError(f"rtol must be a number in [0, 1), not {rtol}; leave it out for max(m, d) * eps.")
    return rtol


def _mask(given: np.ndarray, m: int) -> np.ndarray:
    if given.dtype == bool:
        if given.shape != (m,):
            raise ShapeError(f"the removed rows need indices or a bool mask of shape ({m},), not {given.shape}.")
        return given.copy()
    if given.size == 0:
        return np.zeros(m, dtype=bool)
    if given.ndim != 1 or not np.issubdtype(given.dtype, np.integer):
        raise InputError(f"the removed rows must be whole numbers or a bool mask, not {given.dtype} of {given.shape}.")
    outside = given[(given < 0) | (given >= m)]
    if outside.size:
        raise InputError(f"there is no row {outside[0]}; the matrix has {m}, counted from 0.")
    chosen = np.zeros(m, dtype=bool)
    chosen[given] = True
    return chosen
