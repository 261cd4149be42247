"""Writing the metamers of several layers: exact arrays, numbers, pictures and a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import StoreError
from unrelu.inverse.inversion_tables import word, write_row
from unrelu.preimages.certificate_files.save import file_name
from unrelu.report.metamers_page import make_metamers_page
from unrelu.report.png import as_bytes, encode_png
from unrelu.report.template import render
from unrelu.report.write import Report, write_page

if TYPE_CHECKING:
    from unrelu.metamerism.judge import Classes
    from unrelu.report.metamers_page import MetamersSeen
    from unrelu.study.metamers_by_depth import LayerMetamer

ARRAYS, NUMBERS, PAGE = "metamers.npz", "metamers.csv", "metamers.html"

_COLUMNS = (
    "layer", "array", "picture", "search", "status", "objective", "norm", "distance before", "distance", "part of way",
    "bound", "regional", "unique", "feature error", "largest feature", "forward error", "exact within", "tolerance",
    "steps", "crossed", "changed", "at cut", "seen by", "original says", "target says", "metamer says",
    "original says, own", "target says, own", "metamer says, own", "seconds", "refused",
)  # fmt: skip


def write_metamers(seen: MetamersSeen, folder: Path) -> Report:
    """Write all that is known of some layers' metamers of one original.

    `metamers.npz` has the original, the target and each metamer in float64, exactly; `metamers.csv` a row of numbers a
    layer, so that reading them gives the same floats, what is not known left empty; where inputs are pictures, each is
    a PNG file, in which values are rounded to 8 bits; `metamers.html` is the page.

    Args:
        seen: what was asked and found.
        folder: where to write.

    Raises:
        MissingExtra: if matplotlib or jinja2 are not installed.
        StoreError: if a file cannot be written.
    """
    asked = seen.asked
    arrays = {"original": asked.original.astype(np.float64), "target": asked.target.astype(np.float64)}
    arrays |= {
        f"metamer-{file_name(each.layer)}": np.asarray(each.found.x) for each in seen.layers if each.found is not None
    }
    try:
        np.savez(folder / ARRAYS, allow_pickle=False, **arrays)
        write_row(folder / NUMBERS, _COLUMNS, "w")
        for each in seen.layers:
            write_row(folder / NUMBERS, _row(each, picture=seen.picture_shape is not None), "a")
        if seen.picture_shape is not None:
            for name, values in arrays.items():
                pixels = as_bytes(values, seen.picture_shape, seen.picture_range)
                (folder / f"{name}.png").write_bytes(encode_png(pixels))
    except OSError as error:
        raise StoreError(f"the metamers cannot be written to {folder} ({error}); choose another folder.") from error
    page = make_metamers_page(seen)
    return write_page(render(page, "metamers.html.j2"), page.drawings, folder / PAGE)


def _row(each: LayerMetamer, *, picture: bool) -> Sequence[object]:
    found, key = each.found, f"metamer-{file_name(each.layer)}"
    if found is None:
        empty = len(_COLUMNS) - 3
        return [each.layer, *[""] * empty, each.seconds, each.refused]
    return [
        each.layer, key, f"{key}.png" if picture else "", found.search, str(found.status), found.objective, found.norm,
        each.before, found.distance, "" if each.part_of_way is None else each.part_of_way,
        found.bound, word(found.regional), word(found.unique), found.feature_error, found.largest_feature,
        "" if found.forward_error is None else found.forward_error,
        found.radius if math.isfinite(found.radius) else "", found.tolerance,
        found.steps, found.crossed, sum(found.changed.values()) if found.search != "layer" else "", word(found.at_cut),
        " ".join(seer.node for seer in found.seen_by), *_said(found.classes), *_said(found.own_classes), each.seconds,
        "",
    ]  # fmt: skip


def _said(classes: Classes | None) -> tuple[object, object, object]:
    return ("", "", "") if classes is None else (classes.original, classes.target, classes.metamer)
