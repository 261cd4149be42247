"""Drawing lines with bands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, draw, legend_below, set_axis, shortened
from unrelu.report.palette import colour_of
from unrelu.study.shown.parts import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unrelu.study.shown.curves import Curves

_MOST_NAMES = 12  # in the legend; of more lines only some are named, the colours run on between them


def draw_curves(curves: Curves, key: str) -> Drawing:
    """Lines, each with its band.

    Args:
        curves: what to draw.
        key: of the drawing.
    """
    n = len(curves.curves)
    named = set(np.unique(np.round(np.linspace(0, n - 1, min(n, _MOST_NAMES))).astype(int)))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for place, curve in enumerate(curves.curves):
            colour = colour_of(curve.colour).light
            if curve.lower is not None and curve.upper is not None:
                some = _has_place(curve.lower)
                axes.fill_between(
                    curve.x[some], curve.lower[some], curve.upper[some], color=colour, alpha=0.22, linewidth=0
                )
            seen = _has_place(curve.y)
            label = shortened(curve.label) if place in named else ""
            axes.plot(curve.x[seen], curve.y[seen], color=colour, linewidth=1.6, label=label)
        set_axis(axes, "y", curves.y)
        set_axis(axes, "x", curves.x)
        axes.grid(axis="y")
        axes.tick_params(which="both", length=0)
        legend_below(figure, axes)

    def _has_place(values: np.ndarray) -> np.ndarray:
        return values > 0 if curves.y.scale == "log" else ~np.isnan(values)

    return draw(key, paint, [colour_of(curve.colour) for curve in curves.curves], alt=plain(curves.alt))
