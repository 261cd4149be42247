"""Writing the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from unrelu.errors import InputError, StoreError
from unrelu.report.figures import Drawing
from unrelu.report.page import make_page
from unrelu.report.template import render
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.study.study import Study

FIGURES = "figures"
"""Name of the folder beside the page that takes the PNG files."""

NAMES = ("report", "solutions")
"""Pages whose figures do not have their name in front: the commands', which share none."""


@dataclass(frozen=True)
class Report:
    """What was written.

    Attributes:
        path: the page.
        figures: the figures as PNG files.
    """

    path: Path
    figures: tuple[Path, ...]


def write_report(studies: Sequence[Study], path: str | PathLike[str], *, title: str | None = None) -> Report:
    """Write the report of one study, or of several side by side.

    Args:
        studies: what to show, in this order.
        path: the HTML file to write; figures go as PNG files into the folder `figures` beside it, under its name and
            theirs.
        title: heading of the page; by default it names the network.

    Raises:
        InputError: if there is no study.
        MissingExtra: if matplotlib or jinja2 are not installed.
        StoreError: if a file cannot be written.
    """
    if not studies:
        raise InputError("a report needs at least one study.")
    page = make_page(studies, None if title is None else printable(title))
    return write_page(render(page), [each for section in page.sections for each in section.drawings], path)


def write_page(html: str, drawings: Sequence[Drawing], path: str | PathLike[str]) -> Report:
    """Write a page, and its figures beside it.

    Raises:
        StoreError: if a file cannot be written.
    """
    where = Path(path)
    try:
        (where.parent / FIGURES).mkdir(parents=True, exist_ok=True)
        files = []
        own = "" if where.stem in NAMES else f"{where.stem}-"
        for drawing in drawings:
            files.append(where.parent / FIGURES / f"{own}{drawing.key}.png")
            files[-1].write_bytes(drawing.png)
        where.write_text(html, encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"the report cannot be written to {where} ({error}); choose a file in a folder that you may write to."
        ) from error
    return Report(where, tuple(files))
