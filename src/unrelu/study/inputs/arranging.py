"""Bringing samples to the shape that a network takes, where there is one way to do it."""

from __future__ import annotations

import math

import numpy as np

_CHANNELS = (1, 3, 4)
"""How many channels pictures have; other numbers are not taken for channels."""


def mismatch(declared: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What is wrong with the shape of an array for a network that takes samples of a shape; "" if nothing.

    Args:
        declared: of the array, whose axis 0 is the batch.
        shape: of a sample.
    """
    given = declared[1:]
    if declared and (given == shape or _reshapes(given, shape) or _moved(given, shape) is not None):
        return ""
    if declared == shape:
        return f"holds one sample without a batch axis; give it the shape {(1, *shape)}."
    text = f"holds samples of shape {given} (axis 0 is the batch), but the network takes {shape}"
    if math.prod(given) == math.prod(shape) and len(shape) == len(given) == 3 and given[-1] == shape[0]:
        return f"{text}; move the channels first, numpy.moveaxis(x, -1, 1)."
    return f"{text}; bring them to that shape."


def arranged(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Samples in the shape that the network takes.

    Args:
        values: (n, *any shape), such that there is no `mismatch`.
        shape: of a sample.

    Returns:
        (n, *shape), where it can be without a copy.
    """
    given = values.shape[1:]
    if given == shape:
        return values
    axes = None if _reshapes(given, shape) else _moved(given, shape)
    return values.reshape(len(values), *shape) if axes is None else np.moveaxis(values, *axes)


def said_of_arranging(given: tuple[int, ...], shape: tuple[int, ...], where: str) -> tuple[str, ...]:
    """Sentences on what `arranged` does to samples of a shape.

    Args:
        given: the shape in which they came.
        shape: that the network takes.
        where: what to call them.
    """
    if given == shape:
        return ()
    axes = None if _reshapes(given, shape) else _moved(given, shape)
    if axes is None:
        return (f"{where}: samples of shape {given} were read as {shape}, in C order.",)
    order = "last" if axes == (-1, 1) else "first"
    return (f"{where}: samples of shape {given} have their channels {order}; they were moved, to {shape}.",)


def _moved(given: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[int, int] | None:
    """From where to where the axis of the channels has to move; None where that does not help."""
    if len(given) != 3 or len(wanted) != 3:
        return None
    if given[-1] in _CHANNELS and (given[2], given[0], given[1]) == wanted:
        return -1, 1
    if given[0] in _CHANNELS and (given[1], given[2], given[0]) == wanted:
        return 1, -1
    return None


def _reshapes(given: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the shapes differ by axes of length 1 alone, or one of them is flat."""
    if math.prod(given) != math.prod(wanted):
        return False
    squeezed = [tuple(size for size in shape if size != 1) for shape in (given, wanted)]
    return squeezed[0] == squeezed[1] or min(map(len, squeezed)) == 1
