"""What is shown of a study as a whole: what it is about, and what every question needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.study.questions.showing import layer_name
from unrelu.study.shown.numbers import NONE, seconds, shape_name
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.records import fact, of_study
from unrelu.study.shown.shown import Glance, Shown
from unrelu.study.shown.shown_table import column

if TYPE_CHECKING:
    from unrelu.study.study import Study

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LEFT_OUT = "_left_out"  # the columns of the layer table that say why end in this


def shown_study(study: Study) -> Shown:
    """The network, the data and the settings; its heading is what the network is called."""
    n_layers = study["layers"].num_rows
    return Shown(
        heading=study.info.name,
        lead=(
            sentence(
                "{n} inputs of {data}, each with {d} coordinates; {p} parameters, {k}.",
                n=fact(study, "n_inputs"),
                data=fact(study, "data_name", str),
                d=fact(study, "input_size"),
                p=fact(study, "n_parameters"),
                k=Part("one ReLU layer" if n_layers == 1 else f"{number_word(n_layers)} ReLU layers"),
            ),
        ),
        findings=_findings(study),
        glances=_glances(study),
        facts=_facts(study),
        words=_WORDS,
    )


def number_word(n: int) -> str:
    """A number in words, if it is small.

    >>> number_word(2), number_word(12)
    ('two', '12')
    """
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def _findings(study: Study) -> tuple[Sentence, ...]:
    findings = []
    if study.n_correct is not None:
        findings.append(
            sentence(
                "The network predicts the given label for {k} of {n} inputs.",
                k=of_study(study, "n_correct"),
                n=fact(study, "n_inputs"),
            )
        )
    whys = [name for name in study["layers"].column_names if name.endswith(_LEFT_OUT)]
    for row, layer in enumerate(study["layers"].select(whys).to_pylist()):
        if whys and None not in layer.values():
            findings.append(sentence("Layer {layer} was left out; the table says why.", layer=layer_name(study, row)))
    return tuple(findings)


def _glances(study: Study) -> tuple[Glance, ...]:
    correct: Sentence = (Part(NONE),)
    if study.n_correct is not None:
        correct = sentence("{k} of {n}", k=of_study(study, "n_correct"), n=fact(study, "n_inputs"))
    return Glance(column("Parameters"), (fact(study, "n_parameters"),)), Glance(column("Correct"), correct)


def _facts(study: Study) -> tuple[tuple[str, Sentence], ...]:
    info = study.info
    nodes: list[Part] = []
    for node in info.nodes:
        kind = Part(f" ({node.operator}, {shape_name(node.shape)})")
        nodes += [*([Part(", ")] if nodes else []), Part(node.name), kind]
    duration = ", ".join(f"{stage} {seconds(value)}" for stage, value in study.seconds.items())
    versions = ", ".join(f"{package} {version}" for package, version in info.versions.items())
    return (
        ("begun", (fact(study, "created", str),)),
        ("input shape", (fact(study, "input_shape", shape_name),)),
        ("nodes", tuple(nodes)),
        *(
            [("cut off", (fact(study, "head", str), Part(", the end of the model: the network gives the logits")))]
            if info.head
            else []
        ),
        ("time", (Part(duration),)),
        *(("note", (Part(note),)) for note in info.notes),
        ("versions", (Part(versions),)),
        ("weights, SHA-256", (fact(study, "weights_sha256", str),)),
        ("data, SHA-256", (fact(study, "data_sha256", str),)),
    )


_WORDS = (
    ("Features", "What a layer puts out for an input, after its ReLU: numbers that are positive or zero."),
    (
        "Proved",
        "A certificate was found and checked for exactly the stored weights and the input, by arithmetic whose "
        "rounding errors are all bounded. Without that a verdict is “computed, not proved”.",
    ),
)
