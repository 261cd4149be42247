"""Sizes, ranks and condition numbers over the layers (the paper's Figure 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, count_axis, draw, legend_below, log_axis, name_layers, shortened
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
        name_layers(axes, [row["layer"] for row in layers])
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
        name_layers(axes, [row["layer"] for row in layers])
        legend_below(figure, axes)

    parts = [
        f"{row['layer']}: {real(row['condition_without_relu'])} before and {real(row['condition_with_relu'])} with ReLU"
        for row in layers
    ]
    alt = f"Median condition number over the layers, on a logarithmic scale. {'; '.join(parts)}."
    return draw(key, paint, (BEFORE, AFTER), alt=alt)


def draw_smallest(study: Study, key: str) -> Drawing:
    """Largest and smallest non-zero singular value of every prefix, before and with the layer's ReLU."""
    layers = study.layers.to_pylist()

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        places = np.arange(len(layers))
        for column, style, what in (("largest", "--", "largest"), ("smallest_nonzero", "-", "smallest non-zero")):
            for relu, colour, when, marker in ((False, BEFORE, "before ReLU", "s"), (True, AFTER, "with ReLU", "o")):
                found = over_layers(study, column, relu=relu)
                _line(axes, places, found, colour, f"{what}, {when}", marker, style)
        log_axis(axes, "y")
        axes.set_ylabel("singular value")
        name_layers(axes, [row["layer"] for row in layers])
        legend_below(figure, axes)

    parts = [
        f"{row['layer']}: {real(row['smallest_nonzero_without_relu'])} to {real(row['largest_without_relu'])} before, "
        f"{real(row['smallest_nonzero_with_relu'])} to {real(row['largest_with_relu'])} with ReLU"
        for row in layers
        if row["n_spectra"]
    ]
    alt = f"Median smallest non-zero and largest singular value over the layers, logarithmic. {'; '.join(parts)}."
    return draw(key, paint, (BEFORE, AFTER), alt=alt)


def draw_tradeoff(study: Study, key: str) -> Drawing:
    """Condition number over the number of forgotten directions, a point for each layer before and with its ReLU."""
    layers = study.layers.to_pylist()
    d = study.info.input_size

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        ends = []
        for relu, colour, label, marker in ((False, BEFORE, "before ReLU", "s"), (True, AFTER, "with ReLU", "o")):
            forgotten = d - over_layers(study, "rank", relu=relu).median
            condition = over_layers(study, "condition_number", relu=relu).median
            ends.append((forgotten, condition))
            axes.plot(
                forgotten, condition, color=colour.light, marker=marker, markersize=5, linestyle="none", label=label
            )
        (x0, y0), (x1, y1) = ends
        for place, row in enumerate(layers):
            axes.plot([x0[place], x1[place]], [y0[place], y1[place]], color=MUTED.light, linewidth=0.8, zorder=1)
            if np.isfinite(x1[place]) and np.isfinite(y1[place]):
                end, name = (x1[place], y1[place]), shortened(row["layer"])
                axes.annotate(name, end, xytext=(5, 4), textcoords="offset points", fontsize=8)
        log_axis(axes, "y")
        count_axis(axes, "x")
        axes.margins(x=0.08)
        axes.set_xlabel("directions of the input forgotten")
        axes.set_ylabel("condition number")
        axes.grid(axis="both")
        legend_below(figure, axes)

    parts = [
        f"{row['layer']}: {count(row['invariant_without_relu'])} forgotten at condition "
        f"{real(row['condition_without_relu'])} before, {count(row['invariant_with_relu'])} at "
        f"{real(row['condition_with_relu'])} with ReLU"
        for row in layers
        if row["n_spectra"]
    ]
    alt = f"Invariance against stability: forgotten directions and condition number of each layer. {'; '.join(parts)}."
    return draw(key, paint, (BEFORE, AFTER), alt=alt)


def _line(
    axes: Axes, places: np.ndarray, found: Quartiles, colour: Colour, label: str, marker: str, style: str = "-"
) -> None:
    spread = np.stack([found.median - found.lower, found.upper - found.median])
    axes.errorbar(
        places + (0.07 if marker == "o" else -0.07),  # side by side, so that neither hides the other's quartiles
        found.median,
        spread,
        color=colour.light,
        marker=marker,
        markersize=4.5,
        linestyle=style,
        linewidth=1.4,
        elinewidth=1,
        capsize=2.5,
        label=label,
    )


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]
