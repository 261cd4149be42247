"""Drawing pictures and maps in rows and columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import SIZE, Drawing, draw
from unrelu.report.palette import MUTED
from unrelu.report.png import as_bytes
from unrelu.study.shown.parts import plain
from unrelu.study.shown.picture_grid import PictureGrid, Tile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.shown.gallery import Gallery

_COLOURS = "cividis"  # even steps of brightness, for all common kinds of colour vision
_MOST_STRIPS = 6


def draw_pictures(grid: PictureGrid, key: str) -> Drawing:
    """Pictures and maps, with words above and below; the scale of the maps stands on their right.

    Args:
        grid: what to draw.
        key: of the drawing.
    """
    n_rows, n_columns = len(grid.rows), max(len(row) for row in grid.rows)
    maps = [tile.values for row in grid.rows for tile in row if tile is not None and tile.limits is None]
    top = max((float(np.max(values)) for values in maps), default=0.0) or 1.0

    def paint(figure: Figure) -> None:
        plots = figure.subplots(n_rows, n_columns, squeeze=False)
        with_maps = []
        for axes in plots.flat:
            _clear(axes)
        for line, row in zip(plots, grid.rows, strict=True):
            for axes, tile in zip(line, row, strict=False):
                if tile is not None:
                    _paint(axes, tile, top)
                    with_maps += [axes] if tile.limits is None else []
        if with_maps:
            bar = figure.colorbar(with_maps[0].images[0], ax=with_maps, shrink=0.9, aspect=12)
            bar.set_label(grid.scale)
            bar.outline.set_visible(False)

    size = (1.15 * n_columns, 1.36 * n_rows + 0.25)
    if maps:
        size = (max(SIZE[0], 1.5 * n_columns + 0.7), 1.8 * n_rows)
    return draw(key, paint, alt=plain(grid.alt), size=size)


def draw_gallery(gallery: Gallery, key: str) -> Drawing:
    """The first strips of a gallery as one picture, a row each, with the predicted class under each picture.

    Args:
        gallery: what to draw.
        key: of the drawing.
    """
    rows = tuple(
        tuple(
            Tile(
                each.values,
                each.shape,
                each.limits,
                above="" if number else each.label,
                below=(f"network says {each.said.text}",),
            )
            for each in strip.pictures
        )
        for number, strip in enumerate(gallery.strips[:_MOST_STRIPS])
    )
    return draw_pictures(PictureGrid(rows, gallery.alt), key)


def _paint(axes: Axes, tile: Tile, top: float) -> None:
    if tile.limits is None:
        axes.imshow(tile.values.reshape(tile.shape), cmap=_COLOURS, vmin=0, vmax=top, interpolation="nearest")
    else:
        pixels = as_bytes(tile.values, tile.shape, tile.limits)
        axes.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
    if tile.above:
        axes.set_title(tile.above, pad=6)
    axes.set_xlabel("\n".join(tile.below), color=MUTED.light, fontsize=8)


def _clear(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
