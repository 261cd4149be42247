"""Colours by what they stand for; the report says what they look like on light and on dark pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal[
    "ink", "muted", "before", "after", "others", "singleton", "bounded", "unbounded", "undecided", "empty"
]  # fmt: skip
"""What a colour stands for.

"ink" and "muted" are those of words; "before" and "after" a comparison, of which "after" is what is looked for;
"others" what another method found; the rest are the kinds of sets, finite ones in blue.
"""


@dataclass(frozen=True)
class Step:
    """One of several things that have an order, such as layers: from dark to bright.

    Attributes:
        place: which, from 0.
        n: of how many.
    """

    place: int
    n: int


Shade = Role | Step
"""A colour in a figure."""
