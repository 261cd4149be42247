"""Drawing numbers over named places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, draw, legend_below, name_layers, set_axis
from unrelu.report.palette import INK, colour_of
from unrelu.study.shown.parts import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.shown.profile import Profile, Series

MARKERS = {"circle": "o", "square": "s", "dash": "_"}
"""What matplotlib calls them."""

_BESIDE = {"circle": 0.07, "square": -0.07, "dash": 0.0}  # so that neither hides the other's quartiles


def draw_profile(profile: Profile, key: str) -> Drawing:
    """Numbers over named places, with quartiles.

    Args:
        profile: what to draw.
        key: of the drawing.
    """

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for level in profile.levels:
            axes.axhline(level.value, color=INK.light, linewidth=1, linestyle=(0, (4, 3)), label=level.label)
        for series in profile.series:
            _paint(axes, series)
        set_axis(axes, "y", profile.y)
        name_layers(axes, profile.names)
        legend_below(figure, axes)

    return draw(key, paint, [colour_of(series.colour) for series in profile.series], alt=plain(profile.alt))


def _paint(axes: Axes, series: Series) -> None:
    colour, marker = colour_of(series.colour).light, MARKERS[series.marker]
    places = np.arange(len(series.y)) + _BESIDE[series.marker]
    if series.marker == "dash":
        axes.plot(
            places,
            series.y,
            linestyle="none",
            marker=marker,
            markersize=15,
            markeredgewidth=2,
            color=colour,
            label=series.label,
        )
        return
    spread = None
    if series.lower is not None and series.upper is not None:
        spread = np.stack([series.y - series.lower, series.upper - series.y])
    axes.errorbar(
        places,
        series.y,
        spread,
        color=colour,
        marker=marker,
        markersize=4.5,
        linestyle="--" if series.dashed else "-",
        linewidth=1.4,
        elinewidth=1,
        capsize=2.5,
        label=series.label,
    )
