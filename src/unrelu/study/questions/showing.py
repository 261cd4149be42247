"""What several questions have in common when they show their answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.records import of_layer

if TYPE_CHECKING:
    from unrelu.study.study import Study


def layer_name(study: Study, row: int) -> Part:
    """What a layer is called.

    Args:
        study: the study.
        row: of the layer table.
    """
    return of_layer(study, row, "layer", str)


def layer_names(study: Study, rows: list[int]) -> Sentence:
    """Names of layers, a run of neighbours as "a to b"."""
    if len(rows) > 2 and rows == list(range(rows[0], rows[-1] + 1)):
        return (Part("layers "), layer_name(study, rows[0]), Part(" to "), layer_name(study, rows[-1]))
    parts: list[Part] = [Part("layer " if len(rows) == 1 else "layers ")]
    for place, row in enumerate(rows):
        parts.extend([*([Part(", " if place < len(rows) - 1 else " and ")] if place else []), layer_name(study, row)])
    return tuple(parts)


def proof(study: Study, row: int, what: str, layer: dict[str, Any]) -> Sentence:
    """How much of a count of the layer table is proved, in parentheses.

    Args:
        study: the study.
        row: of the layer table.
        what: the column of the count; that of the proved ones ends in "_proved".
        layer: that row.
    """
    k, proved = layer[what], layer.get(f"{what}_proved")
    if proved is None:
        return (Part(" (computed, not proved: certificates were not checked)"),)
    if proved == k:
        return (Part(" (proved)"),) if k == 1 else (Part(" (all proved)"),)
    if proved == 0:
        return (Part(" (computed, not proved)"),)
    return sentence(" ({k} proved, the others computed, not proved)", k=of_layer(study, row, f"{what}_proved"))


def as_picture(study: Study) -> tuple[tuple[int, ...], tuple[float, float]] | None:
    """How one input is shown as a picture: its shape, and the values of black and of full brightness; None if not."""
    info = study.info
    if info.picture_shape is None or info.picture_range is None or math.prod(info.picture_shape) != info.input_size:
        return None
    return info.picture_shape, info.picture_range
