"""What is shown of ranges: how far each coordinate of a few inputs may move while the features stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.study.questions.showing import as_picture
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Step
from unrelu.study.shown.curves import Curve, Curves
from unrelu.study.shown.numbers import count, real
from unrelu.study.shown.parts import Part, Sentence, sentence
from unrelu.study.shown.picture_grid import PictureGrid, Tile
from unrelu.study.shown.records import fact, record, setting
from unrelu.study.shown.shown import Captioned, Shown

if TYPE_CHECKING:
    from unrelu.study.study import Study

_MOST_SHOWN = 4
"""Inputs side by side."""


def shown_ranges(study: Study) -> Shown:
    """How far each coordinate may move, as maps of pictures or as curves."""
    what = "coordinate" if as_picture(study) is None else "pixel"
    heading = f"How far each {what} may move"
    rows = study["ranges"].to_pylist()[:_MOST_SHOWN]
    if not rows:
        return Shown(heading)
    return Shown(
        heading,
        figures=(
            Captioned(
                "freedom", _drawn(study, rows), f"How far each {what} may move by itself.", _caption(study, rows, what)
            ),
        ),
    )


def _caption(study: Study, rows: list[dict[str, Any]], what: str) -> Sentence:
    caption = sentence(
        "The exact range of each " + what + " over all inputs within {prior} that have the same features in {layer}.",
        prior=setting(study, "ranges", "domain"),
        layer=record(study, "ranges", 0, "layer", str),
    )
    for row, each in enumerate(rows):
        words = " Of input {input}, {free} of {d} " + what + "s can take every value there"
        if each["n_free"] < len(each["lower"]):
            words += ", {fixed} cannot move, and the median moves by {width}"
        caption += sentence(
            words + ".",
            input=record(study, "ranges", row, "input", str),
            free=record(study, "ranges", row, "n_free"),
            d=fact(study, "input_size"),
            fixed=record(study, "ranges", row, "n_fixed"),
            width=record(study, "ranges", row, "width_median", real),
        )
    return caption


def _drawn(study: Study, rows: list[dict[str, Any]]) -> PictureGrid | Curves:
    picture = as_picture(study)
    widths = [np.subtract(row["upper"], row["lower"]) for row in rows]
    if picture is None:
        return _curves(rows, widths)
    shape, limits = picture
    inputs = tuple(
        Tile(np.asarray(row["original_values"]), shape, limits, above=f"input {row['input']}") for row in rows
    )
    maps = tuple(
        Tile(
            # Pictures in colour show the channel that may move the farthest.
            width.reshape(-1, *shape[-2:]).max(axis=0),
            shape[-2:],
            None,
            below=(
                f"{count(row['n_active'])} positive features,",
                f"{count(row['n_free'])} of {count(len(row['lower']))} free",
            ),
        )
        for row, width in zip(rows, widths, strict=True)
    )
    alt = "Inputs, and under each a map of how far every pixel may move while the features stay."
    return PictureGrid((inputs, maps), (Part(alt),), "may move by")


def _curves(rows: list[dict[str, Any]], widths: list[np.ndarray]) -> Curves:
    return Curves(
        Axis("coordinates, sorted", "count"),
        Axis("may move by", low=0),
        tuple(
            Curve(f"input {row['input']}", Step(place, len(rows)), np.arange(1, width.size + 1), np.sort(width))
            for place, (row, width) in enumerate(zip(rows, widths, strict=True))
        ),
        (Part("How far each coordinate may move while the features stay, sorted."),),
    )
