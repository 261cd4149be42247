"""The effect of the ReLU on the decay of singular values (Figure 6, left)."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from paper.context import Context
from paper.decay import by_layer, curve, layer_spectra
from paper.experiment import Config, Experiment, Results
from paper.style import AFTER, BEFORE, panels
from paper.training import cnn_recipe


@dataclass(frozen=True)
class ReluConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures.
        layers: numbers of the layers, from 1.
        window: pixels on a side that are varied; None for all.
    """

    n_pictures: int = 50
    layers: tuple[int, ...] = (2, 5)
    window: int | None = None


def run(config: ReluConfig, context: Context) -> Results:
    """Median decay before and after the ReLU of some layers."""
    networks = []
    for recipe in config.recipes:
        asked = (recipe, config.n_pictures, config.window, context)
        done, after = layer_spectra(*asked)
        _, before = layer_spectra(*asked, before=config.layers)
        with_relu = [by_layer(after)[number - 1] for number in config.layers]
        pairs = zip(by_layer(before), with_relu, strict=True)
        networks.append({"trained": done.record(), "curves": [curve(group) for pair in pairs for group in pair]})
    return {"networks": networks}


def draw(results: Results) -> Figure:
    """A plot a layer, before and after."""
    networks = results["networks"]
    figure, rows = panels(len(networks), len(networks[0]["curves"]) // 2)
    for plots, found in zip(rows, networks, strict=True):
        recipe = found["trained"]["recipe"]
        for k, axes in enumerate(plots):
            before, after = found["curves"][2 * k : 2 * k + 2]
            for each, colour, word in ((before, BEFORE, "before the ReLU"), (after, AFTER, "after it")):
                axes.fill_between(each["index"], each["lower"], each["upper"], color=colour, alpha=0.25, linewidth=0)
                axes.plot(each["index"], each["median"], color=colour, label=word)
            axes.set_yscale("log", nonpositive="mask")
            axes.set_title(f"{recipe['network']}, {before['layer']} ({recipe['epochs']} epochs)", loc="left")
            axes.set_xlabel("index of the singular value")
            axes.set_ylabel("singular value")
            axes.legend()
    return figure


def say(results: Results) -> str:
    """The ends of each curve."""
    return "\n".join(
        f"{found['trained']['recipe']['network']} {one['layer']} {'after' if one['relu'] else 'before'} the ReLU: "
        f"median rank {one['rank']:g} of {min(one['shape'])}, singular values {one['median'][0]:.4g} to "
        f"{one['median'][-1]:.4g}, a factor of {one['median'][0] / (one['median'][-1] or float('nan')):.4g}"
        for found in results["networks"]
        for one in found["curves"]
    )


EXPERIMENT = Experiment(
    name="relu",
    claim="Figure 6, left: the ReLU makes singular values decay faster; it lowers all of them (Lemma 8) and removes "
    "some, in layers 2 and 5 of WideCIFAR.",
    full=ReluConfig((cnn_recipe("WideCIFAR", quick=False),)),
    quick=ReluConfig((cnn_recipe("WideCIFAR", quick=True),), n_pictures=2, window=8),
    run=run,
    draw=draw,
    say=say,
)
