"""The figures of spectra: their decay, and sizes, ranks and condition numbers over the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.study.curves import Quartiles, decay, over_layers
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Role, Step
from unrelu.study.shown.curves import Curve, Curves
from unrelu.study.shown.numbers import count, real
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.profile import Level, Marker, Profile, Series
from unrelu.study.shown.records import of_layer
from unrelu.study.shown.shown import Captioned, Figure
from unrelu.study.shown.tradeoff import Points, Tradeoff

if TYPE_CHECKING:
    from unrelu.study.study import Study

_WIDE = 30.0  # sizes that differ by more than this factor are drawn on a logarithmic axis
_STATES: tuple[tuple[bool, Role, str, Marker], ...] = (
    (False, "before", "before ReLU", "square"),
    (True, "after", "with ReLU", "circle"),
)


def figures_of_spectra(study: Study, layers: list[dict[str, Any]], spectral: list[int]) -> tuple[Captioned, ...]:
    """All figures, with captions.

    Args:
        study: a study with spectra.
        layers: rows of the layer table.
        spectral: those of layers with spectra.
    """
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
