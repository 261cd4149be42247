"""Numbers from 0 to 255, which a network takes as they are or divided by 255: only its owner knows."""

from __future__ import annotations

import numpy as np

from unrelu.errors import InputError
from unrelu.study.inputs.given import Given
from unrelu.study.pictures import resolve_picture_shape

BYTE = 255
"""The largest number of 8 bits: full brightness."""


def scaled(given: Given, shape: tuple[int, ...], scale: float | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """The numbers divided by the scale, and sentences on what was done.

    Numbers that are pixels of 8 bits by all appearance are refused where nobody said what to do with them: a network
    that was trained on [0, 1] sees nothing in pictures 255 times as bright, and nothing would tell.

    Integers of at most 16 bits are divided in float32, as torchvision does and pictures from files are; all others in
    their own dtype or float64.

    Args:
        given: finite.
        shape: of a sample.
        scale: what the numbers are divided by; 1 to take them as they are, None if nobody said.

    Raises:
        InputError: (as `given.refusal`) if they look like pixels of 8 bits, and there is no scale.
    """
    values = given.values
    if given.scaled or (scale is not None and scale == 1):
        return values, ()
    if scale is not None:
        kind = np.result_type(values.dtype, np.float16) if values.dtype.kind != "f" else values.dtype
        kind = np.dtype(np.float32) if kind == np.float16 and values.dtype.kind != "f" else kind
        return values.astype(kind) / kind.type(scale), (f"{given.where}: all numbers were divided by {scale:g}.",)
    if values.dtype == bool or not _is_whole(values):
        return values, ()
    low, high = int(values.min()), int(values.max())
    as_bytes = values.dtype == np.uint8 or high == BYTE or is_picture_shaped(shape)
    if low >= 0 and 1 < high <= BYTE and as_bytes:
        raise given.refusal(_unsaid(given.where, high))
    if values.dtype.kind in "iu" and high > 1:
        return values, (f"{given.where}: whole numbers up to {high} were taken as they are.",)
    return values, ()


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


def _is_whole(values: np.ndarray) -> bool:
    if values.dtype.kind in "iu":
        return True
    few = values.reshape(len(values), -1)[:1]  # says no at once, for most
    return bool((few == np.round(few)).all()) and bool((values == np.round(values)).all())
