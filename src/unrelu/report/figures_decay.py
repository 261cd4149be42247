"""Decay of singular values by layer, median and quartiles over inputs (the paper's Figure 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unrelu.report.figures import Drawing, count_axis, draw, legend_below, log_axis, shortened
from unrelu.report.numbers import count
from unrelu.report.palette import layer_colours
from unrelu.study.curves import decay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from unrelu.study.study import Study

_MOST_NAMES = 12  # in the legend; of more layers only some are named, the colours run on between them


def draw_decay(study: Study, key: str, *, relu: bool) -> Drawing:
    """Singular values over their index, a line per layer, the quartiles as a band.

    Before and after the ReLU share their axes, so that the two drawings can be compared.

    Args:
        study: a study with spectra.
        key: of the drawing.
        relu: whether the layers' own ReLUs are included.
    """
    when = "with" if relu else "before"
    layers = [row["layer"] for row in study.layers.to_pylist() if row["n_spectra"]]
    colours = layer_colours(len(layers))
    curves = {layer: decay(study, layer, relu=relu) for layer in layers}
    everything = [decay(study, layer, relu=either) for layer in layers for either in (False, True)]
    values = np.concatenate([found.median[found.median > 0] for found in everything if found is not None])
    bottom, top = (values.min() / 2, values.max() * 2) if values.size else (0.5, 2.0)
    longest = max((int((found.median > 0).sum()) for found in everything if found is not None), default=1)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        named = set(np.unique(np.round(np.linspace(0, len(layers) - 1, min(len(layers), _MOST_NAMES))).astype(int)))
        for place, (layer, colour) in enumerate(zip(layers, colours, strict=True)):
            found = curves[layer]
            if found is None:
                continue
            index = np.arange(1, len(found.median) + 1)
            seen = found.median > 0
            some = found.lower > 0  # a quartile of 0 has no place on a logarithmic axis
            axes.fill_between(
                index[some], found.lower[some], found.upper[some], color=colour.light, alpha=0.22, linewidth=0
            )
            axes.plot(
                index[seen],
                found.median[seen],
                color=colour.light,
                linewidth=1.6,
                label=shortened(layer) if place in named else "",
            )
        axes.set_ylim(bottom, top)
        log_axis(axes, "y")
        axes.set_xlim(0, longest * 1.03)
        count_axis(axes, "x")
        axes.set_xlabel("index of the singular value")
        axes.set_ylabel(f"singular value, {when} ReLU")
        axes.grid(axis="y")
        axes.tick_params(which="both", length=0)
        legend_below(figure, axes)

    ranks = study.layers.to_pylist()
    column = "rank_with_relu" if relu else "rank_without_relu"
    parts = [f"{row['layer']} {count(row[column])}" for row in ranks if row["n_spectra"]]
    alt = (
        f"Singular values {when} each layer's ReLU over their index, median and quartiles over inputs, on a "
        f"logarithmic scale. Non-zero values (median): {', '.join(parts)}."
    )
    return draw(key, paint, colours, alt=alt)
