"""What a study found, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrelu.report.kept import metamers_found
from unrelu.report.numbers import real
from unrelu.report.parts import Part, Sentence, sentence
from unrelu.report.records import fact, of_layer

if TYPE_CHECKING:
    from unrelu.study.study import Study

_NONE = 0.01  # expected numbers below this are called none


def summarize(study: Study) -> tuple[Sentence, ...]:
    """The findings of a study, most telling first."""
    layers = study.layers.to_pylist()
    sentences: list[Sentence] = []
    decided = [row for row, layer in enumerate(layers) if layer["n_verdicts"]]
    if decided:
        sentences.append(preimages_of(study, decided[0], layers[decided[0]]))
        sentences.extend(_other_layers(study, decided[1:], layers))
    sentences.extend(_unique(study, row, layer) for row, layer in enumerate(layers) if layer["n_prior"])
    spectral = [row for row, layer in enumerate(layers) if layer["n_spectra"]]
    if spectral:
        sentences.extend(_forgotten(study, spectral, layers))
    sentences.extend(metamers_found(study))
    if study.info.n_correct is not None:
        sentences.append(
            sentence(
                "The network predicts the given label for {k} of {n} inputs.",
                k=fact(study, "n_correct"),
                n=fact(study, "n_inputs"),
            )
        )
    left_out = [row for row, layer in enumerate(layers) if not layer["n_verdicts"] and not layer["n_spectra"]]
    sentences.extend(
        sentence("Layer {layer} was left out; the table says why.", layer=_name(study, row)) for row in left_out
    )
    return tuple(sentences)


def preimages_of(study: Study, row: int, layer: dict[str, Any]) -> Sentence:
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
    joined: list[Part] = [*sentence("In layer {layer}, ", layer=_name(study, row))]
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


def proof(study: Study, row: int, what: str, layer: dict[str, Any]) -> Sentence:
    """How much of a count is proved, in parentheses."""
    k, proved = layer[what], layer.get(f"{what}_proved")
    if proved is None:
        return (Part(" (computed, not proved: certificates were not checked)"),)
    if proved == k:
        return (Part(" (proved)"),) if k == 1 else (Part(" (all proved)"),)
    if proved == 0:
        return (Part(" (computed, not proved)"),)
    return sentence(" ({k} proved, the others computed, not proved)", k=of_layer(study, row, f"{what}_proved"))


def _other_layers(study: Study, rows: list[int], layers: list[dict[str, Any]]) -> list[Sentence]:
    """The layers after the first: those whose preimages are all unbounded in one sentence, others in one each."""
    uniform = [row for row in rows if layers[row]["unbounded"] == layers[row]["n_verdicts"]]
    mixed = [row for row in rows if row not in uniform]
    sentences = [preimages_of(study, row, layers[row]) for row in mixed[:3]]
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
        sentence("In {names} every preimage is unbounded (" + certainty + ").", names=_names(study, uniform))
    )
    return sentences


def _unique(study: Study, row: int, layer: dict[str, Any]) -> Sentence:
    """How many inputs are the only valid one with their features, and how many Gaussian rows would make so."""
    kind = "picture" if study.info.picture_shape is not None else "input"
    if layer["prior_unique"] == layer["n_prior"] > 1:
        who = "each of the {n} " + f"{kind}s is the only valid one with its"
    elif layer["prior_unique"] == 1:
        who = "{k} of {n} " + f"{kind}s is the only valid one with its"
    else:
        who = "{k} of {n} " + f"{kind}s are the only valid one with their"
    parts = sentence(
        "Within {prior}, " + who + " features in layer {layer}",
        prior=fact(study, "prior", str),
        k=of_layer(study, row, "prior_unique"),
        n=of_layer(study, row, "n_prior"),
        layer=_name(study, row),
    )
    if layer["prior_unique"]:
        parts += proof(study, row, "prior_unique", layer)
    if layer["prior_not_unique"]:
        verb = "is" if layer["prior_not_unique"] == 1 else "are"
        parts += sentence(
            ", {k} " + verb + " not{proved}",
            k=of_layer(study, row, "prior_not_unique"),
            proved=proof(study, row, "prior_not_unique", layer),
        )
    if layer["prior_open"]:
        parts += sentence(", for {k} it stayed open", k=of_layer(study, row, "prior_open"))
    if layer["prior_expected"] is not None and not layer["prior_unique"] and layer["prior_expected"] < _NONE:
        parts += sentence("; rows drawn at random (Gaussian) would single out none either")
    elif layer["prior_expected"] is not None:
        parts += sentence(
            "; rows drawn at random (Gaussian) would single out {k} on average",
            k=of_layer(study, row, "prior_expected", real),
        )
    return (*parts, Part("."))


def _forgotten(study: Study, rows: list[int], layers: list[dict[str, Any]]) -> list[Sentence]:
    """How many directions of the input are ignored, and how unequal the rest is."""
    first, last = rows[0], rows[-1]
    sentences = [
        sentence(
            "At a typical input (median of {n}), layer {layer} forgets {k} of {d} directions: a small step along them "
            "changes none of its features.",
            n=of_layer(study, first, "n_spectra"),
            layer=_name(study, first),
            k=of_layer(study, first, "invariant_with_relu"),
            d=fact(study, "input_size"),
        )
    ]
    if last != first:
        sentences.append(
            sentence(
                "After the last ReLU layer, {layer}, {k} are forgotten.",
                layer=_name(study, last),
                k=of_layer(study, last, "invariant_with_relu"),
            )
        )
    if layers[last]["condition_with_relu"] is not None:
        sentences.append(
            sentence(
                "Of the directions that {layer} still sees, the faintest changes its features {k} times less than the "
                "strongest (condition number, median).",
                layer=_name(study, last),
                k=of_layer(study, last, "condition_with_relu", real),
            )
        )
    return sentences


def _name(study: Study, row: int) -> Part:
    return of_layer(study, row, "layer", str)


def _names(study: Study, rows: list[int]) -> Sentence:
    """Names of layers, a run of neighbours as "a to b"."""
    if len(rows) > 2 and rows == list(range(rows[0], rows[-1] + 1)):
        return (Part("layers "), _name(study, rows[0]), Part(" to "), _name(study, rows[-1]))
    parts: list[Part] = [Part("layer " if len(rows) == 1 else "layers ")]
    for place, row in enumerate(rows):
        parts.extend([*([Part(", " if place < len(rows) - 1 else " and ")] if place else []), _name(study, row)])
    return tuple(parts)
