"""The effect of depth on the decay of singular values (Figure 6, right; appendix A6)."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from paper.context import Context
from paper.decay import by_layer, curve, layer_spectra
from paper.experiment import Config, Experiment, Results
from paper.style import layer_colour, panels
from paper.training import Recipe, cnn_recipe, mlp_recipe


@dataclass(frozen=True)
class DepthConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures.
        window: pixels on a side that are varied in CIFAR-10's pictures; None for all.
    """

    n_pictures: int = 50
    window: int | None = None


def recipes(quick: bool) -> tuple[Recipe, ...]:
    """All four networks."""
    cnns = [cnn_recipe(name, quick=quick) for name in ("WideCIFAR", "ThinCIFAR")]
    return (*cnns, *(mlp_recipe(name, quick=quick) for name in ("MLP-100", "MLP-3500")))


def run(config: DepthConfig, context: Context) -> Results:
    """Median decay after the ReLU of each layer."""
    networks = []
    for recipe in config.recipes:
        window = config.window if recipe.data.startswith("cifar10") else None
        done, spectra = layer_spectra(recipe, config.n_pictures, window, context)
        curves = [curve(group) for group in by_layer(spectra)]
        networks.append({"trained": done.record(), "curves": curves})
    return {"networks": networks}


def draw(results: Results) -> Figure:
    """A plot a network, a line a layer."""
    networks = results["networks"]
    figure, rows = panels(-(-len(networks) // 2), 2)
    plots = [axes for row in rows for axes in row]
    for axes in plots[len(networks) :]:
        axes.set_axis_off()
    for axes, found in zip(plots, networks, strict=False):
        recipe, curves = found["trained"]["recipe"], found["curves"]
        for k, one in enumerate(curves):
            axes.plot(one["index"], one["median"], color=layer_colour(k, len(curves)), label=one["layer"])
        axes.set_yscale("log", nonpositive="mask")
        axes.set_title(f"{recipe['network']} ({recipe['epochs']} epochs)", loc="left")
        axes.set_xlabel("index of the singular value")
        axes.set_ylabel("singular value, median")
        axes.legend(ncols=2 if len(curves) > 5 else 1, handlelength=1.2)
    return figure


def say(results: Results) -> str:
    """The value in the middle of those that are not 0, relative to the largest."""
    lines = []
    for found in results["networks"]:
        parts = []
        for one in found["curves"]:
            at = next(k for k, index in enumerate(one["index"]) if 2 * index >= one["rank"])
            middle = one["median"][at] / one["median"][0]
            parts.append(f"{one['layer']} {one['rank']:g} and {middle:.2g}")
        lines.append(f"{found['trained']['recipe']['network']}, rank and middle over largest value: {', '.join(parts)}")
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="depth",
    claim="Figure 6, right, and appendix A6: singular values decay faster from layer to layer.",
    full=DepthConfig(recipes(quick=False)),
    quick=DepthConfig(recipes(quick=True), n_pictures=2, window=8),
    run=run,
    draw=draw,
    say=say,
)
