"""The tables of the page: a row per layer, a row per network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unrelu.report.numbers import NONE, count, real
from unrelu.report.palette import KINDS
from unrelu.report.parts import Part, Sentence, sentence
from unrelu.report.records import fact, of_layer, record

if TYPE_CHECKING:
    from unrelu.study.study import Study


@dataclass(frozen=True)
class Bar:
    """A piece of a bar that shows shares.

    Attributes:
        kind: kind of preimage.
        start: where it begins, in percent.
        width: how long it is, in percent.
    """

    kind: str
    start: float
    width: float


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        head: what the row is about.
        cells: the other columns.
        bars: shares of the kinds of preimage; empty where there are none.
        reason: why there is nothing to show; "" where there is.
    """

    head: Part
    cells: tuple[Sentence, ...]
    bars: tuple[Bar, ...] = ()
    reason: str = ""


_OF_BOUNDS = (
    "largest",
    "largest_before",
    "smallest_nonzero",
    "interlacing",
    "interlacing_by_rank",
    "correlation_nonzero_over_span",
)
_OF_CORRELATION = ("smallest", "correlation_over_span", "correlation_along", "correlation")

PREIMAGE_COLUMNS = ("singleton", "bounded", "unbounded", "undecided")


def preimage_rows(study: Study) -> tuple[Row, ...]:
    """Verdicts: sizes, active units and counts by kind, a row per layer."""
    rows = []
    for row, layer in enumerate(study.layers.to_pylist()):
        head = of_layer(study, row, "layer", str)
        sizes = (
            (of_layer(study, row, "input_size"),),
            (of_layer(study, row, "output_size"),),
        )
        if layer["verdicts_left_out"] is not None:
            rows.append(Row(head, sizes, reason=layer["verdicts_left_out"]))
            continue
        cells = (
            *sizes,
            (of_layer(study, row, "active_min"),),
            (of_layer(study, row, "active_median"),),
            (of_layer(study, row, "active_max"),),
            *((of_layer(study, row, kind),) for kind in PREIMAGE_COLUMNS),
            _proved(study, row, layer),
            _dimension(study, row, layer),
        )
        rows.append(Row(head, cells, _bars(layer)))
    return tuple(rows)


def spectrum_rows(study: Study) -> tuple[Row, ...]:
    """Spectra: rank, forgotten directions, condition and smallest value, a row per layer."""
    rows = []
    for row, layer in enumerate(study.layers.to_pylist()):
        head = of_layer(study, row, "layer", str)
        if layer["spectra_left_out"] is not None:
            rows.append(Row(head, ((of_layer(study, row, "output_size"),),), reason=layer["spectra_left_out"]))
            continue
        counts = ("output_size", "rank_without_relu", "rank_with_relu", "invariant_with_relu")
        reals = (
            "largest_without_relu",
            "largest_with_relu",
            "smallest_nonzero_without_relu",
            "smallest_nonzero_with_relu",
            "condition_without_relu",
            "condition_with_relu",
        )
        cells = (
            *((of_layer(study, row, column),) for column in counts),
            *((of_layer(study, row, column, real),) for column in reals),
        )
        rows.append(Row(head, cells))
    return tuple(rows)


def bound_rows(study: Study) -> tuple[Row, ...]:
    """Lemmas 8 and 9: what they allow beside what is, a row per layer and input; layers left out with their reason."""
    rows = [
        Row(
            record(study, "bounds", row, "layer", str),
            (
                *((record(study, "bounds", row, column),) for column in ("input", "n_outputs", "n_removed")),
                *((record(study, "bounds", row, column, real),) for column in _OF_BOUNDS),
                *(
                    (record(study, "bounds", row, column, real) if each["correlation_applies"] else Part(NONE),)
                    for column in _OF_CORRELATION
                ),
            ),
        )
        for row, each in enumerate(study.bounds.to_pylist())
    ]
    for row, layer in enumerate(study.layers.to_pylist()):
        if layer["bounds_left_out"] is not None and study.bounds.num_rows:
            rows.append(Row(of_layer(study, row, "layer", str), (), reason=layer["bounds_left_out"]))
    return tuple(rows)


def overview_row(study: Study) -> Row:
    """A network in one row: size, labels met, and its first layer with verdicts."""
    info = study.info
    layers = study.layers.to_pylist()
    decided = next((row for row, layer in enumerate(layers) if layer["n_verdicts"]), None)
    spectral = next((row for row in reversed(range(len(layers))) if layers[row]["n_spectra"]), None)
    correct: Sentence = (Part(NONE),)
    if info.n_correct is not None:
        correct = sentence("{k} of {n}", k=fact(study, "n_correct"), n=fact(study, "n_inputs"))
    blank: Sentence = (Part(NONE),)
    active = blank
    kinds: tuple[Sentence, ...] = (blank, blank, blank)
    if decided is not None:
        active = sentence(
            "{a} to {b}", a=of_layer(study, decided, "active_min"), b=of_layer(study, decided, "active_max")
        )
        kinds = (
            (of_layer(study, decided, "finite"),),
            (of_layer(study, decided, "unbounded"),),
            _proved(study, decided, layers[decided]),
        )
    forgotten = blank
    if spectral is not None:
        forgotten = sentence(
            "{k} of {d}", k=of_layer(study, spectral, "invariant_with_relu"), d=fact(study, "input_size")
        )
    return Row(
        fact(study, "name", str),
        ((fact(study, "n_parameters"),), correct, active, *kinds, forgotten),
        () if decided is None else _bars(layers[decided]),
    )


def _proved(study: Study, row: int, layer: dict[str, Any]) -> Sentence:
    if layer["proved"] is None:
        return (Part("not checked"),)
    if layer["proved"] == layer["n_verdicts"]:
        return sentence("all {n}", n=of_layer(study, row, "proved"))
    return sentence("{k} of {n}", k=of_layer(study, row, "proved"), n=of_layer(study, row, "n_verdicts"))


def _dimension(study: Study, row: int, layer: dict[str, Any]) -> Sentence:
    low, high = layer["dimension_lower_median"], layer["dimension_upper_median"]
    if low == high:
        return (of_layer(study, row, "dimension_lower_median", count),)
    return sentence(
        "{low} to {high}",
        low=of_layer(study, row, "dimension_lower_median"),
        high=of_layer(study, row, "dimension_upper_median"),
    )


def _bars(layer: dict[str, Any]) -> tuple[Bar, ...]:
    bars, start = [], 0.0
    for kind in KINDS:
        if layer[kind]:
            width = 100 * layer[kind] / layer["n_verdicts"]
            bars.append(Bar(kind, round(start, 3), round(width, 3)))
            start += width
    return tuple(bars)
