"""Writing the page of an inverse problem."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from unrelu.errors import InputError
from unrelu.report.answers_page import make_answers_page
from unrelu.report.template import render
from unrelu.report.write import Report, write_page
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.inverse.answer import Answer


def write_answers(
    answers: Sequence[Answer], path: str | PathLike[str], *, title: str | None = None, files: bool = False
) -> Report:
    """Write the page of one answer, or of several.

    Args:
        answers: what to show, in this order.
        path: the HTML file to write; pictures go as PNG files into the folder `figures` beside it.
        title: heading of the page.
        files: whether tables and certificates lie beside it.

    Raises:
        InputError: if there is no answer.
        MissingExtra: if matplotlib or jinja2 are not installed.
        StoreError: if a file cannot be written.
    """
    if not answers:
        raise InputError("a page needs at least one answer.")
    page = make_answers_page(answers, None if title is None else printable(title), files=files)
    drawings = [each.drawing for each in page.answers if each.drawing is not None]
    return write_page(render(page, "answers.html.j2"), drawings, path)
