"""The metamers of several layers in figures: beside each other, and how near they come."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.report.figures import Drawing, draw, legend_below, name_layers, shortened
from unrelu.report.palette import AFTER, INK, MUTED, OTHERS, layer_colours
from unrelu.report.png import as_bytes
from unrelu.solvers.status import Status
from unrelu.study.shown.numbers import norm_name, real

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.metamerism.result import Metamer
    from unrelu.report.metamers_page import MetamersSeen

_MOST_NAMED = 12  # coordinates up to which each has a mark

_PER_ROW = 8  # pictures


def draw_distances(seen: MetamersSeen, key: str) -> Drawing:
    """How far each layer's metamer is from the target, and how far the original was.

    Args:
        seen: what was asked and found, with at least one metamer.
        key: of the drawing.
    """
    norm = norm_name(seen.asked.norm)
    known = [(place, each.found) for place, each in enumerate(seen.layers) if each.found is not None]
    before = seen.asked.before

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        if seen.has_target:
            axes.axhline(before, color=INK.light, linewidth=1, linestyle=(0, (4, 3)), label="original")
        axes.plot(
            [place for place, _ in known], [found.distance for _, found in known], color=AFTER.light, linewidth=1.4
        )
        for proved in (True, False):
            chosen = [(place, found.distance) for place, found in known if is_proved(found) is proved]
            if chosen:
                axes.plot(
                    *np.array(chosen).T,
                    linestyle="none",
                    marker="o",
                    markersize=5.5,
                    color=AFTER.light,
                    markerfacecolor=AFTER.light if proved else "none",
                    label=f"metamer, {'proved' if proved else 'not proved'} {seen.asked.objective}",
                )
        axes.set_ylim(0, 1.06 * max([before, *(found.distance for _, found in known)]) or 1.0)
        axes.set_ylabel(f"{norm} distance from {seen.toward}")
        name_layers(axes, [each.layer for each in seen.layers])
        legend_below(figure, axes)

    parts = [f"{seen.layers[place].layer} {real(found.distance)}" for place, found in known]
    alt = (
        f"{norm} distance from {seen.toward} by layer; of the original {real(before)}, of metamers: {', '.join(parts)}."
    )
    return draw(key, paint, (AFTER,), alt=alt)


def is_proved(found: Metamer) -> bool:
    """Whether no metamer is better, proved, wherever it lies."""
    return found.unique or (found.status is Status.OPTIMAL and not found.regional)


def draw_numbers(seen: MetamersSeen, key: str) -> Drawing:
    """Inputs that are no pictures, over their coordinates: original, target and metamers.

    Args:
        seen: what was asked and found.
        key: of the drawing.
    """
    asked = seen.asked
    known = [each for each in seen.layers if each.found is not None]
    colours = layer_colours(max(1, len(known)))
    places = np.arange(1, asked.original.size + 1)
    mark = "o" if places.size <= _MOST_NAMED else ""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()

        def line(values: np.ndarray, colour: str, label: str, style: Any, width: float) -> None:
            axes.plot(
                places, np.asarray(values).ravel(), color=colour, label=label, linestyle=style, linewidth=width,
                marker=mark, markersize=3.5,
            )  # fmt: skip

        line(asked.original, INK.light, "original", "-", 2.2)
        if seen.has_target:
            line(asked.target, OTHERS.light, "target", "-", 2.2)
        for each, colour in zip(known, colours, strict=False):
            assert each.found is not None
            line(np.asarray(each.found.x), colour.light, f"metamer, {shortened(each.layer)}", (0, (5, 2)), 1.4)
        axes.set_xlabel("coordinate")
        axes.set_ylabel("value")
        if mark:
            axes.set_xticks(places)
        axes.grid(axis="y")
        axes.tick_params(which="both", length=0)
        legend_below(figure, axes)

    alt = f"The {places.size} coordinates of the original, of the target and of the metamers of {len(known)} layers."
    return draw(key, paint, (OTHERS, *colours), alt=alt)


def draw_pictures(seen: MetamersSeen, key: str) -> Drawing:
    """Original, metamers in the order of their layers, and target, as one picture; what changed is under each.

    Args:
        seen: what was asked and found; its inputs are pictures.
        key: of the drawing.
    """
    asked = seen.asked
    shape, limits = seen.picture_shape, seen.picture_range
    assert shape is not None
    known = [each for each in seen.layers if each.found is not None]
    most = largest_change(seen)
    inputs = [("original", asked.original)]
    inputs += [(shortened(each.layer, 14), np.asarray(each.found.x)) for each in known if each.found is not None]
    if seen.has_target:
        inputs.append(("target", asked.target))
    columns = min(len(inputs), _PER_ROW)
    rows = math.ceil(len(inputs) / columns)

    def paint(figure: Figure) -> None:
        grid = figure.subplots(2 * rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for place, (name, values) in enumerate(inputs):
            row, column = divmod(place, columns)
            _show(grid[2 * row, column], as_bytes(values, shape, limits))
            grid[2 * row, column].set_title(name, pad=4)
            if name != "original":
                change = values.astype(np.float64) - asked.original
                _show(grid[2 * row + 1, column], as_bytes(change, shape, (-most, most)))
            else:
                words = "less the\noriginal"
                axes = grid[2 * row + 1, column]
                axes.text(0.5, 0.5, words, ha="center", va="center", color=MUTED.light, transform=axes.transAxes)

    alt = "Original, metamers from the shallowest layer to the deepest, and target; under each how it differs."
    return draw(key, paint, alt=alt, size=(1.15 * columns, 2.45 * rows))


def largest_change(seen: MetamersSeen) -> float:
    """The largest difference of a value from the original's, of the target and all metamers; 1 if there is none."""
    others = [seen.asked.target, *(each.found.x for each in seen.layers if each.found is not None)]
    return max(float(np.abs(np.asarray(each) - seen.asked.original).max(initial=0.0)) for each in others) or 1.0


def _show(axes: Axes, pixels: np.ndarray) -> None:
    axes.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
