"""A histogram by kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Shade
from unrelu.study.shown.parts import Sentence
from unrelu.study.shown.threshold import Threshold


@dataclass(frozen=True, eq=False)
class Stack:
    """One kind in a histogram.

    Attributes:
        label: what it is called.
        colour: of its bars.
        counts: (n,) how many there are in each bin.
    """

    label: str
    colour: Shade
    counts: np.ndarray


@dataclass(frozen=True, eq=False)
class StackedHistogram:
    """How many there are of each kind, over bins, the kinds on top of each other.

    Attributes:
        x: the horizontal axis.
        y: the vertical one.
        edges: (n + 1,) of the bins.
        stacks: the kinds, from the bottom to the top.
        alt: the figure in words.
        threshold: a marked value of x.
        totals: whether the number of all is written over each bin.
    """

    x: Axis
    y: Axis
    edges: np.ndarray
    stacks: tuple[Stack, ...]
    alt: Sentence
    threshold: Threshold | None = None
    totals: bool = False
