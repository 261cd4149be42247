"""Arrays in memory, and whatever becomes one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import unit_roundoff
from unrelu.study.inputs.arranging import mismatch
from unrelu.study.inputs.gathering import own_rows
from unrelu.study.inputs.given import Given


def is_array(data: object) -> bool:
    """Whether something is an array, or says that it can be one, as tables of pandas do."""
    return isinstance(data, np.ndarray | Tensor) or hasattr(data, "__array__")


def given_array(data: object, shape: tuple[int, ...], limit: int | None) -> Given:
    """Samples in an array.

    Args:
        data: (n, *any shape).
        shape: of a sample of the network.
        limit: take only so many.

    Raises:
        InputError: if it holds no real numbers.
        ShapeError: if samples of that shape do not fit.
    """
    what = "the data"
    unit = unit_roundoff(data) if isinstance(data, Tensor) else None
    values = as_numbers(data, what)
    if values.ndim == 0:
        raise ShapeError(f"{what} are a single number; give an array of shape (n, {_sides(shape)}).")
    if values.size == 0:
        raise InputError(f"{what} are empty: their shape is {values.shape}; give at least one input.")
    if wrong := mismatch(values.shape, shape):
        raise ShapeError(f"the array of data {wrong}")
    return Given(own_rows(values[:limit], "the array of data"), "the array of data", total=len(values), unit=unit)


def as_numbers(data: object, what: str) -> np.ndarray:
    """An array of real numbers, as NumPy's, in the dtype that it has where NumPy knows it.

    Raises:
        InputError: if it is no such array; the message names the kind.
    """
    if isinstance(data, Tensor):
        if data.is_meta:
            raise InputError(f"{what} are on the meta device, so they hold no numbers; give some.")
        if data.is_complex():
            raise InputError(f"{what} are complex ({data.dtype}); give real numbers.")
        data = data.detach().cpu()
        known = data.dtype in _NUMPY
        return (data if known else data.to(torch.float32)).numpy()
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise InputError(f"{what} are a masked array with numbers that do not count; fill or leave these out.")
    try:
        values = np.asarray(data)
    except ValueError as error:  # lists of different lengths
        raise InputError(f"{what} are no array of numbers ({error}); stack samples of one shape.") from error
    if values.dtype == object and hasattr(data, "columns"):
        raise InputError(
            f"{what} are a table, and some of its columns are no plain numbers; give those that the network takes, as "
            "floats, table[columns].to_numpy(float)."
        )
    if values.dtype == object:
        raise InputError(
            f"{what} are an array of objects, not of numbers; stack samples of one shape as floats, numpy.stack(list)."
        )
    if values.dtype.kind not in "biuf":
        kind = "text" if values.dtype.kind in "US" else str(values.dtype)
        raise InputError(f"{what} are {kind}, not real numbers; give them as floats.")
    return values


_NUMPY = {
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
    torch.float16, torch.float32, torch.float64,
}  # fmt: skip
"""Dtypes of torch that NumPy has too; the others (bfloat16) lie within float32."""


def _sides(shape: Sequence[int]) -> str:
    return ", ".join(map(str, shape))
