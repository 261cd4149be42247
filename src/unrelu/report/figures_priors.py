"""How many inputs are the only valid one with their features, over the number of positive features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from unrelu.report.figures import Drawing, count_axis, draw, legend_below
from unrelu.report.figures_preimages import shows_threshold
from unrelu.report.numbers import count, rough
from unrelu.report.palette import AFTER, INK, KINDS, MUTED, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.study import Study

_MOST_BINS = 12  # the number of inputs stands over each
_STEPS = (1, 2, 5, 10, 20, 25, 50)
_STACK = (
    ("not the only one", False, "bounded"),
    ("open", None, "undecided"),
    ("the only valid one", True, "singleton"),
)
_SIZE = (4.7, 4.2)  # inches; room for two plots


def draw_uniqueness(study: Study, layer: str, key: str) -> Drawing:
    """The share of inputs that are unique within the prior over the number of positive features, with d marked.

    Above, the share in each bin beside the one that Gaussian rows would give; an open answer widens the share to what
    it may be. Below, the numbers of inputs in each bin.

    Args:
        study: the study.
        layer: name of a layer with verdicts within the prior.
        key: of the drawing.
    """
    row = study.layers.filter(pc.field("layer") == layer).to_pylist()[0]
    priors = study.priors.filter(pc.field("layer") == layer)
    active = np.array(priors["n_active"].to_pylist())
    unique = np.array(priors["unique"].to_pylist(), dtype=object)
    expected = priors["expected"].to_pylist()
    d = row["input_size"]
    low, high = int(active.min()), int(active.max())
    shown = shows_threshold({**row, "active_max": high})
    edges = _edges(low, high)
    width = edges[1] - edges[0]
    middles = edges[:-1] + width / 2
    counts = {value: np.histogram(active[[each is value for each in unique]], edges)[0] for _, value, _ in _STACK}
    n = np.histogram(active, edges)[0]
    some = n > 0

    def paint(figure: Figure) -> None:
        upper, lower = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        share, at_most = 100 * counts[True][some] / n[some], 100 * (counts[True] + counts[None])[some] / n[some]
        upper.errorbar(
            middles[some],
            share,
            np.stack([np.zeros_like(share), at_most - share]) if counts[None].any() else None,
            color=AFTER.light,
            marker="o",
            markersize=4.5,
            linewidth=1.4,
            capsize=2.5,
            label="found",
            clip_on=False,
            zorder=3,
        )
        if None not in expected:
            upper.plot(
                middles[some],
                100 * np.histogram(active, edges, weights=expected)[0][some] / n[some],
                color=MUTED.light,
                marker="s",
                markersize=7,  # hollow and larger, so that it is seen around the other where both agree
                markerfacecolor="none",
                linewidth=1.2,
                linestyle=(0, (1, 1.5)),
                label="Gaussian rows",
                clip_on=False,
                zorder=2.5,
            )
        upper.set_ylim(0, 100)
        upper.set_yticks((0, 25, 50, 75, 100), ("0 %", "25 %", "50 %", "75 %", "100 %"))
        upper.set_ylabel("only valid one")
        base = np.zeros(len(n))
        for label, value, kind in _STACK:
            if counts[value].any():
                colours = {"color": KINDS[kind].light, "edgecolor": PAPER.light}
                lower.bar(middles, counts[value], width, base, linewidth=0.5, label=label, **colours)
                base += counts[value]
        for middle, height in zip(middles[some], n[some], strict=True):
            lower.annotate(
                count(int(height)),
                (middle, height),
                (0, 1.5),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7.5,
            )
        lower.set_ylim(0, n.max() * 1.2)
        count_axis(lower, "y")
        lower.set_ylabel("inputs")
        _mark(upper, d, edges, shown)
        count_axis(lower, "x")
        lower.set_xlabel("positive features")
        for axes in (upper, lower):
            axes.grid(axis="y")
            axes.tick_params(length=0)
        legend_below(figure, upper, lower)

    alt = (
        f"Share of inputs that are the only valid one with their features in {layer}, over the number of positive "
        f"features, {count(low)} to {count(high)}: {count(row['prior_unique'])} of {count(row['n_prior'])} in all. "
        + ("" if None in expected else f"Gaussian rows would make {rough(row['prior_expected'])} so. ")
        + f"The layer has {count(d)} inputs."
    )
    return draw(key, paint, (AFTER, *KINDS.values()), alt=alt, size=_SIZE)


def _mark(axes: Axes, d: int, edges: np.ndarray, shown: bool) -> None:
    """Mark d, from which on the positive features alone can determine the input."""
    if not shown:
        axes.annotate(f"d = {count(d)} →", (1, 0.06), xycoords="axes fraction", ha="right", color=MUTED.light)
        return
    axes.axvline(d - 0.5, color=INK.light, linewidth=1, linestyle=(0, (4, 3)))
    left = d > (edges[0] + edges[-1]) / 2
    axes.annotate(
        f"d = {count(d)}",
        (d - 0.5, 0.06),
        (-4 if left else 4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="right" if left else "left",
    )


def _edges(low: int, high: int) -> np.ndarray:
    """Edges of a few bins of equal, round width that hold all counts; none of them is itself a count."""
    scale = 1
    while True:
        for step in _STEPS:
            width = step * scale
            start = low // width * width
            n = (high - start) // width + 1
            if n <= _MOST_BINS:
                return start + width * np.arange(n + 1) - 0.5
        scale *= 100
