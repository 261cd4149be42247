"""How far each coordinate of a few inputs may move while the features stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.report.figures import SIZE, Drawing, count_axis, draw
from unrelu.report.numbers import count
from unrelu.report.palette import MUTED, layer_colours
from unrelu.report.png import as_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.study import Study

MOST_SHOWN = 4
"""Inputs side by side."""

_COLOURS = "cividis"  # even steps of brightness, for all common kinds of colour vision


def draw_freedom(study: Study, key: str) -> Drawing:
    """The width of the range of each coordinate: maps under the pictures, or sorted curves for other inputs.

    Args:
        study: a study with freedom records.
        key: of the drawing.
    """
    rows = study.freedom.to_pylist()[:MOST_SHOWN]
    shape, limits = study.info.picture_shape, study.info.picture_range
    if shape is None or limits is None:
        return _curves(rows, key)
    widths = [np.subtract(row["upper"], row["lower"]) for row in rows]
    # Pictures in colour show the channel that may move the farthest.
    maps = [width.reshape(-1, *shape[-2:]).max(axis=0) for width in widths]
    top = float(max(width.max() for width in widths)) or 1.0

    def paint(figure: Figure) -> None:
        grid = figure.subplots(2, len(rows), squeeze=False)
        for column, (row, width) in enumerate(zip(rows, maps, strict=True)):
            pixels = as_bytes(np.asarray(row["original_values"]), shape, limits)
            _plain(grid[0, column]).imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
            grid[0, column].set_title(f"input {row['input']}", pad=5)
            _plain(grid[1, column]).imshow(width, cmap=_COLOURS, vmin=0, vmax=top, interpolation="nearest")
            free, size = count(row["n_free"]), count(len(row["lower"]))
            words = f"{count(row['n_active'])} positive features,\n{free} of {size} free"
            grid[1, column].set_xlabel(words, color=MUTED.light, fontsize=8)
        bar = figure.colorbar(grid[1, 0].images[0], ax=grid[1, :].tolist(), shrink=0.9, aspect=12)
        bar.set_label("may move by")
        bar.outline.set_visible(False)

    alt = "Inputs, and under each a map of how far every pixel may move while the features stay."
    return draw(key, paint, alt=alt, size=(max(SIZE[0], 1.5 * len(rows) + 0.7), 3.6))


def _plain(axes: Axes) -> Axes:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    return axes


def _curves(rows: list[dict[str, Any]], key: str) -> Drawing:
    colours = layer_colours(len(rows))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for row, colour in zip(rows, colours, strict=True):
            width = np.sort(np.subtract(row["upper"], row["lower"]))
            axes.plot(np.arange(1, width.size + 1), width, color=colour.light, label=f"input {row['input']}")
        axes.set_ylim(bottom=0)
        axes.set_ylabel("may move by")
        axes.set_xlabel("coordinates, sorted")
        count_axis(axes, "x")
        axes.legend()

    return draw(key, paint, colours, alt="How far each coordinate may move while the features stay, sorted.")
