"""All that a page shows of the answers to one question."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.study.shown.curves import Curves
from unrelu.study.shown.gallery import Gallery
from unrelu.study.shown.parts import Sentence
from unrelu.study.shown.picture_grid import PictureGrid
from unrelu.study.shown.profile import Profile
from unrelu.study.shown.shares import Shares
from unrelu.study.shown.shown_table import Cell, Column, ShownTable
from unrelu.study.shown.stacked_histogram import StackedHistogram
from unrelu.study.shown.tradeoff import Tradeoff

Figure = StackedHistogram | Shares | Curves | Profile | Tradeoff | PictureGrid
"""A figure as data."""


@dataclass(frozen=True, eq=False)
class Captioned:
    """A figure with its caption.

    Attributes:
        key: what to call its file, in letters, digits and dashes; no two figures of a study have the same.
        figure: what to draw.
        lead: what it is, in a few words.
        caption: what to see in it.
    """

    key: str
    figure: Figure
    lead: str
    caption: Sentence


@dataclass(frozen=True)
class Glance:
    """What one column of the table that compares studies says of one of them.

    Attributes:
        column: its head.
        cell: what it says.
    """

    column: Column
    cell: Cell


@dataclass(frozen=True, eq=False)
class Shown:
    """The answers to one question, as data that any page can show.

    Attributes:
        heading: of its part of the page.
        findings: what was found, a sentence each, the most telling first; they stand in the summary.
        lead: sentences below the heading.
        galleries: pictures side by side.
        tables: the numbers.
        figures: with captions; they are numbered on the page.
        glances: columns of the table that compares studies.
        facts: settings and versions, as pairs of a word and a value.
        words: terms that are used, with what they mean.
    """

    heading: str
    findings: tuple[Sentence, ...] = ()
    lead: tuple[Sentence, ...] = ()
    galleries: tuple[Gallery, ...] = ()
    tables: tuple[ShownTable, ...] = ()
    figures: tuple[Captioned, ...] = ()
    glances: tuple[Glance, ...] = ()
    facts: tuple[tuple[str, Sentence], ...] = ()
    words: tuple[tuple[str, str], ...] = ()
