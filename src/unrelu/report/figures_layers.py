"""Sizes, ranks and condition numbers over the layers (the paper's Figure 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, count_axis, draw, legend_below, log_axis, shortened
from unrelu.report.numbers import count, real
from unrelu.report.palette import AFTER, BEFORE, INK, MUTED
from unrelu.study.curves import Quartiles, over_layers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.report.palette import Colour
    from unrelu.study.study import Study

_WIDE = 30.0  # sizes that differ by more than this factor are drawn on a logarithmic axis


def draw_sizes(study: Study, key: str) -> Drawing:
    """Output size and rank of every layer, before and with its ReLU, beside the size of the input."""
    layers = study.layers.to_pylist()
    sizes = np.array([row["output_size"] for row in layers], dtype=np.float64)
    d = study.info.input_size

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(layers))
        axes.axhline(d, color=INK.light, linewidth=1, linestyle=(0, (4, 3)), label=f"size of the input, {count(d)}")
        axes.plot(
            places,
            sizes,
            linestyle="none",
            marker="_",
            markersize=15,
            markeredgewidth=2,
            color=MUTED.light,
            label="output size",
        )
        _line(axes, places, over_layers(study, "rank", relu=False), BEFORE, "rank before ReLU", "s")
        _line(axes, places, over_layers(study, "rank", relu=True), AFTER, "rank with ReLU", "o")
        everything = np.concatenate([sizes, [d], _known(over_layers(study, "rank", relu=True).lower)])
        if everything.max() > _WIDE * max(everything.min(), 1):
            log_axis(axes, "y")
        else:
            axes.set_ylim(0, None)
            count_axis(axes, "y")
        axes.set_ylabel("coordinates")
        _name_layers(axes, [row["layer"] for row in layers])
        legend_below(figure, axes)

    parts = [
        f"{row['layer']}: size {count(row['output_size'])}, rank {count(row['rank_without_relu'])} before and "
        f"{count(row['rank_with_relu'])} with ReLU"
        for row in layers
    ]
    alt = f"Output size and median rank over the layers; the input has {count(d)} coordinates. {'; '.join(parts)}."
    return draw(key, paint, (BEFORE, AFTER), alt=alt)


def draw_condition(study: Study, key: str) -> Drawing:
    """Condition number of every prefix, before and with the layer's ReLU."""
    layers = study.layers.to_pylist()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(layers))
        _line(axes, places, over_layers(study, "condition_number", relu=False), BEFORE, "before ReLU", "s")
        _line(axes, places, over_layers(study, "condition_number", relu=True), AFTER, "with ReLU", "o")
        log_axis(axes, "y")
        axes.set_ylabel("condition number")
        _name_layers(axes, [row["layer"] for row in layers])
        legend_below(figure, axes)

    parts = [
        f"{row['layer']}: {real(row['condition_without_relu'])} before and {real(row['condition_with_relu'])} with ReLU"
        for row in layers
    ]
    alt = f"Median condition number over the layers, on a logarithmic scale. {'; '.join(parts)}."
    return draw(key, paint, (BEFORE, AFTER), alt=alt)


def _line(axes: Axes, places: np.ndarray, found: Quartiles, colour: Colour, label: str, marker: str) -> None:
    spread = np.stack([found.median - found.lower, found.upper - found.median])
    axes.errorbar(
        places + (0.07 if marker == "o" else -0.07),  # side by side, so that neither hides the other's quartiles
        found.median,
        spread,
        color=colour.light,
        marker=marker,
        markersize=4.5,
        linewidth=1.4,
        elinewidth=1,
        capsize=2.5,
        label=label,
    )


def _name_layers(axes: Axes, names: list[str]) -> None:
    every = max(1, len(names) // 16)
    places = np.arange(0, len(names), every)
    slanted = sum(min(len(name), 18) + 2 for name in names[::every]) > 52
    axes.set_xticks(
        places,
        [shortened(names[place]) for place in places],
        rotation=40 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor",
    )
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.grid(axis="y")
    axes.tick_params(which="both", length=0)


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]
