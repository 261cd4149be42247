"""Drawing shares over the numbers that they are shares of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.draw_histogram import mark_threshold, paint_bars
from unrelu.report.figures import Drawing, draw, legend_below, set_axis
from unrelu.report.palette import colour_of
from unrelu.study.shown.parts import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unrelu.study.shown.shares import Shares

_SIZE = (4.7, 4.2)  # inches; room for two plots


def draw_shares(shares: Shares, key: str) -> Drawing:
    """Above the share in each bin, beside what it is compared with; below the numbers of each kind.

    Args:
        shares: what to draw.
        key: of the drawing.
    """
    found, reference, counts = shares.found, shares.reference, shares.counts
    middles = (counts.edges[:-1] + counts.edges[1:]) / 2

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        some = ~np.isnan(found.share)
        share = found.share[some]
        open_ = None if found.at_most is None else np.stack([np.zeros_like(share), found.at_most[some] - share])
        upper.errorbar(
            middles[some],
            share,
            open_,
            color=colour_of(found.colour).light,
            marker="o",
            markersize=4.5,
            linewidth=1.4,
            capsize=2.5,
            label=found.label,
            zorder=3,
            clip_on=False,
        )
        if reference is not None:
            known = ~np.isnan(reference.share)
            upper.plot(
                middles[known],
                reference.share[known],
                color=colour_of(reference.colour).light,
                marker="s",
                markersize=7,  # hollow and larger, so that it is seen around the other where both agree
                markerfacecolor="none",
                linewidth=1.2,
                linestyle=(0, (1, 1.5)),
                label=reference.label,
                zorder=2.5,
                clip_on=False,
            )
        set_axis(upper, "y", shares.y)
        paint_bars(lower, counts)
        mark_threshold(upper, counts, 0.06, "baseline")
        upper.grid(axis="y")
        upper.tick_params(length=0)
        legend_below(figure, upper, lower)

    drawn = (found, *counts.stacks) if reference is None else (found, reference, *counts.stacks)
    return draw(key, paint, [colour_of(each.colour) for each in drawn], alt=plain(shares.alt), size=_SIZE)
