"""A value on an axis that is marked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Threshold:
    """A value that separates what is on its two sides.

    Attributes:
        at: where it is drawn, dashed.
        label: what is written beside it.
        beyond: whether it lies too far to the right to be drawn, so that only an arrow points to it.
    """

    at: float
    label: str
    beyond: bool = False
