"""The gallery: original, target, and the metamers between them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.report.numbers import count, norm_name, real, rough
from unrelu.report.parts import Part, Sentence, sentence
from unrelu.report.png import picture_uri
from unrelu.report.records import fact, record

if TYPE_CHECKING:
    from unrelu.study.study import Study


@dataclass(frozen=True)
class Shown:
    """One input of the gallery.

    Attributes:
        role: "original", "target" or "metamer".
        label: what stands above it.
        picture: a `data:` address; "" for inputs that are no pictures.
        alt: the picture in words.
        said: the predicted class.
        facts: pairs of a word and a number.
    """

    role: str
    label: str
    picture: str
    alt: str
    said: Part
    facts: tuple[tuple[str, Sentence], ...] = ()


@dataclass(frozen=True)
class ShownPair:
    """An original, a target and the metamers that keep the original's features.

    Attributes:
        heading: which inputs they are.
        note: what the layer keeps of the original.
        shown: the inputs, in the order in which they stand side by side.
    """

    heading: Sentence
    note: Sentence
    shown: tuple[Shown, ...]


def gallery(study: Study) -> tuple[ShownPair, ...]:
    """All pairs of a study."""
    rows = study.metamers.to_pylist()
    numbers = dict.fromkeys(row["pair"] for row in rows)
    return tuple(_pair(study, [k for k, row in enumerate(rows) if row["pair"] == number], rows) for number in numbers)


def _pair(study: Study, places: list[int], rows: list[dict[str, Any]]) -> ShownPair:
    first = places[0]
    row = rows[first]
    info = study.info
    original = Shown(
        "original",
        "original",
        _picture(study, row["original_values"]),
        f"Input {row['original']}, the original.",
        record(study, "metamers", first, "original_predicted", info.class_name),
        _label(study, first, "original_label", row),
    )
    target = Shown(
        "target",
        "target",
        _picture(study, row["target_values"]),
        f"Input {row['target']}, the target.",
        record(study, "metamers", first, "target_predicted", info.class_name),
        _label(study, first, "target_label", row),
    )
    return ShownPair(
        heading=sentence(
            "Input {a} toward input {b}",
            a=record(study, "metamers", first, "original", str),
            b=record(study, "metamers", first, "target", str),
        ),
        note=_note(study, first, row),
        shown=(original, target, *(_metamer(study, place, rows[place]) for place in places)),
    )


def _metamer(study: Study, place: int, row: dict[str, Any]) -> Shown:
    name = norm_name(row["norm"])

    def number(column: str, form: Callable[[float | None], str] = rough) -> Sentence:
        return (record(study, "metamers", place, column, form),)

    facts: list[tuple[str, Sentence]] = [
        (
            "to target",
            sentence(
                "{after}, was {before}",
                after=record(study, "metamers", place, "distance", real),
                before=record(study, "metamers", place, "distance_before", real),
            ),
        ),
        ("at least", number("bound", real)),
        ("from original", number("distance_moved", real)),
        ("feature error", number("feature_error")),
    ]
    if row["forward_error"] is not None:
        facts.append(("forward error", number("forward_error")))
    if row["radius"] is not None:
        facts.append(("exact within", number("radius")))
    return Shown(
        "metamer",
        f"metamer, {name}",
        _picture(study, row["metamer_values"]),
        f"A metamer: it has the features of input {row['original']} and is as near as possible to input "
        f"{row['target']} in {name}.",
        record(study, "metamers", place, "metamer_predicted", study.info.class_name),
        tuple(facts),
    )


def _note(study: Study, place: int, row: dict[str, Any]) -> Sentence:
    """What the layer keeps of this original: its positive features, and the dimension of its preimage if proved."""
    note = sentence(
        "{k} of {m} features of {layer} are positive",
        k=record(study, "metamers", place, "n_active"),
        m=record(study, "kept", 0, "output_size"),
        layer=record(study, "metamers", place, "layer", str),
    )
    asked = zip(study.verdicts["layer"].to_pylist(), study.verdicts["input"].to_pylist(), strict=True)
    verdict = next((k for k, key in enumerate(asked) if key == (row["layer"], row["original"])), None)
    if verdict is None:
        return (*note, Part("."))
    lower, upper = (study.verdicts[f"dimension_{end}"][verdict].as_py() for end in ("lower", "upper"))
    if lower is None or lower != upper:
        return (*note, Part("."))
    return (
        *note,
        *sentence(
            "; the layer forgets {k} of {d} directions at this picture."
            if study.info.picture_shape
            else "; the layer forgets {k} of {d} directions at this input.",
            k=record(study, "verdicts", verdict, "dimension_lower", count),
            d=fact(study, "input_size"),
        ),
    )


def _label(study: Study, place: int, column: str, row: dict[str, Any]) -> tuple[tuple[str, Sentence], ...]:
    if row[column] is None:
        return ()
    return (("label", (record(study, "metamers", place, column, study.info.class_name),)),)


def _picture(study: Study, values: list[float]) -> str:
    info = study.info
    if info.picture_shape is None or info.picture_range is None or math.prod(info.picture_shape) != len(values):
        return ""
    return picture_uri(np.asarray(values), info.picture_shape, info.picture_range)
