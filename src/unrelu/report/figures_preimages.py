"""Finite and infinite preimages over the number of positive outputs (the paper's Figure 4)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from unrelu.report.figures import Drawing, count_axis, draw, legend_below
from unrelu.report.numbers import count
from unrelu.report.palette import INK, KINDS, MUTED, PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unrelu.study.study import Study

_BARS = 40
_REACH = 2.2  # so many times the most positive features, the axis may go on to show the threshold
_LABELS = {
    "singleton": "one point",
    "bounded": "bounded",
    "unbounded": "unbounded",
    "undecided": "undecided",
    "empty": "empty",
}
_STACK = ("unbounded", "undecided", "empty", "bounded", "singleton")


def shows_threshold(layer: dict[str, Any]) -> bool:
    """Whether d, the number of the layer's inputs, is near enough to the numbers of positive features to be drawn.

    Args:
        layer: the layer's row in the layer table.
    """
    d = layer["input_size"]
    return d <= layer["output_size"] and d <= _REACH * max(layer["active_max"], 1)


def draw_preimages(study: Study, layer: str, key: str) -> Drawing:
    """A histogram by kind over the number of positive features of a layer, with d marked.

    Args:
        study: the study.
        layer: name of a layer with verdicts.
        key: of the drawing.
    """
    row = study.layers.filter(pc.field("layer") == layer).to_pylist()[0]
    verdicts = study.verdicts.filter(pc.field("layer") == layer)
    kinds = np.array(verdicts["kind"].to_pylist())
    active = np.array(verdicts["n_active"].to_pylist())
    d = row["input_size"]
    shown = shows_threshold(row)
    edges = _edges(int(active.min()), max(int(active.max()), d) if shown else int(active.max()), d if shown else None)
    width = edges[1] - edges[0]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        base = np.zeros(len(edges) - 1)
        for kind in _STACK:
            heights, _ = np.histogram(active[kinds == kind], edges)
            if heights.any():
                axes.bar(
                    edges[:-1],
                    heights,
                    width,
                    base,
                    align="edge",
                    color=KINDS[kind].light,
                    edgecolor=PAPER.light,
                    linewidth=0.5,
                    label=_LABELS[kind],
                )
                base += heights
        axes.set_ylim(0, base.max() * 1.14)
        if shown:
            axes.axvline(d - 0.5, color=INK.light, linewidth=1, linestyle=(0, (4, 3)))
            left = d > (edges[0] + edges[-1]) / 2
            axes.annotate(
                f"d = {count(d)}",
                (d - 0.5, 1),
                (-4 if left else 4, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="right" if left else "left",
                va="top",
            )
        else:
            axes.annotate(
                f"d = {count(d)} →", (1, 1), xycoords="axes fraction", ha="right", va="top", color=MUTED.light
            )
        count_axis(axes, "x")
        count_axis(axes, "y")
        axes.set_xlabel("positive features")
        axes.set_ylabel("inputs")
        axes.grid(axis="y")
        axes.tick_params(length=0)
        legend_below(figure, axes)

    parts = [f"{count(row[kind])} {_LABELS[kind]}" for kind in KINDS if row[kind]]
    alt = (
        f"Histogram of {count(row['n_verdicts'])} inputs over the number of positive features of {layer}, "
        f"{count(row['active_min'])} to {count(row['active_max'])}, by kind of preimage: {', '.join(parts)}. "
        f"The layer has {count(d)} inputs."
    )
    return draw(key, paint, tuple(KINDS.values()), alt=alt)


def _edges(low: int, high: int, threshold: int | None) -> np.ndarray:
    """Edges of bins of equal width that hold all counts; one is the threshold, so that no bar straddles it."""
    width = max(1, math.ceil((high - low + 1) / _BARS))
    start = low if threshold is None else threshold - width * math.ceil((threshold - low) / width)
    return np.arange(start, high + width + 1, width) - 0.5
