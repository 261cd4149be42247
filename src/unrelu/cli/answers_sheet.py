"""The page that `unrelu invert --out` writes, which grows with each target."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from unrelu.inverse.answer import Answer
    from unrelu.inverse.consistent_ranges import ConsistentRanges
    from unrelu.inverse.consistent_set import ConsistentSet
    from unrelu.inverse.inversion import Inversion
    from unrelu.polyhedra.domains import Box
    from unrelu.progress import Progress

NAME = "solutions.html"


@dataclass(frozen=True, eq=False)
class AnswersSheet:
    """What is shown of all targets so far.

    Attributes:
        path: of the page.
        names: of the inputs.
        shown: which of them are in the picture; None for the first four that are not fixed.
        points: (n, d) that another method has found, or None.
        answers: of the targets, in their order.
    """

    path: Path
    names: tuple[str, ...]
    shown: Sequence[int] | None
    points: np.ndarray | None
    answers: list[Answer] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        folder: Path,
        names: tuple[str, ...],
        *,
        shown: Sequence[int] | None,
        samples: Path | None,
        n_targets: int,
        box: Box,
    ) -> AnswersSheet:
        """Check all that the page needs, before anything is computed.

        Raises:
            MissingExtra: if matplotlib or jinja2 are not installed.
            DataError: if the points are no table with a number for each input.
            InputError: if inputs that are shown do not exist, are fixed, or are too many.
        """
        from unrelu.errors import DataError, InputError, MissingExtra
        from unrelu.inverse.answer import checked_shown
        from unrelu.report.requirements import check_requirements
        from unrelu.study.folders import writable_folder
        from unrelu.study.number_table import read_table

        try:
            check_requirements()
        except MissingExtra as error:
            raise MissingExtra(f"{error} (or leave the page out by --no-page)") from error
        d = len(names)
        if shown is not None:
            checked_shown(shown, box, d)
        points = None
        if samples is not None:
            table = read_table(samples)
            points = table.values
            if table.columns and set(table.columns) == set(names) and points.shape[1] == d:
                points = points[:, [table.columns.index(name) for name in names]]
            elif table.columns:
                raise DataError(
                    f"{printable(str(samples))} has columns called {printable(', '.join(table.columns), 80)}, and the "
                    f"inputs are {printable(', '.join(names), 80)}; call them the same, in any order, or leave names "
                    "out."
                )
            if points.shape[1] != d:
                raise DataError(
                    f"{printable(str(samples))} has {points.shape[1]} numbers a row, but the network takes {d} inputs; "
                    "write a row a point, a number an input."
                )
            if n_targets > 1:
                raise InputError(
                    f"points of a sampler belong to one target, but there are {n_targets}; give them one at a time."
                )
        return cls(writable_folder(folder) / NAME, names, shown, points)

    def add(
        self,
        title: str,
        found: Inversion | ConsistentSet,
        *,
        ranges: ConsistentRanges | None = None,
        time_limit: float | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Take the answer to one target."""
        from unrelu.inverse.answer import LONGEST, answer

        told = answer(
            found,
            title=title,
            names=self.names,
            shown=self.shown,
            ranges=ranges,
            points=self.points,
            time_limit=LONGEST if time_limit is None else min(time_limit, LONGEST),
            progress=progress,
        )
        self.answers.append(told)

    def write(self) -> None:
        """Write the page, and say where it is."""
        from unrelu.report.write_answers import write_answers

        typer.echo(f"The page is {write_answers(self.answers, self.path, files=True).path.resolve()}")
