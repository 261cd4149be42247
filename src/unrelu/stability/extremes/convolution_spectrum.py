"""The spectrum of one convolution by itself."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse import csgraph, csr_array

from unrelu.errors import InputError, ShapeError, TooLarge
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.folding import DENSE_LIMIT
from unrelu.operators import Convolution
from unrelu.stability.spectrum import check_rtol

if TYPE_CHECKING:
    from unrelu.operators import Shape


_EPSILON = float(np.finfo(np.float64).eps)

_LAPACK = 64
"""LAPACK's singular values of small matrices were off by up to 25 eps sigma_1, whatever their size (those of Hadamard
matrices times powers of two, where all are known); this is added to the larger side."""

_LEAST = 2.0**-1074
"""What a value below the normal floats may lose by rounding."""


@dataclass(frozen=True, eq=False)
class ConvolutionSpectrum(FrozenArrays):
    """All singular values of the linear part of a convolution.

    Attributes:
        values: (min(m, d),) float64, descending, read-only; those that zero weights, strides and sizes force to be 0
            are exactly 0.
        errors: (min(m, d),) float64, read-only: how far each value may be off the one of its place; 0 where the
            structure forces 0. Of the size that rounding has in practice, with a margin; no proof.
        shape: (m, d) of its matrix.
        structural_rank: upper bound of the rank from sizes and from where weights are zero alone.
        tolerance: values up to this count as 0, besides those up to their own errors.
        method: how they were computed, in words.
    """

    values: np.ndarray
    errors: np.ndarray
    shape: tuple[int, int]
    structural_rank: int
    tolerance: float
    method: str

    @property
    def rank(self) -> int:
        """The numerical rank: how many values exceed the tolerance and their own errors."""
        return int(np.count_nonzero(self.values > np.maximum(self.errors, self.tolerance)))

    @property
    def n_unknown(self) -> int:
        """How many values the structure leaves free, but floats cannot tell from 0.

        Without a tolerance the true rank lies between `rank` and `rank + n_unknown`, the structural rank.
        """
        return self.structural_rank - int(np.count_nonzero(self.values > self.errors))


def convolution_spectrum(
    weight: Array,
    size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = "circular",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    rtol: float | None = None,
) -> ConvolutionSpectrum:
    """All singular values of a convolution on pictures (or signals, or volumes) of a size.

    Circular convolutions whose stride divides the size are block diagonal for the Fourier transform: one small
    matrix for each frequency, of (out channels / groups) rows and (in channels / groups * stride^dimensions) columns,
    as a stride splits its input into as many phases (Sedghi, Gupta and Long, 2019, for stride 1). All others go
    through their matrix, one group at a time.

    >>> found = convolution_spectrum(np.array([[[0.5, 0.0, 0.5]]]), size=[4])
    >>> found.values.round(12).tolist(), found.shape  # |cos(2 pi k / 4)|
    ([1.0, 1.0, 0.0, 0.0], (4, 4))
    >>> found.structural_rank, found.rank, found.n_unknown, found.errors.max() < 1e-14
    (4, 2, 2, np.True_)

    Args:
        weight: (out channels, in channels / groups, *kernel), any float dtype.
        size: of the input, one number a spatial dimension.
        stride: one number, or one a dimension.
        padding: "circular", where input and output lie on one periodic grid and every `stride`-th place has an
            output; or how many zeros are put on either side, one number or one a dimension.
        dilation: one number, or one a dimension.
        groups: number of groups of channels.
        rtol: values up to `rtol * sigma_1` count as 0 in `rank`; None for those only that floats cannot tell from 0.

    Raises:
        InputError: if an argument does not fit the weight, or a singular value is larger than any float.
        TooLarge: if the matrix of one group, or all frequencies' matrices, take more memory than allowed.
    """
    check_rtol(rtol)
    W = as_numpy(weight, "the weight of the convolution")
    dims = W.ndim - 2
    shape = _whole(size)
    if shape is None or min(shape, default=0) < 1:
        raise InputError(f"the size is one positive whole number a spatial dimension, such as (28, 28), not {size!r}.")
    if dims not in (1, 2, 3) or len(shape) != dims or groups < 1 or W.shape[0] % groups:
        raise ShapeError(
            f"a weight {W.shape} with {groups} groups does not fit samples of spatial size {shape}; it is "
            "(out channels, in channels / groups, *kernel), out channels a multiple of groups."
        )
    if isinstance(padding, str) and padding != "circular":
        raise InputError(f'padding must be "circular" or numbers of zeros, not {padding!r}.')
    steps, spread = _each(stride, dims, "stride"), _each(dilation, dims, "dilation")
    periodic = isinstance(padding, str)
    # Each group by a power of two, which is exact, so that no number over- or underflows on the way.
    parts = W.reshape(groups, -1, *W.shape[1:])
    exponents = np.frexp(np.abs(parts).max(axis=tuple(range(1, parts.ndim))))[1]
    parts = np.ldexp(parts, -exponents.reshape(-1, *[1] * (parts.ndim - 1)))
    if periodic and all(length % step == 0 for length, step in zip(shape, steps, strict=True)):
        frequencies = math.prod(length // step for length, step in zip(shape, steps, strict=True))
        found = _by_frequency(parts, shape, steps, spread)
        m, d = W.shape[0] * frequencies, W.shape[1] * groups * math.prod(shape)
        method = f"Fourier transform, {frequencies} frequencies"
    else:
        zeros = (0,) * dims if periodic else _each(padding, dims, "padding", least=0)  # pyright: ignore[reportArgumentType]
        found, (m, d) = _by_matrix(parts, shape, steps, zeros, spread, periodic)
        method = f"LAPACK gesdd of the matrix of each of {groups} groups"
    values, errors = _in_order(found, exponents)
    return ConvolutionSpectrum(
        values=values,
        errors=errors,
        shape=(m, d),
        structural_rank=found.structural_rank,
        tolerance=(rtol or 0.0) * float(values.max(initial=0.0)),
        method=method,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What is known of the groups' scaled weights.

    Attributes:
        values: (groups, k), in any order.
        errors: (groups, k); 0 where the structure forces 0.
        structural_rank: of all groups together.
    """

    values: np.ndarray
    errors: np.ndarray
    structural_rank: int


