"""The shape of a sample of which whole axes are summed up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from unrelu.errors import ShapeError

if TYPE_CHECKING:
    from unrelu.operators.base import Shape


def without_axes(what: str, shape: Shape, axes: tuple[int, ...], count: int, keep: bool) -> Shape:
    """The shape without these axes, or with size 1 there.

    Args:
        what: is computed of them, for the message.
        shape: of the sample.
        axes: of the sample.
        count: how many numbers go into one of the result.
        keep: whether the axes stay.

    Raises:
        ShapeError: if the sample has no such axes, or another number of numbers along them.
    """
    if not all(0 <= axis < len(shape) for axis in axes) or math.prod(shape[axis] for axis in axes) != count:
        raise ShapeError(f"{what} of {count} numbers over axes {axes} does not fit a sample {shape}.")
    sizes = ((1 if axis in axes else size) for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(sizes) if keep or axis not in axes)
