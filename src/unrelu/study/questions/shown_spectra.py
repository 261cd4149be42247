"""What is shown of spectra: directions that each layer forgets, and how unequally it sees the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.study.curves import Quartiles, decay, over_layers
from unrelu.study.questions.showing import layer_name
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Role, Step
from unrelu.study.shown.curves import Curve, Curves
from unrelu.study.shown.numbers import NONE, count, real
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.profile import Level, Marker, Profile, Series
from unrelu.study.shown.records import fact, of_layer
from unrelu.study.shown.shown import Captioned, Figure, Glance, Shown
from unrelu.study.shown.shown_table import Row, ShownTable, column
from unrelu.study.shown.tradeoff import Points, Tradeoff

if TYPE_CHECKING:
    from unrelu.study.study import Study

_WIDE = 30.0  # sizes that differ by more than this factor are drawn on a logarithmic axis
_COUNTS = ("output_size", "rank_without_relu", "rank_with_relu", "invariant_with_relu")
_REALS = tuple(
    f"{what}_{when}_relu" for what in ("largest", "smallest_nonzero", "condition") for when in ("without", "with")
)
_STATES: tuple[tuple[bool, Role, str, Marker], ...] = (
    (False, "before", "before ReLU", "square"),
    (True, "after", "with ReLU", "circle"),
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
        figures=_figures(study, layers, spectral),
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


def _figures(study: Study, layers: list[dict[str, Any]], spectral: list[int]) -> tuple[Captioned, ...]:
    n = of_layer(study, spectral[0], "n_spectra")
    before, after = _decays(study, layers, spectral)
    drawn: tuple[tuple[str, Figure, str, Sentence], ...] = (
        (
            "decay-before",
            before,
            "Singular values before each ReLU.",
            sentence(
                "Median over {n} inputs, quartiles shaded. A steep fall means directions that the layer hardly sees; "
                "a line ends where the values are zero.",
                n=n,
            ),
        ),
        (
            "decay-with",
            after,
            "The same with the ReLU.",
            sentence(
                "The ReLU removes rows: lines that end further to the left have lost directions, lines that have sunk "
                "see them more faintly. Axes as in the figure before."
            ),
        ),
        (
            "sizes",
            _sizes(study, layers),
            "Output size and rank over the layers.",
            sentence(
                "Rank counts the directions of the input that reach a layer (median, quartiles). What lies between the "
                "rank and the dashed line is forgotten there."
            ),
        ),
        (
            "condition",
            _condition(study, layers),
            "Condition number over the layers.",
            sentence(
                "How many times more strongly a layer answers to the clearest direction than to the faintest one "
                "that it still sees (median, quartiles): the higher, the less stable its inverse."
            ),
        ),
        (
            "smallest",
            _smallest(study, layers),
            "Where the condition number comes from.",
            sentence(
                "The largest singular value says how much a layer can magnify a small change of the input, the "
                "smallest non-zero one how faintly it answers to what it does not forget (median, quartiles)."
            ),
        ),
        (
            "tradeoff",
            _tradeoff(study, layers),
            "Invariance against stability.",
            sentence(
                "Each layer before its ReLU and with it (medians): to the right, more directions "
                "are forgotten; further up, those that are kept are seen less evenly."
            ),
        ),
    )
    return tuple(Captioned(*each) for each in drawn)


def _decays(study: Study, layers: list[dict[str, Any]], spectral: list[int]) -> tuple[Curves, Curves]:
    """Singular values over their index, before and with the ReLUs (the paper's Figure 6).

    Both share their axes, so that the two figures can be compared.
    """
    names = [layers[row]["layer"] for row in spectral]
    found = {relu: [decay(study, name, relu=relu) for name in names] for relu in (False, True)}
    everything = [each for curves in found.values() for each in curves if each is not None]
    values = np.concatenate([each.median[each.median > 0] for each in everything] or [np.zeros(0)])
    bottom, top = (values.min() / 2, values.max() * 2) if values.size else (0.5, 2.0)
    longest = max((int((each.median > 0).sum()) for each in everything), default=1)

    def drawn(when: str, column: str, curves: list[Quartiles | None]) -> Curves:
        lines = [
            _line(name, Step(place, len(names)), each)
            for place, (name, each) in enumerate(zip(names, curves, strict=True))
            if each is not None
        ]
        return Curves(
            Axis("index of the singular value", "count", 0, longest * 1.03),
            Axis(f"singular value, {when} ReLU", "log", bottom, top),
            tuple(lines),
            _alt(
                f"Singular values {when} each layer's ReLU over their index, median and quartiles over inputs, on a "
                "logarithmic scale. Non-zero values (median): ",
                [(layers[row]["layer"], f" {count(layers[row][column])}") for row in spectral],
                ", ",
            ),
        )

    return drawn("before", "rank_without_relu", found[False]), drawn("with", "rank_with_relu", found[True])


def _line(name: str, colour: Step, found: Quartiles) -> Curve:
    return Curve(name, colour, np.arange(1, len(found.median) + 1), found.median, found.lower, found.upper)


def _sizes(study: Study, layers: list[dict[str, Any]]) -> Profile:
    """Output size and rank of every layer, before and with its ReLU, beside the size of the input."""
    sizes = np.array([layer["output_size"] for layer in layers], dtype=np.float64)
    d = study.info.input_size
    after = over_layers(study, "rank", relu=True)
    everything = np.concatenate([sizes, [d], after.lower[~np.isnan(after.lower)]])
    wide = everything.max() > _WIDE * max(everything.min(), 1)
    return Profile(
        _names(layers),
        Axis("coordinates", "log") if wide else Axis("coordinates", "count", low=0),
        (
            Series("output size", "muted", sizes, marker="dash"),
            _series("rank before ReLU", "before", "square", over_layers(study, "rank", relu=False)),
            _series("rank with ReLU", "after", "circle", after),
        ),
        _alt(
            f"Output size and median rank over the layers; the input has {count(d)} coordinates. ",
            [
                (
                    layer["layer"],
                    f": size {count(layer['output_size'])}, rank {count(layer['rank_without_relu'])} before and "
                    f"{count(layer['rank_with_relu'])} with ReLU",
                )
                for layer in layers
            ],
        ),
        (Level(d, f"size of the input, {count(d)}"),),
    )


def _condition(study: Study, layers: list[dict[str, Any]]) -> Profile:
    """Condition number of every prefix, before and with the layer's ReLU (the paper's Figure 7)."""
    return Profile(
        _names(layers),
        Axis("condition number", "log"),
        tuple(
            _series(label, colour, marker, over_layers(study, "condition_number", relu=relu))
            for relu, colour, label, marker in _STATES
        ),
        _alt(
            "Median condition number over the layers, on a logarithmic scale. ",
            [
                (
                    layer["layer"],
                    f": {real(layer['condition_without_relu'])} before and {real(layer['condition_with_relu'])} "
                    "with ReLU",
                )
                for layer in layers
            ],
        ),
    )


def _smallest(study: Study, layers: list[dict[str, Any]]) -> Profile:
    """Largest and smallest non-zero singular value of every prefix, before and with the layer's ReLU."""
    return Profile(
        _names(layers),
        Axis("singular value", "log"),
        tuple(
            _series(f"{what}, {when}", colour, marker, over_layers(study, name, relu=relu), dashed=name == "largest")
            for name, what in (("largest", "largest"), ("smallest_nonzero", "smallest non-zero"))
            for relu, colour, when, marker in _STATES
        ),
        _alt(
            "Median smallest non-zero and largest singular value over the layers, logarithmic. ",
            [
                (
                    layer["layer"],
                    f": {real(layer['smallest_nonzero_without_relu'])} to {real(layer['largest_without_relu'])} "
                    f"before, {real(layer['smallest_nonzero_with_relu'])} to {real(layer['largest_with_relu'])} with "
                    "ReLU",
                )
                for layer in layers
                if layer["n_spectra"]
            ],
        ),
    )


