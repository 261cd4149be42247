"""Numbers from 0 to 255, which a network takes as they are or divided by 255: only its owner knows."""

from __future__ import annotations

import numpy as np

from unrelu.errors import InputError
from unrelu.study.inputs.given import Given
from unrelu.study.inputs.samples import Rows, block_slices
from unrelu.study.pictures import resolve_picture_shape

BYTE = 255
"""The largest number of 8 bits: full brightness."""


def resolve_scale(
    rows: Rows, given: Given, shape: tuple[int, ...], scale: float | None
) -> tuple[float | None, tuple[str, ...]]:
    """What the numbers are divided by (None: they are taken as they are), and sentences on that.

    Numbers that are pixels of 8 bits by all appearance are refused where nobody said what to do with them: a network
    that was trained on [0, 1] sees nothing in pictures 255 times as bright, and nothing would tell.

    Integers of at most 16 bits are divided in float32, as torchvision does and pictures from files are; all others in
    their own dtype or float64.

    Args:
        rows: the numbers, finite.
        given: what else is known of them.
        shape: of a sample.
        scale: what the numbers are divided by; 1 to take them as they are, None if nobody said.

    Raises:
        InputError: (as `given.refusal`) if they look like pixels of 8 bits, and there is no scale.
    """
    if given.scaled:
        return given.scale, ()
    if scale is not None:
        if scale == 1:
            return None, ()
        return scale, (f"{given.where}: all numbers were divided by {scale:g}.",)
    if rows.dtype == bool or not _is_whole(rows):
        return None, ()
    low, high = _ends(rows)
    as_bytes = rows.dtype == np.uint8 or high == BYTE or is_picture_shaped(shape)
    if low >= 0 and 1 < high <= BYTE and as_bytes:
        raise given.refusal(_unsaid(given.where, high))
    if rows.dtype.kind in "iu" and high > 1:
        return None, (f"{given.where}: whole numbers up to {high} were taken as they are.",)
    return None, ()


def is_picture_shaped(shape: tuple[int, ...]) -> bool:
    """Whether samples of a shape are taken for pictures, with their channels first or last."""
    last = (shape[2], *shape[:2]) if len(shape) == 3 and shape[2] in (1, 3) else shape
    return any(resolve_picture_shape(each, None) is not None for each in (shape, last))


def check_scale(scale: float | None) -> None:
    """Refuse what numbers cannot be divided by.

    Raises:
        InputError: if it is not positive and finite.
    """
    if scale is not None and not 0 < scale < np.inf:
        raise InputError(f"the numbers cannot be divided by {scale:g}; give a positive scale, such as 255 for bytes.")


def _unsaid(where: str, high: int) -> str:
    return (
        f"{where} holds whole numbers from 0 to {high}, which look like pixels of 8 bits; say what the network takes: "
        "scale=255 (--scale 255) for pictures in [0, 1], which divides by 255, or scale=1 for the numbers as they are."
    )


def _is_whole(rows: Rows) -> bool:
    if rows.dtype.kind in "iu":
        return True
    few = rows[:1]  # says no at once, for most
    return bool((few == np.round(few)).all()) and all(
        bool((block == np.round(block)).all()) for block in map(rows.__getitem__, block_slices(rows.shape))
    )


def _ends(rows: Rows) -> tuple[int, int]:
    ends = [(int(block.min()), int(block.max())) for block in map(rows.__getitem__, block_slices(rows.shape))]
    return min(low for low, _ in ends), max(high for _, high in ends)
