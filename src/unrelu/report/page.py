"""What the page shows, put together from what the questions of one study or several show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrelu.report.cards import CardStrip, card_strips
from unrelu.report.draw_figure import draw_figure
from unrelu.report.draw_pictures import draw_gallery
from unrelu.report.figures import Drawing
from unrelu.report.harmless import harmless
from unrelu.report.palette import AFTER, GRID, INK, MUTED, PAPER, Colour
from unrelu.report.tables import TableOnPage, lay_out
from unrelu.study.questions.shown_study import number_word, shown_study
from unrelu.study.shown.numbers import NONE
from unrelu.study.shown.parts import Part, Sentence
from unrelu.study.shown.shown_table import Bar, Column, Row, ShownTable, column

if TYPE_CHECKING:
    from unrelu.study.shown.shown import Shown
    from unrelu.study.study import Study


@dataclass(frozen=True)
class Numbered:
    """A drawing with its caption.

    Attributes:
        number: its place among the figures of its study, from 1.
        drawing: the figure.
        lead: what it is, in a few words.
        caption: what to see in it.
    """

    number: int
    drawing: Drawing
    lead: str
    caption: Sentence


@dataclass(frozen=True)
class Chapter:
    """The answers to one question.

    Attributes:
        id: of its heading.
        heading: its heading.
        lead: sentences below that.
        strips: pictures side by side.
        tables: the numbers.
        figures: the drawings.
    """

    id: str
    heading: str
    lead: tuple[Sentence, ...]
    strips: tuple[CardStrip, ...]
    tables: tuple[TableOnPage, ...]
    figures: tuple[Numbered, ...]


@dataclass(frozen=True)
class Section:
    """All about one study.

    Attributes:
        number: its place on the page, from 1.
        name: what its network is called.
        about: the data and settings.
        findings: the summary.
        chapters: a part for each question that has something to show.
        facts: settings and versions, as pairs of a word and a value.
        beside: drawings that are not on the page, only in the folder beside it.
    """

    number: int
    name: str
    about: tuple[Sentence, ...]
    findings: tuple[Sentence, ...]
    chapters: tuple[Chapter, ...]
    facts: tuple[tuple[str, Sentence], ...]
    beside: tuple[Drawing, ...]

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """All drawings: those on the page in the order of their numbers, and then the others."""
        return (*(figure.drawing for chapter in self.chapters for figure in chapter.figures), *self.beside)


@dataclass(frozen=True)
class Page:
    """The whole page.

    Attributes:
        title: its heading.
        sections: one for each study.
        overview: a row for each study; None for a single one.
        words: terms that are used, with what they mean.
        colours: every colour that the page uses.
    """

    title: str
    sections: tuple[Section, ...]
    overview: TableOnPage | None
    words: tuple[tuple[str, str], ...]
    colours: tuple[Colour, ...]


def make_page(studies: Sequence[Study], title: str | None) -> Page:
    """Put the page together."""
    shown = [harmless((shown_study(study), *study.shown())) for study in studies]
    sections = tuple(_section(each, number) for number, each in enumerate(shown, start=1))
    if title is None:
        n = len(studies)
        title = f"What {sections[0].name if n == 1 else f'{number_word(n)} networks'} cannot see"
    overview = lay_out(_overview(shown)) if len(studies) > 1 else None
    tables = [table for section in sections for chapter in section.chapters for table in chapter.tables]
    used = [INK, MUTED, GRID, PAPER, AFTER]
    used += [colour for table in [*tables, *([overview] if overview else [])] for colour in table.colours]
    used += [colour for section in sections for drawing in section.drawings for colour in drawing.colours]
    return Page(title, sections, overview, _words(shown), tuple({colour.name: colour for colour in used}.values()))


def _section(shown: Sequence[Shown], number: int) -> Section:
    about, *questions = shown
    taken: set[str] = set()

    def key(wanted: str) -> str:
        """Of a drawing; two questions of one kind may ask for the same."""
        own, k = f"network{number}-{wanted}", 1
        while own in taken:
            k += 1
            own = f"network{number}-{wanted}-{k}"
        taken.add(own)
        return own

    chapters: list[Chapter] = []
    beside: list[Drawing] = []
    n_figures = 0
    # What the eye sees at once stands first.
    for each in sorted(questions, key=lambda each: not each.galleries):
        if each.galleries or each.tables or each.figures:
            figures = tuple(
                Numbered(k, draw_figure(one.figure, key(one.key)), one.lead, one.caption)
                for k, one in enumerate(each.figures, start=n_figures + 1)
            )
            n_figures += len(figures)
            chapters.append(_chapter(each, f"network{number}-{len(chapters) + 1}", figures))
            beside += [draw_gallery(gallery, key(gallery.key)) for gallery in each.galleries]
    return Section(
        number=number,
        name=about.heading,
        about=about.lead,
        findings=tuple(finding for each in (*questions, about) for finding in each.findings),
        chapters=tuple(chapters),
        facts=tuple(fact for each in shown for fact in each.facts),
        beside=tuple(beside),
    )


def _chapter(shown: Shown, identity: str, figures: tuple[Numbered, ...]) -> Chapter:
    return Chapter(
        id=identity,
        heading=shown.heading,
        lead=shown.lead,
        strips=tuple(strip for gallery in shown.galleries for strip in card_strips(gallery)),
        tables=tuple(lay_out(table) for table in shown.tables),
        figures=figures,
    )


def _overview(shown: Sequence[Sequence[Shown]]) -> ShownTable:
    """A row for each study, with the columns that any of them has."""
    glances = [{glance.column: glance.cell for each in study for glance in each.glances} for study in shown]
    columns = tuple(dict.fromkeys(head for of_study in glances for head in of_study))
    bars = {head for of_study in glances for head, cell in of_study.items() if isinstance(cell, Bar)}

    def blank(head: Column) -> Sentence | Bar:
        return Bar(()) if head in bars else (Part(NONE),)

    rows = tuple(
        Row((Part(about.heading),), tuple(of_study.get(head, blank(head)) for head in columns))
        for (about, *_), of_study in zip(shown, glances, strict=True)
    )
    return ShownTable((column("Network", words=True), *columns), rows)


def _words(shown: Iterable[Iterable[Shown]]) -> tuple[tuple[str, str], ...]:
    return tuple(dict.fromkeys(word for study in shown for each in study for word in each.words))
