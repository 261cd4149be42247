"""Lines with bands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Shade
from unrelu.study.shown.parts import Sentence


@dataclass(frozen=True, eq=False)
class Curve:
    """A line.

    Attributes:
        label: what it is called.
        colour: of it.
        x: (n,) places; those at which a value has no place on the axis are left out.
        y: (n,) values.
        lower: (n,) lower end of a band, such as a quartile; None where there is none.
        upper: (n,) its upper end; None where there is none.
    """

    label: str
    colour: Shade
    x: np.ndarray
    y: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Curves:
    """Several lines in one figure; of many, some are named.

    Attributes:
        x: the horizontal axis.
        y: the vertical one.
        curves: the lines.
        alt: the figure in words.
    """

    x: Axis
    y: Axis
    curves: tuple[Curve, ...]
    alt: Sentence
