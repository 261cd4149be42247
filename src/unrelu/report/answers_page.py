"""What the page of an inverse problem shows, put together from its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.inverse.consistent_ranges import ConsistentRanges
from unrelu.inverse.consistent_set import ConsistentSet
from unrelu.inverse.inversion import Inversion
from unrelu.inverse.sampler_seen import CENTRAL
from unrelu.inverse.words import DIGITS, lower_end, told_of_ranges, told_of_solution, told_of_solutions, upper_end
from unrelu.report.figures import Drawing
from unrelu.report.figures_answers import draw_answer
from unrelu.report.palette import AFTER, GRID, INK, MUTED, PAPER, Colour
from unrelu.study.shown.numbers import NONE, count, real, rough
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.inverse.answer import Answer

MOST_DRAWN = 20
"""Answers with a picture; the tables of all others are on the page too."""

MOST_ROWS = 100
"""Solutions, or parts, in a table."""


@dataclass(frozen=True)
class AnswerTable:
    """A table of an answer.

    Attributes:
        head: names of the columns, the first that of the rows.
        rows: cells.
        more: how many rows are left out.
        note: what the numbers are.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int
    note: str


@dataclass(frozen=True)
class ShownAnswer:
    """One target on the page.

    Attributes:
        title: what it is called.
        headline: what is known, in one sentence.
        findings: more of it, a sentence each.
        tables: the numbers.
        drawing: the picture, if there is one.
        caption: what to see in it.
        large: whether the picture has several parts.
        facts: what was asked, as pairs of a word and a value.
    """

    title: str
    headline: str
    findings: tuple[str, ...]
    tables: tuple[AnswerTable, ...]
    drawing: Drawing | None
    caption: str
    large: bool
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AnswersPage:
    """The page.

    Attributes:
        title: its heading.
        answers: a section each.
        undrawn: how many have no picture for want of room.
        files: whether tables and certificates lie beside it.
        colours: every colour that the page uses.
    """

    title: str
    answers: tuple[ShownAnswer, ...]
    undrawn: int
    files: bool
    colours: tuple[Colour, ...]


def make_answers_page(answers: Sequence[Answer], title: str | None, *, files: bool) -> AnswersPage:
    """Put the page together.

    Args:
        answers: to show.
        title: its heading, or None for one of its own.
        files: whether tables and certificates lie beside it.
    """
    shown = tuple(_shown(each, number, files=files) for number, each in enumerate(answers))
    n = len(answers)
    if title is None:
        asked = "the measured numbers" if n == 1 else f"{count(n)} measurements"
        title = f"Every input that gives {asked}"
    used = [INK, MUTED, GRID, PAPER, AFTER]
    for each in shown:
        used += [colour for colour in (each.drawing.colours if each.drawing else ()) if colour not in used]
    return AnswersPage(title, shown, max(0, n - MOST_DRAWN), files, tuple(used))


def _shown(answer: Answer, number: int, *, files: bool) -> ShownAnswer:
    found = answer.found
    drawing = draw_answer(answer, f"answer{number + 1}") if number < MOST_DRAWN else None
    names = tuple(printable(name, 40) for name in answer.names)
    title = printable(answer.title) or f"Target {number + 1}"
    if isinstance(found, Inversion):
        headline = told_of_solutions(found)
        tables: tuple[AnswerTable, ...] = (_solutions(answer, found, names, files),) if found.solutions else ()
    else:
        assert answer.ranges is not None
        headline = told_of_ranges(answer.ranges)
        if headline.endswith("lie in"):
            headline += " the ranges below"
        elif headline.startswith("every"):
            parts = len(answer.parts)
            headline = f"{headline} the ranges below; at least {parts} part{'s' * (parts != 1)}, proved"
        tables = _of_set(answer, found, answer.ranges, names, files)
    headline = headline[0].upper() + headline[1:] + "."
    return ShownAnswer(
        title, headline, _findings(answer), tables, drawing, _caption(answer), len(answer.shown) > 2, _facts(answer)
    )


def _number(value: float) -> str:
    return real(value, DIGITS)


def _within(low: float, high: float) -> str:
    """Proved ends, rounded outward."""
    return f"{_number(lower_end(low))} to {_number(upper_end(high))}"


