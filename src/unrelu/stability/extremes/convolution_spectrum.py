"""The spectrum of one convolution by itself."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError, ShapeError, TooLarge
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.folding import DENSE_LIMIT
from unrelu.network.operators import Convolution

if TYPE_CHECKING:
    from unrelu.network.operators import Shape


@dataclass(frozen=True, eq=False)
class ConvolutionSpectrum:
    """All singular values of the linear part of a convolution.

    Attributes:
        values: (min(m, d),) float64, descending, read-only.
        shape: (m, d) of its matrix.
        method: how they were computed, in words.
    """

    values: np.ndarray
    shape: tuple[int, int]
    method: str


def convolution_spectrum(
    weight: Array,
    size: Sequence[int],
    *,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = "circular",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> ConvolutionSpectrum:
    """All singular values of a convolution on pictures (or signals, or volumes) of a size.

    Circular convolutions whose stride divides the size are block diagonal for the Fourier transform: one small
    matrix for each frequency, of (out channels / groups) rows and (in channels / groups * stride^dimensions) columns,
    as a stride splits its input into as many phases (Sedghi, Gupta and Long, 2019, for stride 1). All others go
    through their matrix, one group at a time.

    >>> found = convolution_spectrum(np.array([[[0.5, 0.0, 0.5]]]), size=[4])
    >>> found.values.round(12).tolist(), found.shape  # |cos(2 pi k / 4)|
    ([1.0, 1.0, 0.0, 0.0], (4, 4))

    Args:
        weight: (out channels, in channels / groups, *kernel), any float dtype.
        size: of the input, one number a spatial dimension.
        stride: one number, or one a dimension.
        padding: "circular", where input and output lie on one periodic grid and every `stride`-th place has an
            output; or how many zeros are put on either side, one number or one a dimension.
        dilation: one number, or one a dimension.
        groups: number of groups of channels.

    Raises:
        InputError: if an argument does not fit the weight.
        TooLarge: if the matrix of one group, or all frequencies' matrices, take more memory than allowed.
    """
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
    if periodic and all(length % step == 0 for length, step in zip(shape, steps, strict=True)):
        grid = tuple(length // step for length, step in zip(shape, steps, strict=True))
        d = W.shape[1] * groups * math.prod(shape)
        values = _by_frequency(W, shape, steps, spread, groups)
        return _sorted(values, (W.shape[0] * math.prod(grid), d), f"Fourier transform, {math.prod(grid)} frequencies")
    zeros = (0,) * dims if periodic else _each(padding, dims, "padding", least=0)  # pyright: ignore[reportArgumentType]
    parts = [_matrix(part, shape, steps, zeros, spread, periodic) for part in np.split(W, groups)]
    values = np.concatenate([np.linalg.svd(part, compute_uv=False) for part in parts])
    m, d = groups * parts[0].shape[0], groups * parts[0].shape[1]
    return _sorted(values, (m, d), f"LAPACK gesdd of the matrix of each of {groups} groups")


def _sorted(values: np.ndarray, shape: tuple[int, int], method: str) -> ConvolutionSpectrum:
    ordered = np.sort(values.reshape(-1))[::-1].copy()
    ordered.flags.writeable = False
    return ConvolutionSpectrum(ordered, shape, method)


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


def _by_frequency(W: np.ndarray, size: Shape, stride: Shape, dilation: Shape, groups: int) -> np.ndarray:
    out, inner = W.shape[:2]
    _check(16 * out * inner * math.prod(size))
    placed = np.zeros((out, inner, *size))
    for offset in np.ndindex(*W.shape[2:]):
        place = tuple(step * k % length for step, k, length in zip(dilation, offset, size, strict=True))
        placed[(slice(None), slice(None), *place)] += W[(slice(None), slice(None), *offset)]
    # each axis into (grid, phase), the phases to the input channels
    split = [part for length, step in zip(size, stride, strict=True) for part in (length // step, step)]
    dims = len(size)
    phases = placed.reshape(out, inner, *split).transpose(0, 1, *range(3, 2 * dims + 2, 2), *range(2, 2 * dims + 2, 2))
    grid = phases.shape[-dims:]
    symbols = np.fft.fftn(phases.reshape(groups, out // groups, -1, *grid), axes=range(3, 3 + dims))
    matrices = np.moveaxis(symbols.reshape(*symbols.shape[:3], -1), 3, 1)
    return np.linalg.svd(matrices, compute_uv=False)


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
