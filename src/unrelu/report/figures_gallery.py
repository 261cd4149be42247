"""The gallery as one picture, for the folder of figures: original, target, metamers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, draw
from unrelu.report.numbers import norm_name
from unrelu.report.palette import MUTED
from unrelu.report.png import as_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.study import Study

_MOST_PAIRS = 6


def draw_gallery(study: Study, key: str) -> Drawing:
    """The first pairs of a study with metamers, a row each, with the predicted class under each picture.

    Args:
        study: a study with metamers whose inputs are pictures.
        key: of the drawing.
    """
    info = study.info
    assert info.picture_shape is not None
    assert info.picture_range is not None
    shape, limits = info.picture_shape, info.picture_range
    rows = study.metamers.to_pylist()
    numbers = list(dict.fromkeys(row["pair"] for row in rows))[:_MOST_PAIRS]
    norms = list(dict.fromkeys(row["norm"] for row in rows))

    def paint(figure: Figure) -> None:
        grid = figure.subplots(len(numbers), 2 + len(norms), squeeze=False)
        for line, number in zip(grid, numbers, strict=True):
            own = [row for row in rows if row["pair"] == number]
            _show(line[0], own[0]["original_values"], info.class_name(own[0]["original_predicted"]))
            _show(line[1], own[0]["target_values"], info.class_name(own[0]["target_predicted"]))
            for axes, row in zip(line[2:], own, strict=True):
                _show(axes, row["metamer_values"], info.class_name(row["metamer_predicted"]))
        titles = ["original", "target", *(f"metamer, {norm_name(norm)}" for norm in norms)]
        for axes, words in zip(grid[0], titles, strict=True):
            axes.set_title(words, pad=6)

    def _show(axes: Axes, values: list[float], said: str) -> None:
        pixels = as_bytes(np.asarray(values), shape, limits)
        axes.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_visible(False)
        axes.set_xlabel(f"network says {said}", color=MUTED.light, fontsize=8)

    alt = "Originals, targets and metamers: each metamer has the features of its original and looks like its target."
    return draw(key, paint, alt=alt, size=(1.15 * (2 + len(norms)), 1.36 * len(numbers) + 0.25))
