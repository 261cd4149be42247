"""The discussion after Lemma 9: orthogonal layers (equation 5), and a preconditioner that was fitted to one region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.pictures import pictures
from paper.spread import spread
from paper.style import AFTER, BEFORE, INK, panels
from paper.training import mlp_recipe, trained


@dataclass(frozen=True)
class DiscussionConfig(Config):
    """What is asked.

    Attributes:
        width: of the orthogonal layers.
        depth: how many of them.
        n_points: Gaussian inputs of them.
        n_pictures: pictures on whose regions the preconditioner of the first one's is tried.
        layer: number of the layer of the trained network that is preconditioned, from 1.
    """

    width: int = 256
    depth: int = 10
    n_points: int = 50
    n_pictures: int = 50
    layer: int = 2


def run(config: DiscussionConfig, context: Context) -> Results:
    """Both."""
    return {"orthogonal": orthogonal(config, context), "preconditioner": preconditioner(config, context)}


def orthogonal(config: DiscussionConfig, context: Context) -> Results:
    """Spectra over depth where all weights are orthogonal: without the ReLUs all singular values are 1."""
    random = np.random.default_rng(config.seed)
    size = (config.depth + 1, config.width, config.width)
    weights = np.linalg.qr(random.standard_normal(size))[0]
    net = ur.Network.from_layers([(weight, np.zeros(config.width)) for weight in weights])
    points = random.standard_normal((config.n_points, config.width))
    found = ur.spectra(net, points, progress=context.progress, workers=context.threads)
    linear = np.eye(config.width)
    rows = []
    for weight, layer in zip(weights, net.layers, strict=False):
        linear = weight @ linear
        without = np.linalg.svd(linear, compute_uv=False)
        group = [one for one in found if one.layer == layer and one.relu]
        rows.append(
            {
                "layer": layer,
                "condition_number_without_relu": float(without[0] / without[-1]),
                "condition_number": spread([one.condition_number for one in group]),
                "rank": spread([one.rank for one in group]),
                "largest": spread([one.largest for one in group]),
            }
        )
    return {"layers": rows}


def preconditioner(config: DiscussionConfig, context: Context) -> Results:
    """`J(y) pinv(J(x))` over y: the identity on the range of J(x) for y = x."""
    (recipe,) = config.recipes
    done = trained(recipe, context)
    images = pictures(recipe.data, "test", context).images[: config.n_pictures].astype(np.float64)
    net = ur.Network.from_torch(done.module, torch.from_numpy(images[:2]))
    prefix = net.upto(net.layers[config.layer - 1])
    first = ur.linearize(prefix, at=images[0])
    inverse = np.linalg.pinv(first.matrix, rcond=1e-10)
    rows = []
    with context.progress.stage("preconditioner", len(images)) as advance:
        for image in images:
            here = ur.linearize(prefix, at=image)
            rows.append({"plain": condition(here.matrix), "preconditioned": condition(here.matrix @ inverse)})
            advance(1)
    return {
        "trained": done.record(),
        "layer": net.layers[config.layer - 1],
        "own_region": rows[0],
        "other_regions": {key: spread([row[key] for row in rows[1:]]) for key in ("plain", "preconditioned")},
        "pictures": rows,
    }


def condition(J: np.ndarray) -> float:
    """The largest singular value over the smallest non-zero one."""
    values = np.linalg.svd(J[J.any(axis=1)], compute_uv=False)
    return float(f"{values[0] / values[values > max(J.shape) * np.finfo(float).eps * values[0]][-1]:.6g}")


def draw(results: Results) -> Figure:
    """Orthogonal layers left, the preconditioner right."""
    figure, ((left, right),) = panels(1, 2)
    layers = results["orthogonal"]["layers"]
    depth = range(1, len(layers) + 1)
    conditions = np.array([layer["condition_number"] for layer in layers])
    without = [layer["condition_number_without_relu"] for layer in layers]
    left.fill_between(depth, conditions[:, 0], conditions[:, 2], color=AFTER, alpha=0.25, linewidth=0)
    left.plot(depth, conditions[:, 1], "o-", color=AFTER, markersize=3, label="with ReLU")
    left.plot(depth, without, "o-", color=BEFORE, markersize=3, label="without")
    left.set_yscale("log")
    left.set_title("orthogonal layers", loc="left")
    left.set_xlabel("layer")
    left.set_ylabel("condition number")
    left.legend()
    found = results["preconditioner"]
    rows, recipe = found["pictures"][1:], found["trained"]["recipe"]
    plain, fitted = ([row[key] for row in rows] for key in ("plain", "preconditioned"))
    right.semilogy(plain, fitted, "o", color=AFTER, markersize=3, label="other regions")
    own = found["own_region"]
    right.semilogy([own["plain"]], [own["preconditioned"]], "D", color=INK, label="its own region")
    ends = [min(plain), max(plain)]
    right.plot(ends, ends, color=BEFORE, linewidth=0.8)
    right.set_title(f"{recipe['network']}, {found['layer']} ({recipe['epochs']} epochs)", loc="left")
    right.set_xlabel("condition number before (line: no change)")
    right.set_ylabel("preconditioned for one region")
    right.legend()
    return figure


def say(results: Results) -> str:
    """The last layer, and the median of other regions."""
    last, found = results["orthogonal"]["layers"][-1], results["preconditioner"]
    other = found["other_regions"]
    return (
        f"orthogonal layers, {last['layer']}: condition number {last['condition_number_without_relu']:.3g} without "
        f"ReLUs, {last['condition_number'][1]:.4g} with them, rank {last['rank'][1]:g}\n"
        f"preconditioner of one region: {found['own_region']['plain']:.4g} becomes "
        f"{found['own_region']['preconditioned']:.4g} on it, {other['plain'][1]:.4g} becomes "
        f"{other['preconditioned'][1]:.4g} on others (medians)"
    )


EXPERIMENT = Experiment(
    name="discussion",
    claim="After Lemma 9: orthogonal layers stay stable only without ReLUs (equation 5), and a preconditioner cannot "
    "serve all linear regions.",
    full=DiscussionConfig((mlp_recipe("MLP-3500", quick=False),)),
    quick=DiscussionConfig((mlp_recipe("MLP-100", quick=True),), 0, 64, 6, 20, 20),
    run=run,
    draw=draw,
    say=say,
)
