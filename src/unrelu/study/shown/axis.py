"""An axis of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Axis:
    """What stands along one side of a figure.

    Attributes:
        label: what it shows, in words; "" where ticks say it.
        scale: "real", "log" (logarithmic), "count" (whole numbers) or "share" (0 to 1, shown in percent).
        low: where it begins; None where the data say it.
        high: where it ends; None where the data say it.
    """

    label: str
    scale: Literal["real", "log", "count", "share"] = "real"
    low: float | None = None
    high: float | None = None
