"""Tables as the page lays them out: heads of one or two lines, cells that span others, bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from unrelu.report.palette import Colour, colour_of
from unrelu.study.shown.parts import Sentence
from unrelu.study.shown.shown_table import Bar, Column, Row, ShownTable


@dataclass(frozen=True)
class HeadCell:
    """A cell of the head.

    Attributes:
        lines: its words, line by line.
        width: how many columns it is for.
        height: how many rows it takes.
        scope: "col", or "colgroup" for what several columns have in common.
        css: its class.
    """

    lines: tuple[str, ...]
    width: int
    height: int
    scope: str
    css: str


@dataclass(frozen=True)
class LaidPiece:
    """A piece of a bar.

    Attributes:
        colour: its CSS variable.
        start: where it begins, in percent.
        width: how long it is, in percent.
    """

    colour: str
    start: float
    width: float


@dataclass(frozen=True)
class BodyCell:
    """A cell.

    Attributes:
        parts: what it says.
        pieces: of the bar that it shows instead; None where it shows none.
        css: its class.
    """

    parts: Sentence
    pieces: tuple[LaidPiece, ...] | None
    css: str


@dataclass(frozen=True)
class BodyRow:
    """A row.

    Attributes:
        head: what it is about; empty where that stands in a row above.
        height: how many rows that is for.
        cells: the other columns.
        reason: what stands in the place of those that are left out.
        width: how many those are.
    """

    head: Sentence
    height: int
    cells: tuple[BodyCell, ...]
    reason: str
    width: int


@dataclass(frozen=True)
class TableOnPage:
    """A table.

    Attributes:
        head: rows of its head.
        rows: the others.
        key: what the colours of bars stand for, each with its CSS variable.
        notes: what to know about the numbers.
        colours: those of its bars.
    """

    head: tuple[tuple[HeadCell, ...], ...]
    rows: tuple[BodyRow, ...]
    key: tuple[tuple[str, str], ...]
    notes: tuple[Sentence, ...]
    colours: tuple[Colour, ...]


def lay_out(table: ShownTable) -> TableOnPage:
    """A table as the page lays it out."""
    bars = [cell for row in table.rows for cell in row.cells if isinstance(cell, Bar)]
    pieces = {piece.label: colour_of(piece.colour) for bar in bars for piece in bar.pieces}
    return TableOnPage(
        _head(table.columns),
        _rows(table),
        tuple((label, colour.name) for label, colour in pieces.items()),
        table.notes,
        tuple(pieces.values()),
    )


def _head(columns: Sequence[Column]) -> tuple[tuple[HeadCell, ...], ...]:
    height = 2 if any(each.group for each in columns) else 1
    first: list[HeadCell] = []
    second: list[HeadCell] = []
    for group, members in groupby(columns, key=lambda each: each.group):
        cells = [HeadCell(each.lines, 1, 1 if group else height, "col", "name" * each.words) for each in members]
        if group:
            first.append(HeadCell((group,), len(cells), 1, "colgroup", "group"))
        (second if group else first).extend(cells)
    return (tuple(first), tuple(second)) if second else (tuple(first),)


def _rows(table: ShownTable) -> tuple[BodyRow, ...]:
    rows: list[BodyRow] = []
    for place, row in enumerate(table.rows):
        height = 1
        while place + height < len(table.rows) and table.rows[place + height].head is None:
            height += 1
        rows.append(_row(row, height, table.columns[1:]))
    return tuple(rows)


def _row(row: Row, height: int, columns: Sequence[Column]) -> BodyRow:
    cells: list[BodyCell] = []
    for place, cell in enumerate(row.cells):
        if isinstance(cell, Bar):
            cells.append(BodyCell((), _pieces(cell), "share"))
        else:
            css = "" if not columns[place].words else "reason" if place == len(columns) - 1 else "name"
            cells.append(BodyCell(cell, None, css))
    return BodyRow(row.head or (), height, tuple(cells), row.reason, len(columns) - len(cells))


def _pieces(bar: Bar) -> tuple[LaidPiece, ...]:
    pieces, start = [], 0.0
    for piece in bar.pieces:
        if piece.share:
            pieces.append(LaidPiece(colour_of(piece.colour).name, round(start, 3), round(100 * piece.share, 3)))
            start += 100 * piece.share
    return tuple(pieces)
