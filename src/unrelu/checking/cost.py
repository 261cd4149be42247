"""What a question takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Time and memory of one question.

    Attributes:
        seconds: processor seconds; None where they are not foreseen.
        memory: bytes at the peak, beside the network.
    """

    seconds: float | None
    memory: int