def _solutions(answer: Answer, found: Inversion, names: tuple[str, ...], files: bool) -> AnswerTable:
    seen = () if answer.seen is None else ("points of the sampler",)
    rows = []
    for k, each in enumerate(found.solutions[:MOST_ROWS]):
        if each.is_flat:
            where = [_within(low, high) for low, high in zip(each.lower, each.upper, strict=True)]
        else:
            where = [f"{_number(x)} ± {rough(r)}" for x, r in zip(each.center, each.radius, strict=True)]
        points = () if answer.seen is None else (count(int(answer.seen.n_points[k])),)
        rows.append((str(k + 1), *where, *points, told_of_solution(each)))
    return AnswerTable(
        ("", *names, *seen, "what is proved"),
        tuple(rows),
        max(0, len(found.solutions) - MOST_ROWS),
        "Each solution lies within the distances of its exact place that are shown, proved; that place is rounded here"
        + (", and whole in solutions.csv." if files else "."),
    )


def _of_set(
    answer: Answer, found: ConsistentSet, ranges: ConsistentRanges, names: tuple[str, ...], files: bool
) -> tuple[AnswerTable, ...]:
    if ranges.empty:
        return ()
    seen = answer.seen
    head = ("", "no smaller", "attained from", "to", "no larger", "open")
    rows = []
    for k, name in enumerate(names):
        (low, high), (first, last) = ranges.outer[k], ranges.inner[k]
        row = (
            name,
            _number(lower_end(low)),
            _number(first),
            _number(last),
            _number(upper_end(high)),
            f"{100 * ranges.gap[k]:.2g} %",
        )
        if seen is not None:
            a, b = seen.interval[k]
            width = last - first
            kept = max(0.0, min(b, last) - max(a, first)) / width if width > 0 else np.nan
            row += (f"{_number(a)} to {_number(b)}", NONE if np.isnan(kept) else f"{100 * (1 - kept):.2g} %")
        rows.append(row)
    if seen is not None:
        head += (f"{100 * CENTRAL:g} % of the sampler", "short by")
    note = (
        "Between “no smaller” and “no larger” lies every consistent input, proved; both ends of “attained” belong to "
        "consistent ones."
    ) + (" All digits are in ranges.csv." if files else "")
    if seen is not None:
        note += " “Short by”: the share of the attained range outside of what holds 99 % of the sampler's points."
    tables = [AnswerTable(head, tuple(rows), 0, note)]
    parts = answer.parts
    if len(parts) > 1:
        points = [] if seen is None else seen.n_points.tolist()
        rows = [
            (
                str(k + 1),
                *(_within(low, high) for low, high in part),
                *((count(points[k]),) if seen is not None else ()),
            )
            for k, part in enumerate(parts[:MOST_ROWS])
        ]
        more = () if seen is None else ("points of the sampler",)
        note = "Parts that are not connected, each with a consistent input in it, proved, and what holds all of it."
        tables.append(AnswerTable(("part", *names, *more), tuple(rows), max(0, len(parts) - MOST_ROWS), note))
    return tuple(tables)


def _findings(answer: Answer) -> tuple[str, ...]:
    seen = answer.seen
    if seen is None:
        return ()
    n, p = seen.at.shape
    what = "solution" if isinstance(answer.found, Inversion) else "part"
    near = "within 5 % of the domain of" if what == "solution" else "in"
    close = int(seen.at.any(axis=1).sum())
    known = f"{int(seen.seen.sum())} of the {p} known {what}{'s' * (p != 1)}"
    said = [f"{count(close)} of the {count(n)} points of the sampler are {near} {known}."]
    if what == "part":
        n_fit = int(seen.consistent.sum())
        said.append(f"{count(n_fit)} of them ({100 * n_fit / n:.3g} %) are consistent, each by its exact output.")
    return tuple(said)


def _caption(answer: Answer) -> str:
    left_out = len([1 for k in range(len(answer.names)) if k not in answer.shown])
    others = f" The other {left_out} inputs may be anything that fits." if left_out > 1 else ""
    others = " The other input may be anything that fits." if left_out == 1 else others
    if isinstance(answer.found, Inversion):
        return "Every solution in the domain." + (" The other inputs are not drawn." if left_out else "")
    return "Which values of each pair of unknowns are consistent with the measured numbers." + others


def _facts(answer: Answer) -> tuple[tuple[str, str], ...]:
    statement = answer.found.statement
    y, rho = statement.features.numpy(), statement.resolution.numpy()
    measured = ", ".join(f"{_number(value)} ± {rough(off)}" for value, off in zip(y[:20], rho[:20], strict=True))
    box = ", ".join(
        f"{printable(name, 40)} from {_number(low)} to {_number(high)}"
        for name, low, high in zip(answer.names, statement.lower.tolist(), statement.upper.tolist(), strict=True)
    )
    return (
        ("measured", measured + (", …" if len(y) > 20 else "")),
        ("looked for in", box),
        ("seconds", rough(answer.found.seconds if isinstance(answer.found, Inversion) else _seconds(answer))),
    )


def _seconds(answer: Answer) -> float:
    return 0.0 if answer.ranges is None else answer.ranges.seconds
