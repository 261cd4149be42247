"""What is shown of metamers: what they keep, what still sees the difference, and what they look like."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.errors import InputError
from unrelu.study.questions.showing import as_picture
from unrelu.study.shown.gallery import Gallery, Pictured, Strip
from unrelu.study.shown.numbers import count, norm_name, real, rough
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.records import fact, record, setting
from unrelu.study.shown.shown import Shown
from unrelu.study.shown.shown_table import Cell, Row, ShownTable, column

if TYPE_CHECKING:
    from unrelu.study.study import Study

Facts = tuple[tuple[str, Sentence], ...]
Limits = tuple[float, float]


def shown_metamers(study: Study) -> Shown:
    """All pairs of a study: as pictures, or in a table where inputs are none."""
    rows = study["metamers"].to_pylist()
    facts = (("metamers over", (_domain(study),)),)
    if not study["kept"].num_rows:
        return Shown("Metamers", facts=facts)
    numbers = dict.fromkeys(row["pair"] for row in rows)
    pairs = [[place for place, row in enumerate(rows) if row["pair"] == number] for number in numbers]
    picture = as_picture(study)
    return Shown(
        heading="Metamers",
        findings=(_found(study),),
        lead=_kept(study),
        galleries=(_gallery(study, pairs, rows, *picture),) if picture else (),
        tables=() if picture else (_table(study, pairs, rows),),
        facts=facts,
        words=_WORDS,
    )


def _domain(study: Study) -> Part:
    """Where metamers may lie, in words."""
    return setting(study, "metamers", "domain")


def _kept(study: Study) -> tuple[Sentence, ...]:
    """What the metamers keep.

    That nothing behind a layer can tell metamer and original apart is true only of cuts, and of inputs with exactly the
    same features; the metamers shown have them up to the feature error.
    """
    (kept,) = study["kept"].to_pylist()
    layer = record(study, "kept", 0, "layer", str)
    near = sentence(
        "Each metamer has the features of its original in {layer}, up to the feature error beside it. It is as near to "
        "the target as was found among all such inputs "
        + ("in the linear region of the original " if kept["regional"] else "")
        + "({domain}).",
        layer=layer,
        domain=_domain(study),
    )
    if kept["cut"]:
        return near, sentence(
            "Every path from the input to the output of the network runs through {layer}: nothing behind it can tell "
            "apart two inputs that have exactly the same features there.",
            layer=layer,
        )
    return near, sentence(
        "But the network sees more than {layer}: its output also depends on the input through {others}, past it, and "
        "there the difference may be seen.",
        layer=layer,
        others=_others(study),
    )


def _found(study: Study) -> Sentence:
    """How many metamers there are, and what the network says to them."""
    (kept,) = study["kept"].to_pylist()
    parts = sentence(
        "{k} metamers keep the features of "
        + ("layer" if kept["relu"] else "node")
        + " {layer} of one input while they come as near as possible to another (largest feature error {error})",
        k=record(study, "kept", 0, "n_metamers"),
        layer=record(study, "kept", 0, "layer", str),
        error=record(study, "kept", 0, "feature_error", rough),
    )
    if not kept["cut"]:
        parts += sentence(", but past it the output also depends on the input through {others}", others=_others(study))
    if kept["same_class"] is not None:
        who = "all of them" if kept["same_class"] == kept["n_metamers"] else "{same} of them"
        parts += sentence(
            f"; for {who} the network predicts what it predicts for the original",
            same=record(study, "kept", 0, "same_class"),
        )
    return (*parts, Part("."))


def _others(study: Study) -> Part:
    return record(study, "kept", 0, "bypassed_by", ", ".join)


def _gallery(
    study: Study, pairs: list[list[int]], rows: list[dict[str, Any]], shape: tuple[int, ...], limits: Limits
) -> Gallery:
    alt = "Originals, targets and metamers: each metamer has the features of its original and looks like its target."
    return Gallery("gallery", tuple(_strip(study, places, rows, shape, limits) for places in pairs), (Part(alt),))


def _strip(
    study: Study, places: list[int], rows: list[dict[str, Any]], shape: tuple[int, ...], limits: Limits
) -> Strip:
    first = places[0]
    row = rows[first]
    inputs = [
        ("original", row["original_values"], f"Input {row['original']}, the original."),
        ("target", row["target_values"], f"Input {row['target']}, the target."),
    ]
    for place in places:
        alt = (
            f"A metamer: it has the features of input {row['original']} and is as near as possible to input "
            f"{row['target']} in {norm_name(rows[place]['norm'])}."
        )
        inputs.append(("metamer", rows[place]["metamer_values"], alt))
    return Strip(
        heading=_pair(study, first),
        note=_note(study, first, row),
        pictures=tuple(
            Pictured(role, label, np.asarray(values), shape, limits, (Part(alt),), said, facts)
            for (role, values, alt), (label, said, facts) in zip(inputs, _told(study, places, rows), strict=True)
        ),
    )


def _table(study: Study, pairs: list[list[int]], rows: list[dict[str, Any]]) -> ShownTable:
    shown: list[Row] = []
    for places in pairs:
        for number, (label, said, facts) in enumerate(_told(study, places, rows)):
            told: list[Part] = []
            for word, value in facts:
                told += [Part(f"{'; ' if told else ''}{word} "), *value]
            cells: tuple[Cell, ...] = ((Part(label),), (said,), tuple(told))
            shown.append(Row(None if number else _pair(study, places[0]), cells))
    columns = (
        column("Pair", words=True),
        column("Input", words=True),
        column("Network says"),
        column("Distances and errors", words=True),
    )
    return ShownTable(columns, tuple(shown))


def _pair(study: Study, place: int) -> Sentence:
    return sentence(
        "Input {a} toward input {b}",
        a=record(study, "metamers", place, "original", str),
        b=record(study, "metamers", place, "target", str),
    )


def _told(study: Study, places: list[int], rows: list[dict[str, Any]]) -> list[tuple[str, Part, Facts]]:
    """Original, target and metamers of a pair: what each is called, its predicted class, and facts."""
    first, row, name = places[0], rows[places[0]], study.info.class_name

    def end(which: str) -> tuple[str, Part, Facts]:
        said = record(study, "metamers", first, f"{which}_predicted", name)
        if row[f"{which}_label"] is None:
            return which, said, ()
        return which, said, (("label", (record(study, "metamers", first, f"{which}_label", name),)),)

    return [end("original"), end("target"), *(_metamer(study, place, rows[place]) for place in places)]


def _metamer(study: Study, place: int, row: dict[str, Any]) -> tuple[str, Part, Facts]:
    def number(name: str, form: Callable[[float | None], str] = rough) -> Sentence:
        return (record(study, "metamers", place, name, form),)

    facts: list[tuple[str, Sentence]] = [
        (
            "to target",
            sentence("{after}, was {before}", after=number("distance", real), before=number("distance_before", real)),
        ),
        ("at least", number("bound", real)),
        ("from original", number("distance_moved", real)),
        ("feature error", number("feature_error")),
    ]
    if row["forward_error"] is not None:
        facts.append(("forward error", number("forward_error")))
    if row["radius"] is not None:
        facts.append(("exact within", number("radius")))
    said = record(study, "metamers", place, "metamer_predicted", study.info.class_name)
    return f"metamer, {norm_name(row['norm'])}", said, tuple(facts)


def _note(study: Study, place: int, row: dict[str, Any]) -> Sentence:
    """What the layer keeps of this original: its positive features, and the dimension of its preimage if proved."""
    note = sentence(
        "{k} of {m} features of {layer} are positive",
        k=record(study, "metamers", place, "n_active"),
        m=record(study, "kept", 0, "output_size"),
        layer=record(study, "metamers", place, "layer", str),
    )
    verdict = _verdict(study, row["layer"], row["original"])
    if verdict is None:
        return (*note, Part("."))
    return (
        *note,
        *sentence(
            "; the layer forgets {k} of {d} directions at this picture.",
            k=record(study, "verdicts", verdict, "dimension_lower", count),
            d=fact(study, "input_size"),
        ),
    )


def _verdict(study: Study, layer: str, original: int) -> int | None:
    """The row of the verdict on an original, if one was asked for and its dimension is known."""
    try:
        verdicts = study["verdicts"]
    except InputError:
        return None
    asked = zip(verdicts["layer"].to_pylist(), verdicts["input"].to_pylist(), strict=True)
    row = next((k for k, key in enumerate(asked) if key == (layer, original)), None)
    if row is None:
        return None
    lower, upper = (verdicts[f"dimension_{end}"][row].as_py() for end in ("lower", "upper"))
    return None if lower is None or lower != upper else row


_WORDS = (
    (
        "Metamer",
        "An input that gives the same features as another one, up to rounding, but may look entirely different.",
    ),
    (
        "Feature error",
        "The largest difference between a feature of the metamer and of its original: rounding, as a rule.",
    ),
    ("Forward error", "The same difference in the model's own forward pass, in its own number format."),
    (
        "At least",
        "Proved: no input with exactly these features comes nearer to the target. Where only the original's linear "
        "region was searched it is about that region, and computed, not proved.",
    ),
    (
        "Exact within",
        "Proved: an input with exactly the same features lies within this distance of the metamer shown.",
    ),
)
