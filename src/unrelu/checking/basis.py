"""What a foreseen time rests on."""

from __future__ import annotations

from enum import Enum


class Basis(Enum):
    """Where the seconds of a question come from.

    MEASURED: the question was asked once, at a random input.
    FORESEEN: from its sizes, and the speed of a part of it here and now.
    ANYTIME: it ends when its time limit says so; there is no time to foresee.
    NOT_FORESEEN: it depends on what a search finds, so that no number would be honest.
    REFUSED: it cannot be asked.
    """

    MEASURED = "measured"
    FORESEEN = "foreseen"
    ANYTIME = "anytime"
    NOT_FORESEEN = "not foreseen"
    REFUSED = "refused"
