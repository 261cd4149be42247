"""A share by group, over the numbers that it is a share of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Shade
from unrelu.study.shown.parts import Sentence
from unrelu.study.shown.stacked_histogram import StackedHistogram


@dataclass(frozen=True, eq=False)
class Share:
    """A share in each bin.

    Attributes:
        label: what it is called.
        colour: of its line and marks.
        share: (n,) 0 to 1; NaN in bins without anything.
        at_most: (n,) what it may be where something stays open; None where nothing does.
    """

    label: str
    colour: Shade
    share: np.ndarray
    at_most: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Shares:
    """A share over the bins of a histogram, which stands below and says of how many.

    Attributes:
        y: the axis of the share.
        found: what was found.
        reference: what it is compared with.
        counts: the numbers by kind; a marked value in it is drawn through the shares.
        alt: the figure in words.
    """

    y: Axis
    found: Share
    reference: Share | None
    counts: StackedHistogram
    alt: Sentence
