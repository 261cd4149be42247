"""Numbers of a study's tables as parts that remember where they come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from unrelu.study.shown.numbers import count
from unrelu.study.shown.parts import Part

if TYPE_CHECKING:
    from unrelu.study.study import Study


def record(study: Study, table: str, row: int, column: str, form: Callable[[Any], str] = count) -> Part:
    """One entry of a table.

    Args:
        study: the study.
        table: name of the table.
        row: index of the row.
        column: name of the column.
        form: how the entry is written.
    """
    return Part(form(study[table][column][row].as_py()), f"{table}/{row}/{column}")


def of_layer(study: Study, row: int, column: str, form: Callable[[Any], str] = count) -> Part:
    """One entry of the layer table."""
    return record(study, "layers", row, column, form)


def fact(study: Study, field: str, form: Callable[[Any], str] = count) -> Part:
    """One field of what the study is about."""
    return Part(form(getattr(study.info, field)), f"info/{field}")


def setting(study: Study, question: str, field: str) -> Part:
    """A setting of a question, in words."""
    return Part(study.question(question).about[field], f"asked/{question}/{field}")


def of_study(study: Study, field: str, form: Callable[[Any], str] = count) -> Part:
    """Something that is computed from all of a study."""
    return Part(form(getattr(study, field)), f"study/{field}")
