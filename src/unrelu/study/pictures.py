"""Which inputs are pictures, and how bright their values are."""

from __future__ import annotations

import math

import numpy as np

from unrelu.errors import ShapeError
from unrelu.polyhedra.domains import Box, Domain

SMALLEST_SIDE = 4
"""A sample shape with a shorter side is not taken for a picture unless the caller says so."""


def resolve_picture_shape(input_shape: tuple[int, ...], given: tuple[int, ...] | None) -> tuple[int, ...] | None:
    """How an input of that shape is shown: (h, w), (1, h, w), (3, h, w), or None where it is no picture.

    Flat inputs are pictures only if the caller gives their shape.

    Raises:
        ShapeError: if the shape given is not that of a picture, or has another size than the input.

    >>> resolve_picture_shape((784,), (28, 28))
    (28, 28)
    >>> resolve_picture_shape((3, 32, 32), None)
    (3, 32, 32)
    >>> resolve_picture_shape((784,), None) is None
    True
    """
    if given is None:
        return input_shape if _is_picture(input_shape) and min(input_shape[-2:]) >= SMALLEST_SIDE else None
    shape = tuple(int(side) for side in given)
    if not _is_picture(shape) or math.prod(shape) != math.prod(input_shape):
        raise ShapeError(
            f"inputs of shape {input_shape} cannot be shown as pictures of shape {shape}; picture_shape must be "
            f"(h, w), (1, h, w) or (3, h, w) with {math.prod(input_shape)} numbers in all."
        )
    return shape


def picture_range(extent: tuple[float, float], domain: Domain | None) -> tuple[float, float]:
    """The values of black and of full brightness: the bounds of a box with two numbers, otherwise the data's."""
    if isinstance(domain, Box) and domain.lower is not None and domain.upper is not None:
        low, high = np.asarray(domain.lower, float), np.asarray(domain.upper, float)
        if low.size == high.size == 1 and np.isfinite(low).all() and np.isfinite(high).all():
            return low.item(), high.item()
    return extent


def _is_picture(shape: tuple[int, ...]) -> bool:
    return (len(shape) == 2 or (len(shape) == 3 and shape[0] in (1, 3))) and min(shape) >= 1
