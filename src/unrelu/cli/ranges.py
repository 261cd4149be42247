"""Ranges of inputs from a file, for every command that asks in a domain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.polyhedra.domains import Box

HELP = "a .csv file with the range of each input, a row an input: name, lower end, upper end (or no name)"


@dataclass(frozen=True, eq=False)
class Ranges:
    """What a file says of inputs.

    Attributes:
        box: between the ends.
        names: of the inputs, "x0" and so on where the file has none.
    """

    box: Box
    names: tuple[str, ...]


def read_ranges(path: Path, d: int) -> Ranges:
    """Read the ranges of d inputs, one a row, in C order.

    Args:
        path: of a `.csv` file.
        d: how many inputs there are.

    Raises:
        DataError: if it is no table of two numbers for each of them.
    """
    from unrelu.errors import DataError
    from unrelu.polyhedra.domains import Box
    from unrelu.study.number_table import read_table

    table = read_table(path)
    if table.values.shape != (d, 2):
        n, k = table.values.shape
        raise DataError(
            f"{printable(str(path))} has {n} rows of {k} numbers, but the network takes {d} inputs; write the lower "
            "and the upper end of each, a row an input."
        )
    names = table.rows or tuple(f"x{j}" for j in range(d))
    return Ranges(Box(table.values[:, 0], table.values[:, 1]), names)


def read_domain(option: str, ends: tuple[float, float] | None, ranges: Path | None, d: int) -> Box | None:
    """What an option with two ends, or the file in its place, says; None where neither is given.

    Args:
        option: what it is called.
        ends: of all inputs.
        ranges: of each input.
        d: how many inputs there are.

    Raises:
        BadParameter: if both are given.
        DataError: if the file is no table of two numbers for each input.
    """
    from unrelu.polyhedra.domains import Box

    if ranges is None:
        return None if ends is None else Box(*ends)
    if ends is not None:
        raise typer.BadParameter(f"{option} LOW HIGH is for all inputs, RANGES for each; give one of them.")
    return read_ranges(ranges, d).box
