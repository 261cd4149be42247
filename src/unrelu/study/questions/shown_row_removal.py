"""What is shown of the removal of rows by a ReLU: Lemmas 8 and 9 beside the true singular values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrelu.study.questions.showing import layer_name
from unrelu.study.shown.numbers import NONE, real
from unrelu.study.shown.parts import Part
from unrelu.study.shown.records import record
from unrelu.study.shown.shown import Shown
from unrelu.study.shown.shown_table import Row, ShownTable, column

if TYPE_CHECKING:
    from unrelu.study.study import Study

_COUNTS = ("input", "n_outputs", "n_removed")
_REALS = (
    "largest",
    "largest_before",
    "smallest_nonzero",
    "interlacing",
    "interlacing_by_rank",
    "correlation_nonzero_over_span",
)
_OF_CORRELATION = ("smallest", "correlation_over_span", "correlation_along", "correlation")


def shown_row_removal(study: Study) -> Shown:
    """What the lemmas allow beside what is, a row per layer and input; layers left out with their reason."""
    heading = "What theory allows when a layer's ReLU removes rows"
    found = study["row_removal"].to_pylist()
    if not found:
        return Shown(heading)
    rows = [_row(study, row, each) for row, each in enumerate(found)]
    rows += [
        Row((layer_name(study, row),), (), reason=layer["row_removal_left_out"])
        for row, layer in enumerate(study["layers"].to_pylist())
        if layer["row_removal_left_out"] is not None
    ]
    largest, least, last = "Largest singular value", "Smallest non-zero", "Smallest, where rows suffice"
    return Shown(
        heading,
        tables=(
            ShownTable(
                columns=(
                    column("Layer", words=True),
                    column("Input"),
                    *(column(what, group="Rows") for what in ("all", "removed")),
                    *(column(what, group=largest) for what in ("true", "at most")),
                    *(column(what, group=least) for what in ("true", "interlacing", "by rank")),
                    column("removed", "rows", group=least),
                    column("true", group=last),
                    column("removed", "rows", group=last),
                    column("one", "row", group=last),
                    column("weak", "correlation", group=last),
                ),
                rows=tuple(rows),
                notes=((Part(_NOTE),),),
            ),
        ),
    )


def _row(study: Study, row: int, each: dict[str, Any]) -> Row:
    applies = each["correlation_applies"]
    return Row(
        (record(study, "row_removal", row, "layer", str),),
        (
            *((record(study, "row_removal", row, name),) for name in _COUNTS),
            *((record(study, "row_removal", row, name, real),) for name in _REALS),
            *((record(study, "row_removal", row, name, real) if applies else Part(NONE),) for name in _OF_CORRELATION),
        ),
    )


_NOTE = (
    "The weight of each layer by itself, with the rows that its ReLU removes at an input set to zero. Every bound is "
    "from above, computed, not proved. Interlacing knows only how many rows are removed, “by rank” also the rank that "
    "is left. “Weak correlation” is the bound by how little a single removed row agrees with the others, “one row” and "
    "“removed rows” its sharper forms; a dash stands where a bound says nothing."
)
