"""What is shown of spectra: directions that each layer forgets, and how unequally it sees the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrelu.study.questions.figures_of_spectra import figures_of_spectra
from unrelu.study.questions.showing import layer_name
from unrelu.study.shown.numbers import NONE, real
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.records import fact, of_layer
from unrelu.study.shown.shown import Glance, Shown
from unrelu.study.shown.shown_table import Row, ShownTable, column

if TYPE_CHECKING:
    from unrelu.study.study import Study

_COUNTS = ("output_size", "rank_without_relu", "rank_with_relu", "invariant_with_relu")
_REALS = tuple(
    f"{what}_{when}_relu" for what in ("largest", "smallest_nonzero", "condition") for when in ("without", "with")
)


def shown_spectra(study: Study) -> Shown:
    """Singular values, ranks and condition numbers of the network from its input through each layer."""
    heading = "From the input through each layer"
    layers = study["layers"].to_pylist()
    spectral = [row for row, layer in enumerate(layers) if layer["n_spectra"]]
    if not spectral:
        return Shown(heading, glances=(_glance((Part(NONE),)),))
    return Shown(
        heading=heading,
        findings=_findings(study, spectral, layers),
        tables=(_table(study, layers),),
        figures=figures_of_spectra(study, layers, spectral),
        glances=(
            _glance(
                sentence(
                    "{k} of {d}",
                    k=of_layer(study, spectral[-1], "invariant_with_relu"),
                    d=fact(study, "input_size"),
                )
            ),
        ),
        words=_WORDS,
    )


def _glance(cell: Sentence) -> Glance:
    return Glance(column("Forgotten at", "the last ReLU"), cell)


def _findings(study: Study, rows: list[int], layers: list[dict[str, Any]]) -> tuple[Sentence, ...]:
    """How many directions of the input are ignored, and how unequal the rest is."""
    first, last = rows[0], rows[-1]
    sentences = [
        sentence(
            "At a typical input (median of {n}), layer {layer} forgets {k} of {d} directions: a small step along them "
            "changes none of its features.",
            n=of_layer(study, first, "n_spectra"),
            layer=layer_name(study, first),
            k=of_layer(study, first, "invariant_with_relu"),
            d=fact(study, "input_size"),
        )
    ]
    if last != first:
        sentences.append(
            sentence(
                "After the last ReLU layer, {layer}, {k} are forgotten.",
                layer=layer_name(study, last),
                k=of_layer(study, last, "invariant_with_relu"),
            )
        )
    if layers[last]["condition_with_relu"] is not None:
        sentences.append(
            sentence(
                "Of the directions that {layer} still sees, the faintest changes its features {k} times less than the "
                "strongest (condition number, median).",
                layer=layer_name(study, last),
                k=of_layer(study, last, "condition_with_relu", real),
            )
        )
    return tuple(sentences)


def _table(study: Study, layers: list[dict[str, Any]]) -> ShownTable:
    """Rank, forgotten directions, condition and smallest value, a row per layer."""
    rows = []
    for row, layer in enumerate(layers):
        head = (layer_name(study, row),)
        if layer["spectra_left_out"] is not None:
            rows.append(Row(head, ((of_layer(study, row, "output_size"),),), reason=layer["spectra_left_out"]))
            continue
        cells = (
            *((of_layer(study, row, name),) for name in _COUNTS),
            *((of_layer(study, row, name, real),) for name in _REALS),
        )
        rows.append(Row(head, cells))
    pair = ("before", "with ReLU")
    return ShownTable(
        columns=(
            column("Layer", words=True),
            column("Output", "size"),
            *(column(when, group="Rank") for when in pair),
            column("Directions", "forgotten"),
            *(
                column(when, group=group)
                for group in ("Largest singular value", "Smallest non-zero", "Condition number")
                for when in pair
            ),
        ),
        rows=tuple(rows),
        notes=(
            (
                Part(
                    "Medians over the inputs with spectra. Ranks are numerical: singular values above the tolerance of "
                    "the computation; no proof is claimed for them."
                ),
            ),
        ),
    )


_WORDS = (
    (
        "Singular values",
        "How strongly a layer answers to small changes of the input, direction by direction. Zero: not at all.",
    ),
    (
        "Condition number",
        "The largest singular value divided by the smallest that is not zero: how much a disturbance of the features "
        "can grow when the input is recovered from them.",
    ),
)
