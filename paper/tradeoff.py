"""Stability against invariance over the layers (Figure 7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import unrelu as ur
from paper.context import Context
from paper.decay import by_layer, layer_spectra
from paper.experiment import Config, Experiment, Results
from paper.spread import spread
from paper.style import AFTER, INK, MUTED, panels
from paper.training import cnn_recipe


@dataclass(frozen=True)
class TradeoffConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures.
        window: pixels on a side that are varied; None for all.
    """

    n_pictures: int = 50
    window: int | None = None


def run(config: TradeoffConfig, context: Context) -> Results:
    """Size, condition number and number of non-zero singular values of each layer with its ReLU."""
    networks = []
    for recipe in config.recipes:
        done, spectra = layer_spectra(recipe, config.n_pictures, config.window, context)
        rows = [row(group) for group in by_layer(spectra)]
        networks.append({"trained": done.record(), "layers": rows})
    return {"networks": networks}


def row(group: list[ur.Spectrum]) -> Results:
    """One layer."""
    m, d = group[0].shape
    return {
        "layer": group[0].layer,
        "output_size": m,
        "input_size": d,
        "n_pictures": len(group),
        "rank": spread(one.rank for one in group),
        "structural_rank": spread(one.structural_rank for one in group),
        "invariant": spread(one.n_invariant for one in group),
        "condition_number": spread(one.condition_number for one in group),
        "largest": spread(one.largest for one in group),
        "smallest_nonzero": spread(one.smallest_nonzero for one in group),
    }


def draw(results: Results) -> Figure:
    """A column a network: sizes above, condition number below."""
    networks = results["networks"]
    figure, rows = panels(2, len(networks))
    for above, below, found in zip(*rows, networks, strict=True):
        recipe, layers = found["trained"]["recipe"], found["layers"]
        names = [layer["layer"] for layer in layers]
        above.plot(names, [layer["output_size"] for layer in layers], "s--", color=MUTED, label="size of the output")
        above.axhline(layers[0]["input_size"], color=INK, linewidth=0.8, linestyle=":", label="size of the input")
        above.plot(names, [layer["rank"][1] for layer in layers], "o-", color=AFTER, label="non-zero singular values")
        above.set_yscale("log")
        above.set_title(f"{recipe['network']} ({recipe['epochs']} epochs)", loc="left")
        above.legend()
        condition = np.array([layer["condition_number"] for layer in layers])
        below.fill_between(names, condition[:, 0], condition[:, 2], color=AFTER, alpha=0.25, linewidth=0)
        below.plot(names, condition[:, 1], "o-", color=AFTER)
        below.set_yscale("log")
        below.set_ylabel("condition number")
    return figure


def say(results: Results) -> str:
    """A table of medians."""
    lines = []
    for found in results["networks"]:
        lines.append(f"{found['trained']['recipe']['network']:<12} {'size':>7} {'rank':>7} {'condition number':>17}")
        for one in found["layers"]:
            rank, condition = one["rank"][1], one["condition_number"][1]
            lines.append(f"  {one['layer']:<10} {one['output_size']:>7} {rank:>7g} {condition:>17.5g}")
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="tradeoff",
    claim="Figure 7: with depth the condition number grows while the number of non-zero singular values falls; where "
    "invariance rises strongly (ThinCIFAR, layer 5) the condition number drops.",
    full=TradeoffConfig((cnn_recipe("WideCIFAR", quick=False), cnn_recipe("ThinCIFAR", quick=False))),
    quick=TradeoffConfig((cnn_recipe("WideCIFAR", quick=True), cnn_recipe("ThinCIFAR", quick=True)), 0, 2, 8),
    run=run,
    draw=draw,
    say=say,
)
