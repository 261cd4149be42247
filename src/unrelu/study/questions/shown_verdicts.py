"""What is shown of the preimages of each layer: how many are a point, bounded, unbounded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from unrelu.study.questions.showing import layer_name, layer_names, proof
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Role
from unrelu.study.shown.numbers import NONE, count
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.records import of_layer
from unrelu.study.shown.shown import Captioned, Glance, Shown
from unrelu.study.shown.shown_table import Bar, Cell, Piece, Row, ShownTable, column
from unrelu.study.shown.stacked_histogram import Stack, StackedHistogram
from unrelu.study.shown.threshold import Threshold

if TYPE_CHECKING:
    from unrelu.study.study import Study

_LABELS: dict[Role, str] = {
    "singleton": "one point",
    "bounded": "bounded",
    "unbounded": "unbounded",
    "undecided": "undecided",
    "empty": "empty",
}
"""By kind of preimage, in the order in which they are listed."""

_STACK: tuple[Role, ...] = ("unbounded", "undecided", "empty", "bounded", "singleton")
_COLUMNS: tuple[Role, ...] = ("singleton", "bounded", "unbounded", "undecided")
_BARS = 40  # of a histogram
_REACH = 2.2  # so many times the most positive features, the axis may go on to show the threshold
_MOST_HISTOGRAMS = 6


def shown_verdicts(study: Study) -> Shown:
    """The kinds of preimage, layer by layer."""
    layers = study["layers"].to_pylist()
    return Shown(
        heading="Preimages, layer by layer",
        findings=_findings(study, layers),
        tables=(_table(study, layers),) if layers else (),
        figures=_figures(study, layers),
        glances=_glances(study, layers),
        facts=(("certificates", (Part("verified" if _verified(study) else "not checked"),)),),
        words=_WORDS,
    )


def active_threshold(layer: dict[str, Any], active_max: int) -> Threshold:
    """Where d is, the number of the layer's inputs, among the numbers of positive features.

    Args:
        layer: the layer's row in the layer table.
        active_max: the most positive features.
    """
    d = layer["input_size"]
    near = d <= layer["output_size"] and d <= _REACH * max(active_max, 1)
    return Threshold(d - 0.5, f"d = {count(d)}", beyond=not near)


def _findings(study: Study, layers: list[dict[str, Any]]) -> tuple[Sentence, ...]:
    decided = [row for row, layer in enumerate(layers) if layer["n_verdicts"]]
    if not decided:
        return ()
    return (_preimages_of(study, decided[0], layers[decided[0]]), *_other_layers(study, decided[1:], layers))


def _preimages_of(study: Study, row: int, layer: dict[str, Any]) -> Sentence:
    """How many inputs have which kind of preimage in one layer."""
    parts: list[Sentence] = []
    if layer["finite"]:
        parts.append(
            sentence(
                "{who} a bounded preimage{proved}",
                who=_who(study, row, "finite", layer, first=True),
                proved=proof(study, row, "finite", layer),
            )
        )
    if layer["singleton"]:
        parts.append(
            sentence(
                "for {k} of them the input itself is the only one with its features{proved}",
                k=of_layer(study, row, "singleton"),
                proved=proof(study, row, "singleton", layer),
            )
        )
    if layer["unbounded"]:
        parts.append(
            sentence(
                "{who} an unbounded "
                + ("one" if parts else "preimage")
                + "{proved}, so the input can be moved without "
                "end in some direction and no feature changes",
                who=_who(study, row, "unbounded", layer, first=not parts),
                proved=proof(study, row, "unbounded", layer),
            )
        )
    if layer["empty"]:
        who = _who(study, row, "empty", layer, first=not parts)
        parts.append(sentence("{who} an empty " + ("one" if parts else "preimage"), who=who))
    if layer["undecided"]:
        k = of_layer(study, row, "undecided")
        if layer["undecided_reason"] is None:
            parts.append(sentence("{k} stayed undecided", k=k))
        else:
            why = Part(layer["undecided_reason"])
            parts.append(sentence("{k} stayed undecided (most often: {why})", k=k, why=why))
    joined: list[Part] = [*sentence("In layer {layer}, ", layer=layer_name(study, row))]
    for number, part in enumerate(parts):
        joined.extend([*([Part("; ")] if number else []), *part])
    return (*joined, Part("."))


def _who(study: Study, row: int, what: str, layer: dict[str, Any], *, first: bool) -> Sentence:
    """Those with some kind of preimage, up to the verb."""
    k, n = of_layer(study, row, what), of_layer(study, row, "n_verdicts")
    verb = "has" if layer[what] == 1 else "have"
    if layer[what] == layer["n_verdicts"] > 1:
        return sentence("all {n} inputs have", n=n)
    return sentence("{k} of {n} inputs " + verb, k=k, n=n) if first else sentence("{k} " + verb, k=k)


def _other_layers(study: Study, rows: list[int], layers: list[dict[str, Any]]) -> list[Sentence]:
    """The layers after the first: those whose preimages are all unbounded in one sentence, others in one each."""
    uniform = [row for row in rows if layers[row]["unbounded"] == layers[row]["n_verdicts"]]
    mixed = [row for row in rows if row not in uniform]
    sentences = [_preimages_of(study, row, layers[row]) for row in mixed[:3]]
    if len(mixed) > 3:
        sentences.append((Part("The further layers are in the table."),))
    if not uniform:
        return sentences
    proofs = [(layers[row]["unbounded_proved"], layers[row]["unbounded"]) for row in uniform]
    if any(proved is None for proved, _ in proofs):
        certainty = "computed, not proved: certificates were not checked"
    elif all(proved == k for proved, k in proofs):
        certainty = "all proved"
    else:
        certainty = "not all proved; see the table"
    sentences.append(
        sentence("In {names} every preimage is unbounded (" + certainty + ").", names=layer_names(study, uniform))
    )
    return sentences


def _table(study: Study, layers: list[dict[str, Any]]) -> ShownTable:
    """Sizes, active units and counts by kind, a row per layer."""
    rows = []
    for row, layer in enumerate(layers):
        head = (layer_name(study, row),)
        sizes = ((of_layer(study, row, "input_size"),), (of_layer(study, row, "output_size"),))
        if layer["verdicts_left_out"] is not None:
            rows.append(Row(head, sizes, reason=layer["verdicts_left_out"]))
            continue
        cells: tuple[Cell, ...] = (
            *sizes,
            *((of_layer(study, row, f"active_{which}"),) for which in ("min", "median", "max")),
            *((of_layer(study, row, kind),) for kind in _COLUMNS),
            _proved(study, row, layer),
            _bar(layer, layers),
            _dimension(study, row, layer),
        )
        rows.append(Row(head, cells))
    kinds = "Inputs by kind of preimage"
    return ShownTable(
        columns=(
            column("Layer", words=True),
            *(column(which, group="Size") for which in ("in", "out")),
            *(column(which, group="Positive features") for which in ("min", "median", "max")),
            *(column(_LABELS[kind], group=kinds) for kind in _COLUMNS),
            *(column(which, group=kinds) for which in ("proved", "share")),
            column("Dimension", "(median)"),
        ),
        rows=tuple(rows),
        notes=_notes(study, layers),
    )


def _notes(study: Study, layers: list[dict[str, Any]]) -> tuple[Sentence, ...]:
    kinds = {node.name: node.operator for node in study.info.nodes}
    decided = [layer for layer in layers if layer["n_verdicts"]]
    if _verified(study):
        notes = [
            "A verdict is counted as proved when its certificate was checked, without a solver and with every rounding "
            "error bounded, for exactly these weights and inputs; the others are computed, not proved."
        ]
    else:
        notes = ["Certificates were not checked: all verdicts are computed, not proved."]
    if not all(layer["first"] for layer in decided):
        notes.append(
            "Verdicts on a layer after the first are about that layer by itself: they range over all of its own input "
            "space, not only over what the layers before can reach."
        )
    if any(kinds.get(layer["layer"]) != "ReLU" for layer in decided):
        notes.append(
            'Where a layer has another activation than the ReLU, "positive" features are those that fix what their '
            "neuron is fed, whatever their sign."
        )
    return tuple((Part(note),) for note in notes)


def _figures(study: Study, layers: list[dict[str, Any]]) -> tuple[Captioned, ...]:
    decided = [row for row, layer in enumerate(layers) if layer["n_verdicts"]]
    mixed = [row for row in decided if sum(layers[row][kind] > 0 for kind in _LABELS) > 1]
    return tuple(_figure(study, row, layers[row]) for row in sorted({*decided[:1], *mixed[: _MOST_HISTOGRAMS - 1]}))


def _figure(study: Study, row: int, layer: dict[str, Any]) -> Captioned:
    histogram = _histogram(study, layer)
    assert histogram.threshold is not None
    return Captioned(
        f"preimages-{row + 1}",
        histogram,
        "Finite and infinite preimages.",
        sentence(
            "Each input stands where its number of positive features in {layer} puts it. From d = {d} on "
            + ("(beyond the right end of the axis)" if histogram.threshold.beyond else "(dashed)")
            + " the positive features alone can determine the input; with fewer, a finite preimage needs the "
            "features that are zero as well.",
            layer=layer_name(study, row),
            d=of_layer(study, row, "input_size"),
        ),
    )


def _histogram(study: Study, layer: dict[str, Any]) -> StackedHistogram:
    """Finite and infinite preimages over the number of positive outputs (the paper's Figure 4)."""
    verdicts = study["verdicts"].filter(pc.field("layer") == layer["layer"])
    kinds, active = np.array(verdicts["kind"].to_pylist()), np.array(verdicts["n_active"].to_pylist())
    threshold = active_threshold(layer, layer["active_max"])
    d, low, high = layer["input_size"], int(active.min()), int(active.max())
    edges = _edges(low, high, None) if threshold.beyond else _edges(low, max(high, d), d)
    parts = [f"{count(layer[kind])} {label}" for kind, label in _LABELS.items() if layer[kind]]
    return StackedHistogram(
        Axis("positive features", "count"),
        Axis("inputs", "count"),
        edges,
        tuple(Stack(_LABELS[kind], kind, np.histogram(active[kinds == kind], edges)[0]) for kind in _STACK),
        sentence(
            f"Histogram of {count(layer['n_verdicts'])} inputs over the number of positive features of {{layer}}, "
            f"{count(layer['active_min'])} to {count(layer['active_max'])}, by kind of preimage: {', '.join(parts)}. "
            f"The layer has {count(d)} inputs.",
            layer=Part(layer["layer"]),
        ),
        threshold,
    )


def _edges(low: int, high: int, threshold: int | None) -> np.ndarray:
    """Edges of bins of equal width that hold all counts; one is the threshold, so that no bar straddles it."""
    width = max(1, math.ceil((high - low + 1) / _BARS))
    start = low if threshold is None else threshold - width * math.ceil((threshold - low) / width)
    return np.arange(start, high + width + 1, width) - 0.5


def _glances(study: Study, layers: list[dict[str, Any]]) -> tuple[Glance, ...]:
    """The first layer with verdicts."""
    group = "Preimages in the first layer"
    row = next((row for row, layer in enumerate(layers) if layer["n_verdicts"]), None)
    blank: Sentence = (Part(NONE),)
    cells: tuple[Cell, ...] = (blank, blank, blank, blank, Bar(()))
    if row is not None:
        cells = (
            sentence("{a} to {b}", a=of_layer(study, row, "active_min"), b=of_layer(study, row, "active_max")),
            (of_layer(study, row, "finite"),),
            (of_layer(study, row, "unbounded"),),
            _proved(study, row, layers[row]),
            _bar(layers[row], layers),
        )
    heads = (("Positive", "features"), ("Bounded",), ("Unbounded",), ("Proved",), ("Share",))
    return tuple(Glance(column(*head, group=group), cell) for head, cell in zip(heads, cells, strict=True))


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


def _bar(layer: dict[str, Any], layers: list[dict[str, Any]]) -> Bar:
    met: list[Role] = [kind for kind in _LABELS if kind in _COLUMNS or any(each[kind] for each in layers)]
    n = max(layer["n_verdicts"], 1)
    return Bar(tuple(Piece(_LABELS[kind], kind, layer[kind] / n) for kind in met))


_WORDS = (
    (
        "Preimage",
        "All inputs that give exactly the same features as a given one. The layer cannot tell them apart, and neither "
        "can anything that sees the input through that layer alone.",
    ),
    ("One point (singleton)", "The preimage is the input alone: the features determine it."),
    ("Bounded", "The preimage holds other inputs too, but none beyond some distance."),
    (
        "Unbounded",
        "There is a direction in which the input can be moved without end while the features stay the same.",
    ),
    ("Undecided", "Neither could be proved nor refuted; an honest blank."),
    ("Dimension", "In how many independent directions the preimage extends."),
)


def _verified(study: Study) -> bool:
    return study.question("verdicts").about["verify"] == "True"