def _tradeoff(study: Study, layers: list[dict[str, Any]]) -> Tradeoff:
    """Condition number over the number of forgotten directions, of each layer before and with its ReLU."""
    d = study.info.input_size
    return Tradeoff(
        Axis("directions of the input forgotten", "count"),
        Axis("condition number", "log"),
        _names(layers),
        tuple(
            Points(
                label,
                colour,
                d - over_layers(study, "rank", relu=relu).median,
                over_layers(study, "condition_number", relu=relu).median,
                marker,
            )
            for relu, colour, label, marker in _STATES
        ),
        _alt(
            "Invariance against stability: forgotten directions and condition number of each layer. ",
            [
                (
                    layer["layer"],
                    f": {count(layer['invariant_without_relu'])} forgotten at condition "
                    f"{real(layer['condition_without_relu'])} before, {count(layer['invariant_with_relu'])} at "
                    f"{real(layer['condition_with_relu'])} with ReLU",
                )
                for layer in layers
                if layer["n_spectra"]
            ],
        ),
    )


def _names(layers: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(layer["layer"] for layer in layers)


def _series(label: str, colour: Role, marker: Marker, found: Quartiles, *, dashed: bool = False) -> Series:
    return Series(label, colour, found.median, found.lower, found.upper, marker, dashed)


def _alt(begin: str, said: list[tuple[str, str]], between: str = "; ") -> Sentence:
    """A figure in words: what is said of each layer, by name."""
    parts = [Part(begin)]
    for place, (name, text) in enumerate(said):
        parts += [*([Part(between)] if place else []), Part(name), Part(text)]
    return (*parts, Part("."))


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