def _in_order(found: _Found, exponents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All values in descending order, and how far each may be off the one of its place.

    The i-th largest of the true ones lies between the i-th largest `s - e` and the i-th largest `s + e`.
    """
    with np.errstate(over="ignore", under="ignore"):
        values = np.ldexp(found.values, exponents[:, None]).ravel()
        errors = (np.ldexp(found.errors, exponents[:, None]) + 2 * _LEAST * (found.errors > 0)).ravel()
        order = np.argsort(values)[::-1]
        ordered, errors = values[order], errors[order]
        above, below = ordered + errors, ordered - errors
    if not np.isfinite(above).all():
        raise InputError("a singular value of this convolution is larger than any float; scale its weight down.")
    # nearly in order, which this sort makes use of
    above, below = (np.sort(-end, kind="stable") for end in (above, below))
    off = np.maximum(-above - ordered, ordered + np.minimum(below, 0.0))
    freeze((ordered, off))
    return ordered, off


def _rounding(parts: np.ndarray, size: Shape, dilation: Shape, frequencies: int) -> np.ndarray:
    """About what forming each group's matrix, or all frequencies' matrices, rounds it by, in norm: (groups,).

    An entry is a sum of weights, each times a root of unity: off by about `4 log2 P` eps times the sum of their sizes
    (Higham, Accuracy and Stability of Numerical Algorithms, theorem 24.2), and by one eps for each that joins it in its
    place where the kernel is wider than the grid. The norm of what is off is at most the same multiple of the sum of
    the Frobenius norms of the weights of each place in the kernel.
    """
    taps = np.sqrt(np.square(parts).sum(axis=(1, 2))).reshape(len(parts), -1).sum(axis=1)
    transform = 4 * math.log2(frequencies) + 8 if frequencies > 1 else 0.0
    return _EPSILON * (transform + _meeting(parts, size, dilation) - 1) * taps


def _meeting(parts: np.ndarray, size: Shape, dilation: Shape) -> int:
    """How many weights, at most, meet in one place of a periodic grid."""
    spans = (step * (width - 1) + 1 for step, width in zip(dilation, parts.shape[3:], strict=True))
    return math.prod(-(-span // length) for span, length in zip(spans, size, strict=True))


def _decomposition_error(values: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Of the singular values (..., k) of matrices; of one row or column they are norms."""
    lapack = max(rows, columns) + (_LAPACK if min(rows, columns) > 1 else 4)
    return np.broadcast_to(_EPSILON * lapack * values[..., :1], values.shape)


def _structural_rank(pattern: np.ndarray) -> int:
    """Of a matrix whose non-zero entries are these (bool)."""
    return min(pattern.shape) if pattern.all() else int(csgraph.structural_rank(csr_array(pattern)))


def _each(value: int | Sequence[int], dims: int, what: str, least: int = 1) -> tuple[int, ...]:
    one = _whole([value])
    numbers = _whole(value) if one is None else one * dims
    if numbers is None or len(numbers) != dims or min(numbers) < least:
        raise InputError(f"{what} must be one whole number of at least {least}, or {dims} of them, not {value!r}.")
    return numbers


def _whole(values: object) -> tuple[int, ...] | None:
    """Integers of any type as Python's own; None where they are something else."""
    try:
        return tuple(operator.index(value) for value in values)  # pyright: ignore[reportGeneralTypeIssues]
    except TypeError:
        return None


def _by_frequency(parts: np.ndarray, size: Shape, stride: Shape, dilation: Shape) -> _Found:
    groups, out, inner = parts.shape[:3]
    _check(16 * groups * out * inner * math.prod(size))
    placed = np.zeros((groups, out, inner, *size))
    read = np.zeros((groups, out, inner, *stride), dtype=bool)
    every = (slice(None),) * 3
    for offset in np.ndindex(*parts.shape[3:]):
        weights = parts[(*every, *offset)]
        place = tuple(step * k % length for step, k, length in zip(dilation, offset, size, strict=True))
        placed[(*every, *place)] += weights
        read[(*every, *(k % step for k, step in zip(place, stride, strict=True)))] |= weights != 0
    # each axis into (grid, phase), the phases to the input channels
    split = [part for length, step in zip(size, stride, strict=True) for part in (length // step, step)]
    dims = len(size)
    axes = (0, 1, 2, *range(4, 2 * dims + 3, 2), *range(3, 2 * dims + 3, 2))
    phases = placed.reshape(groups, out, inner, *split).transpose(axes)
    grid = phases.shape[-dims:]
    symbols = np.fft.fftn(phases.reshape(groups, out, -1, *grid), axes=range(3, 3 + dims))
    matrices = np.moveaxis(symbols.reshape(*symbols.shape[:3], -1), 3, 1)
    values = np.linalg.svd(matrices, compute_uv=False)
    frequencies, rows, columns = matrices.shape[1:]
    rounding = _rounding(parts, size, dilation, frequencies)
    errors = _decomposition_error(values, rows, columns) + rounding[:, None, None]
    ranks = [_structural_rank(pattern) for pattern in read.reshape(groups, rows, columns)]
    for part, rank in enumerate(ranks):
        values[part, :, rank:] = errors[part, :, rank:] = 0.0
    return _Found(values.reshape(groups, -1), errors.reshape(groups, -1), frequencies * sum(ranks))


def _by_matrix(
    parts: np.ndarray, size: Shape, stride: Shape, padding: Shape, dilation: Shape, periodic: bool
) -> tuple[_Found, tuple[int, int]]:
    """Also the shape of all groups' matrix."""
    meeting = periodic and _meeting(parts, size, dilation) > 1
    rounding = _rounding(parts, size, dilation, 1) if meeting else np.zeros(len(parts))
    values, errors, ranks, m, d = [], [], [], 0, 0
    for part, more in zip(parts, rounding, strict=True):
        matrix = _matrix(part, size, stride, padding, dilation, periodic)
        found = np.linalg.svd(matrix, compute_uv=False)
        off = _decomposition_error(found, *matrix.shape) + more
        if (found > off).all():  # the structure can force none to be 0
            ranks.append(len(found))
        else:
            whole = _matrix(np.abs(part), size, stride, padding, dilation, periodic) if meeting else matrix
            ranks.append(_structural_rank(whole != 0))
        found[ranks[-1] :] = off[ranks[-1] :] = 0.0
        values.append(found)
        errors.append(off)
        m, d = m + matrix.shape[0], d + matrix.shape[1]
    return _Found(np.array(values), np.array(errors), sum(ranks)), (m, d)


def _matrix(W: np.ndarray, size: Shape, stride: Shape, padding: Shape, dilation: Shape, periodic: bool) -> np.ndarray:
    """The matrix (m, d) of a convolution with one group."""
    d = W.shape[1] * math.prod(size)
    units = torch.eye(d, dtype=torch.float64).reshape(d, W.shape[1], *size)
    reach = [step * (width - 1) for step, width in zip(dilation, W.shape[2:], strict=True)]
    grown = [length + r if periodic else length for length, r in zip(size, reach, strict=True)]
    operator = Convolution(
        torch.from_numpy(np.ascontiguousarray(W)),
        torch.zeros(len(W), dtype=torch.float64),
        stride,
        tuple((pad, pad) for pad in padding),
        dilation,
    )
    m = math.prod(operator.output_shape((W.shape[1], *grown)))
    _check(8 * d * max(m, W.shape[1] * math.prod(grown)))
    for axis, (length, wide) in enumerate(zip(size, grown, strict=True)):
        if wide > length:
            units = units.index_select(axis + 2, torch.arange(wide) % length)
    return operator.linear(units).reshape(d, m).T.numpy()


def _check(size: int) -> None:
    if size > DENSE_LIMIT:
        raise TooLarge(
            f"the convolution's matrices would take {size / 2**30:.1f} GiB (limit {DENSE_LIMIT / 2**30:.0f} GiB); ask "
            "about smaller pictures, circular padding, or extreme_singular_values of a network."
        )
