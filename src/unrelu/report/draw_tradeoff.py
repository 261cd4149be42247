"""Drawing two numbers against each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.draw_profile import MARKERS
from unrelu.report.figures import Drawing, draw, legend_below, set_axis, shortened
from unrelu.report.palette import MUTED, colour_of
from unrelu.study.shown.parts import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unrelu.study.shown.tradeoff import Tradeoff


def draw_tradeoff(tradeoff: Tradeoff, key: str) -> Drawing:
    """A point for each thing in each state, those of one thing joined.

    Args:
        tradeoff: what to draw.
        key: of the drawing.
    """
    states = tradeoff.states

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for state in states:
            axes.plot(
                state.x,
                state.y,
                color=colour_of(state.colour).light,
                marker=MARKERS[state.marker],
                markersize=5,
                linestyle="none",
                label=state.label,
            )
        for place, name in enumerate(tradeoff.names):
            path = np.array([(state.x[place], state.y[place]) for state in states])
            axes.plot(*path.T, color=MUTED.light, linewidth=0.8, zorder=1)
            if np.isfinite(path[-1]).all():
                end = (float(path[-1, 0]), float(path[-1, 1]))
                axes.annotate(shortened(name), end, xytext=(5, 4), textcoords="offset points", fontsize=8)
        set_axis(axes, "y", tradeoff.y)
        set_axis(axes, "x", tradeoff.x)
        axes.margins(x=0.08)
        axes.grid(axis="both")
        legend_below(figure, axes)

    return draw(key, paint, [colour_of(state.colour) for state in states], alt=plain(tradeoff.alt))
