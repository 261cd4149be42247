"""Ranges under noise as a table on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from unrelu.inverse.inversion_tables import word, write_row

if TYPE_CHECKING:
    from unrelu.inverse.consistent_ranges import ConsistentRanges


@dataclass(frozen=True)
class RangeTable:
    """A `.csv` file with a row for each input of each target: outer ends, and inner ones between them.

    Numbers are written so that reading them gives the same floats; what is not known is left empty.

    Attributes:
        path: the file.
    """

    path: Path

    @classmethod
    def begin(cls, folder: Path) -> RangeTable:
        """Write the names of the columns.

        Args:
            folder: where `ranges.csv` lies; it is replaced.
        """
        ends = ["outer lower", "inner lower", "inner upper", "outer upper"]
        write_row(folder / "ranges.csv", ["target", "input", *ends, "reached", "consistent", "stopped"], "w")
        return cls(folder / "ranges.csv")

    def add(self, target: str, names: Sequence[str], found: ConsistentRanges) -> None:
        """Write what is known of one target.

        Args:
            target: what to call it.
            names: of the inputs.
            found: their ranges.
        """
        known = word(None if found.empty is None else not found.empty)
        for k, name in enumerate(names):
            (a, d), (b, c) = found.outer[k].tolist(), found.inner[k].tolist()
            ends = ["" if each != each else each for each in (a, b, c, d)]
            write_row(self.path, [target, name, *ends, word(bool(found.reached[k])), known, found.stopped], "a")
