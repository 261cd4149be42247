"""Numbers over places that have names, such as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Shade
from unrelu.study.shown.parts import Sentence

Marker = Literal["circle", "square", "dash"]


@dataclass(frozen=True, eq=False)
class Series:
    """A number at each place.

    Attributes:
        label: what it is called.
        colour: of its marks and its line.
        y: (n,) its values, NaN where there are none.
        lower: (n,) lower end of a bar through the mark, such as a quartile; None where there is none.
        upper: (n,) its upper end; None where there is none.
        marker: of each value. "dash" stands alone; the others are joined by a line.
        dashed: whether that line is dashed.
    """

    label: str
    colour: Shade
    y: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None
    marker: Marker = "circle"
    dashed: bool = False


@dataclass(frozen=True)
class Level:
    """A value that does not depend on the place, drawn as a dashed line.

    Attributes:
        value: which.
        label: what it is called.
    """

    value: float
    label: str


@dataclass(frozen=True, eq=False)
class Profile:
    """Numbers over named places.

    Attributes:
        names: (n,) of the places, in order.
        y: the vertical axis.
        series: the numbers.
        alt: the figure in words.
        levels: values to compare them with.
    """

    names: tuple[str, ...]
    y: Axis
    series: tuple[Series, ...]
    alt: Sentence
    levels: tuple[Level, ...] = ()
