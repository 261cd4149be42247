"""Windows: parts of an image-like sample."""

from __future__ import annotations

import math
import operator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError

if TYPE_CHECKING:
    from unrelu.operators import Shape

Span = tuple[int, int]
"""(first, after the last)."""

_AXES = {1: ("channels",), 2: ("rows", "columns"), 3: ("channels", "rows", "columns")}


@dataclass(frozen=True)
class Window:
    """A rectangle of an image, or a range of features; axes that are not named are taken whole.

    Samples of shape (channels, rows, columns), (rows, columns) or (channels,) have such windows.

    >>> Window(rows=(1, 3), columns=(0, 2)).coordinates((1, 4, 4)).tolist()
    [4, 5, 8, 9]

    Attributes:
        rows: first row and the one after the last; None for all.
        columns: the same for columns.
        channels: the same for channels, or for the features of a dense layer.

    Raises:
        InputError: if one of them is not a pair of whole numbers.
    """

    rows: Span | None = None
    columns: Span | None = None
    channels: Span | None = None

    def __post_init__(self) -> None:
        for name in ("rows", "columns", "channels"):
            object.__setattr__(self, name, _span(name, getattr(self, name)))

    def coordinates(self, shape: Shape) -> np.ndarray:
        """The coordinates in the window, in C order of a sample of this shape, ascending: int64.

        Raises:
            InputError: if a sample of that shape has no such window.
        """
        axes = _AXES.get(len(shape), ())
        asked = {"rows": self.rows, "columns": self.columns, "channels": self.channels}
        for name, span in asked.items():
            if span is not None and name not in axes:
                raise InputError(
                    f"a sample of shape {shape} has no {name}; windows are for samples of shape (channels, rows, "
                    "columns), (rows, columns) or (channels,)."
                )
        index = []
        for name, size in zip(axes, shape, strict=False):
            start, stop = asked[name] or (0, size)
            if not 0 <= start < stop <= size:
                raise InputError(f"{name} {start} to {stop} do not lie in a sample of shape {shape}, or are none.")
            index.append(slice(start, stop))
        return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)[tuple(index)].reshape(-1)

    def __str__(self) -> str:
        """For example "rows 1:3, columns 0:2"."""
        asked = {"rows": self.rows, "columns": self.columns, "channels": self.channels}
        named = (f"{name} {span[0]}:{span[1]}" for name, span in asked.items() if span is not None)
        return ", ".join(named) or "everything"


def _span(name: str, given: object) -> Span | None:
    """Two whole numbers, of any integer type; None stays None."""
    if given is None:
        return None
    if isinstance(given, tuple | list) and len(given) == 2:
        with suppress(TypeError):
            return operator.index(given[0]), operator.index(given[1])
    raise InputError(
        f"{name} of a window are two whole numbers, the first and the one after the last, such as {name}=(4, 12), not "
        f"{given!r}."
    )
