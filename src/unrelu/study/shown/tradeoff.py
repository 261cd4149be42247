"""Two numbers against each other, of several things and in several states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Shade
from unrelu.study.shown.parts import Sentence
from unrelu.study.shown.profile import Marker


@dataclass(frozen=True, eq=False)
class Points:
    """All things in one state.

    Attributes:
        label: what the state is called.
        colour: of the marks.
        x: (n,) one number of each, NaN where there is none.
        y: (n,) the other.
        marker: of each.
    """

    label: str
    colour: Shade
    x: np.ndarray
    y: np.ndarray
    marker: Marker = "circle"


@dataclass(frozen=True, eq=False)
class Tradeoff:
    """Two numbers against each other; the states of each thing are joined by a line.

    Attributes:
        x: the horizontal axis.
        y: the vertical one.
        names: (n,) of the things; they stand at the last state.
        states: the points.
        alt: the figure in words.
    """

    x: Axis
    y: Axis
    names: tuple[str, ...]
    states: tuple[Points, ...]
    alt: Sentence
