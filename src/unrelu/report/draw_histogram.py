"""Drawing a histogram by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, draw, legend_below, set_axis
from unrelu.report.palette import INK, MUTED, PAPER, colour_of
from unrelu.study.shown.numbers import count
from unrelu.study.shown.parts import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.shown.stacked_histogram import StackedHistogram


def draw_histogram(histogram: StackedHistogram, key: str) -> Drawing:
    """A histogram, with its marked value.

    Args:
        histogram: what to draw.
        key: of the drawing.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        paint_bars(axes, histogram)
        mark_threshold(axes, histogram, 1, "top")
        legend_below(figure, axes)

    return draw(key, paint, [colour_of(stack.colour) for stack in histogram.stacks], alt=plain(histogram.alt))


def paint_bars(axes: Axes, histogram: StackedHistogram) -> None:
    """The bars, and the numbers over them where they are to be shown; the marked value is left out."""
    edges = histogram.edges
    base = np.zeros(len(edges) - 1)
    for stack in histogram.stacks:
        if stack.counts.any():
            axes.bar(
                edges[:-1],
                stack.counts,
                np.diff(edges),
                base,
                align="edge",
                color=colour_of(stack.colour).light,
                edgecolor=PAPER.light,
                linewidth=0.5,
                label=stack.label,
            )
            base += stack.counts
    if histogram.totals:
        for middle, height in zip((edges[:-1] + edges[1:]) / 2, base, strict=True):
            if height:
                axes.annotate(
                    count(int(height)),
                    (middle, height),
                    (0, 1.5),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=7.5,
                )
    axes.set_ylim(0, (base.max(initial=0) or 1) * (1.2 if histogram.totals else 1.14))
    set_axis(axes, "x", histogram.x)
    set_axis(axes, "y", histogram.y)
    axes.grid(axis="y")
    axes.tick_params(length=0)


def mark_threshold(axes: Axes, histogram: StackedHistogram, height: float, vertical: str) -> None:
    """Mark the value that separates what is on its two sides, or point to where it is.

    Args:
        axes: the plot.
        histogram: whose value it is.
        height: of its words, as a part of the plot's.
        vertical: which side of the words that is.
    """
    mark, edges = histogram.threshold, histogram.edges
    if mark is None:
        return
    if mark.beyond:
        words, place = f"{mark.label} →", (1, height)
        axes.annotate(words, place, xycoords="axes fraction", ha="right", va=vertical, color=MUTED.light)
        return
    axes.axvline(mark.at, color=INK.light, linewidth=1, linestyle=(0, (4, 3)))
    left = mark.at + 0.5 > (edges[0] + edges[-1]) / 2
    axes.annotate(
        mark.label,
        (mark.at, height),
        (-4 if left else 4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if left else "left",
        va=vertical,
    )
