"""What each question of a study shows, in the order of the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unrelu.study.questions.shown_metamers import shown_metamers
from unrelu.study.questions.shown_ranges import shown_ranges
from unrelu.study.questions.shown_row_removal import shown_row_removal
from unrelu.study.questions.shown_spectra import shown_spectra
from unrelu.study.questions.shown_uniqueness import shown_uniqueness
from unrelu.study.questions.shown_verdicts import shown_verdicts

if TYPE_CHECKING:
    from unrelu.study.shown.shown import Shown
    from unrelu.study.study import Study

SHOWN: dict[str, Callable[[Study], Shown]] = {
    "verdicts": shown_verdicts,
    "uniqueness": shown_uniqueness,
    "ranges": shown_ranges,
    "spectra": shown_spectra,
    "row_removal": shown_row_removal,
    "metamers": shown_metamers,
}
"""By the name of its table."""


def shown_questions(study: Study) -> tuple[Shown, ...]:
    """What all questions show of a study."""
    return tuple(show(study) for show in SHOWN.values())
