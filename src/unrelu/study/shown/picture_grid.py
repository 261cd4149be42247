"""Pictures, and maps of numbers, in rows and columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.study.shown.parts import Sentence


@dataclass(frozen=True, eq=False)
class Tile:
    """A picture in a grid.

    Attributes:
        values: its numbers, flat or in their shape, C order.
        shape: (h, w), (1, h, w) or (3, h, w).
        limits: values of black and of full brightness; None for a map, which is drawn in the colours of the grid's
            scale: (h, w) only.
        above: what stands above it; "" for nothing.
        below: lines that stand below it.
    """

    values: np.ndarray
    shape: tuple[int, ...]
    limits: tuple[float, float] | None
    above: str = ""
    below: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PictureGrid:
    """Pictures in rows and columns.

    Attributes:
        rows: the pictures, row by row; None where there is none.
        alt: the figure in words.
        scale: what the colours of the maps say, which run from 0 to their largest number; "" without maps.
    """

    rows: tuple[tuple[Tile | None, ...], ...]
    alt: Sentence
    scale: str = ""
