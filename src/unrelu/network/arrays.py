"""Arrays in and out: NumPy or torch, any float dtype; computed in float64."""

from __future__ import annotations

from typing import TypeAlias, TypeVar, cast

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from unrelu.errors import InputError
from unrelu.rigor.matrices import SparseRows
from unrelu.rigor.rounding import UNIT

Array: TypeAlias = np.ndarray | Tensor

ArrayT = TypeVar("ArrayT", bound=Array)
"""Whichever kind of array the caller has."""


def as_tensor(values: Array, what: str, device: torch.device | None = None, *, finite: bool = True) -> Tensor:
    """A float64 tensor with the numbers of an array, on a device; those that are not finite are refused if asked for.

    Raises:
        InputError: if it is not an array of real numbers, or holds NaN or infinite ones.
    """
    try:
        tensor = values.detach() if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be a NumPy array or torch tensor of real numbers: {error}.") from error
    if tensor.is_meta:
        raise InputError(f"{what} is on the meta device, so it holds no numbers; give some.")
    if tensor.is_complex():
        raise InputError(f"{what} must be real; it is {tensor.dtype}.")
    tensor = tensor.to(device=device, dtype=torch.float64)
    if finite and not bool(torch.isfinite(tensor).all()):
        raise InputError(f"{what} holds NaN or infinite values; clean it first.")
    return tensor


def as_numpy(values: Array, what: str, *, finite: bool = True) -> np.ndarray:
    """A float64, C-contiguous NumPy array of its own with the numbers of an array; see `as_tensor`.

    Raises:
        InputError: if it is not an array of real numbers, or holds NaN or infinite ones.
    """
    # a float64 tensor would share its memory; arrays have been copied on their way in already
    tensor = as_tensor(values, what, finite=finite).cpu()
    return np.array(tensor.numpy(), order="C", copy=True if isinstance(values, Tensor) else None)


def unit_roundoff(values: Array) -> float:
    """The unit roundoff of an array's dtype: half the distance of 1 from the next number; float64's for integers.

    >>> unit_roundoff(np.zeros(1, dtype=np.float32)) == 2.0**-24
    True
    """
    if isinstance(values, Tensor):
        return float(torch.finfo(values.dtype).eps) / 2 if values.is_floating_point() else UNIT
    kind = np.asarray(values).dtype
    return max(float(np.finfo(kind).eps) / 2, UNIT) if np.issubdtype(kind, np.floating) else UNIT


def as_sparse(values: SparseRows, what: str) -> SparseRows:
    """A float64 array of its own with the numbers of a sparse array, each position once and in order, zeros left out.

    Raises:
        InputError: if its numbers are not real, or NaN or infinite.
    """
    if np.iscomplexobj(values):
        raise InputError(f"{what} must be real; it is {values.dtype}.")
    kept = sparse.csr_array(values, dtype=np.float64, copy=True)
    kept.sum_duplicates()
    kept.eliminate_zeros()
    if not np.isfinite(kept.data).all():
        raise InputError(f"{what} holds NaN or infinite values; clean it first.")
    return kept


def like(tensor: Tensor, original: ArrayT) -> ArrayT:
    """The tensor as the kind of array, dtype and device that `original` has."""
    if isinstance(original, Tensor):
        dtype = original.dtype if original.is_floating_point() else torch.float64
        return cast(ArrayT, tensor.to(device=original.device, dtype=dtype))
    array = tensor.cpu().numpy()
    kind = np.asarray(original).dtype
    return cast(ArrayT, array.astype(kind) if np.issubdtype(kind, np.floating) else array)
