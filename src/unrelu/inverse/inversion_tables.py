"""Answers of inversions as tables on disk."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unrelu.inverse.inversion import Inversion
    from unrelu.inverse.solution import Solution


@dataclass(frozen=True)
class InversionTables:
    """Two `.csv` files that grow with each target: what is proved of it, and its solutions.

    Numbers are written so that reading them gives the same floats; what is open is left empty.

    Attributes:
        targets: the file with a row a target.
        solutions: the file with a row a solution: for each input x the columns x, its centre, and "x lower" and
            "x upper", the ends of the box that holds all of the solution.
    """

    targets: Path
    solutions: Path

    @classmethod
    def begin(cls, folder: Path, names: Sequence[str]) -> InversionTables:
        """Write the names of the columns.

        Args:
            folder: where it lies; files of the same names are replaced.
            names: of the inputs.
        """
        made = cls(folder / "targets.csv", folder / "solutions.csv")
        targets = ["target", "solutions", "complete", "unique", "resolution", "settled", "left", "seconds", "stopped"]
        proved = ["flat", "holds", "exact", "least noise", "most noise", "at most one"]
        inputs = [f"{name}{end}" for end in ("", " lower", " upper") for name in names]
        write_row(made.targets, targets, "w")
        write_row(made.solutions, ["target", *inputs, *proved, "least dimension", "most dimension", "condition"], "w")
        return made

    def add(self, target: str, found: Inversion) -> None:
        """Write what is known of one target.

        Args:
            target: what to call it.
            found: the answer.
        """
        row = [len(found.solutions), word(found.complete), word(found.unique), float(found.resolution.max())]
        row += [found.settled, len(found.left[0]), found.seconds, found.stopped]
        for each in found.solutions:
            write_row(self.solutions, [target, *_row(each)], "a")
        write_row(self.targets, [target, *row], "a")


def _row(each: Solution) -> list[object]:
    ends = [*each.center.tolist(), *each.lower.tolist(), *each.upper.tolist()]
    proved = [word(each.is_flat), word(each.holds), word(each.exact), *map(float, each.noise)]
    return [
        *ends,
        *proved,
        word(each.at_most_one),
        each.dimension.lower,
        each.dimension.upper,
        each.condition,
    ]


def word(fact: bool | None) -> str:
    """Whether something is so, in a table; what is open is left empty."""
    return "" if fact is None else "yes" if fact else "no"


def write_row(path: Path, row: Sequence[object], mode: str) -> None:
    """Write a row of a table.

    Args:
        path: of the file.
        row: what stands in it.
        mode: "w" to begin the file, "a" to go on.
    """
    with path.open(mode, newline="", encoding="utf-8") as stream:
        csv.writer(stream, lineterminator="\n").writerow(row)
