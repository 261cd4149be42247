"""Reading a table of numbers: a `.csv` file."""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unrelu.errors import DataError
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import read_regular

LONGEST = 2**26
"""Bytes (64 MiB) that a file may have; who has more numbers saves them as an array."""


@dataclass(frozen=True, eq=False)
class NumberTable:
    """A table of numbers, as read from a file.

    Attributes:
        values: (n, k) float64, none of them NaN, n and k at least 1; each is the float nearest to what is written.
        columns: k names, from a first line that holds some; empty if there is none.
        rows: n names, from a first column that holds some; empty if there is none.
    """

    values: np.ndarray
    columns: tuple[str, ...]
    rows: tuple[str, ...]


def read_table(path: str | os.PathLike[str]) -> NumberTable:
    """Read a table of numbers, separated by commas, a line a row; names of rows and columns may stand beside them.

    Args:
        path: of the file, in UTF-8.

    Raises:
        DataError: if the file is missing, no such table, or longer than `LONGEST`; the message names the place.
    """
    where = printable(str(Path(path)))
    try:
        text = read_regular(path, LONGEST).decode("utf-8-sig")
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if any(map(str.strip, line))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        said = printable(error.strerror or str(error) if isinstance(error, OSError) else str(error))
        raise DataError(f"{where} cannot be read ({said}); write a table of numbers separated by commas.") from error
    cells = [[cell.strip() for cell in line] for line in lines]
    names = cells.pop(0) if cells and not any(_is_number(cell) for cell in cells[0]) else []
    if not cells:
        raise DataError(f"{where} holds no numbers; write a line of them a row, separated by commas.")
    width = len(cells[0])
    every = [names, *cells] if names else cells
    for k, line in enumerate(every, start=1):
        if len(line) != width:
            raise DataError(f"{where} has {len(line)} cells in row {k}, but {width} in others; write as many in each.")
    named = width > 1 and not any(_is_number(line[0]) for line in cells)
    values = np.array([[_number(cell, where, line) for cell in line[named:]] for line in cells])
    return NumberTable(values, tuple(names[named:]), tuple(line[0] for line in cells) if named else ())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # as in 1_000, which is Python and no number elsewhere


def _number(cell: str, where: str, line: list[str]) -> float:
    if not _is_number(cell) or math.isnan(float(cell)):
        raise DataError(
            f"{where} has '{printable(cell, 40)}' where a number is expected, in the row that begins with "
            f"'{printable(line[0], 40)}'; write numbers with a point, separated by commas."
        )
    return float(cell)
