"""A table, as data."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.study.shown.colours import Role
from unrelu.study.shown.parts import Sentence


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        lines: its words, line by line.
        group: what it has in common with its neighbours; "" for a column by itself.
        words: whether it holds words and not numbers.
    """

    lines: tuple[str, ...]
    group: str = ""
    words: bool = False


@dataclass(frozen=True)
class Piece:
    """A piece of a bar.

    Attributes:
        label: what it stands for.
        colour: of it.
        share: of the whole, 0 to 1.
    """

    label: str
    colour: Role
    share: float


@dataclass(frozen=True)
class Bar:
    """Shares of a whole, drawn as one bar in a cell; below the table stands what its colours stand for.

    Attributes:
        pieces: from the left.
    """

    pieces: tuple[Piece, ...]


Cell = Sentence | Bar


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        head: what the row is about; None where it is what the row above is about.
        cells: the columns after it.
        reason: what stands in the place of the cells that are left out; "" where there are all.
    """

    head: Sentence | None
    cells: tuple[Cell, ...]
    reason: str = ""


@dataclass(frozen=True)
class ShownTable:
    """A table.

    Attributes:
        columns: heads of all columns, that of the rows' heads first.
        rows: the rows.
        notes: what to know about the numbers, a sentence each.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Sentence, ...] = ()


def column(*lines: str, group: str = "", words: bool = False) -> Column:
    """The head of a column.

    >>> column("Output", "size")
    Column(lines=('Output', 'size'), group='', words=False)
    """
    return Column(lines, group, words)
