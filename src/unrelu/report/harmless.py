"""What is shown, so that texts from files cannot break the page, nor pass for something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.study.shown.shown import Shown

LONGEST = 1000
"""Characters of a text on the page."""


def harmless(shown: Sequence[Shown]) -> tuple[Shown, ...]:
    """The same, with all that is not printable in its texts written as escapes.

    XML has no way to write most control characters, so that one in the name of a layer, which a model file may hold,
    would cost the report. Different texts stay different, since readers tell layers apart by their names.

    Args:
        shown: all that is shown of one study.
    """
    known: dict[str, str] = {}
    taken: set[str] = set()

    def text(value: str) -> str:
        if value not in known:
            made = printable(value, LONGEST)
            while made in taken:
                made += "'"
            known[value] = made
            taken.add(made)
        return known[value]

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, tuple):
            return tuple(plain(each) for each in value)
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{field.name: plain(getattr(value, field.name)) for field in fields(value)})
        return value

    return tuple(plain(each) for each in shown)
