"""Finite and infinite preimages over the number of positive outputs (Figure 4), and uniqueness within the box."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.pictures import pictures
from paper.style import FINITE, INFINITE, INK, OPEN, UNIQUE, panels
from paper.training import Recipe, Trained, mlp_recipe, trained
from unrelu.datasets import Dataset

BLOCK = 500
"""Pictures that are decided at once and then kept."""


@dataclass(frozen=True)
class PreimagesConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures, the first ones.
        n_directions: of those with an infinite preimage, how many have their direction looked at.
    """

    n_pictures: int = 10_000
    n_directions: int = 20


def recipes(quick: bool) -> tuple[Recipe, ...]:
    """The paper's training first, then at other rates (quick: larger batches too), on raw pixels, and none at all."""
    first = mlp_recipe("MLP-3500", quick=quick)
    if quick:
        others = [Recipe("MLP-3500", "mnist-sample", 5, "adam", 2e-3, 1000, seed=1)]
    else:
        others = [replace(first, learning_rate=rate) for rate in (5e-4, 2e-3, 4e-3)]
    return (first, *others, replace(first, normalised=False), replace(first, epochs=0))


def run(config: PreimagesConfig, context: Context) -> Results:
    """Decide and prove all preimages of the first layers."""
    return {"networks": [one_network(recipe, config, context) for recipe in config.recipes]}


def one_network(recipe: Recipe, config: PreimagesConfig, context: Context) -> Results:
    """One first layer."""
    done = trained(recipe, context)
    test = pictures(recipe.data, "test", context)
    images = test.images[: config.n_pictures]
    layer = first_layer(done, images)
    blocks = []
    with context.progress.stage(f"preimages, {recipe.network}", len(images)) as advance:
        for start in range(0, len(images), BLOCK):
            part = images[start : start + BLOCK]
            name = f"preimages/{recipe.name}/{start}-{start + len(part)}"
            blocks.append(context.kept(name, lambda part=part: decide(layer, part, context)))
            advance(len(part))
    found = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
    return {
        "trained": done.record(),
        "n_pictures": len(images),
        "n_features": layer.n_outputs,
        "n_inputs": layer.n_inputs,
        **summary(found, layer),
        "directions": directions(layer, images, found, config, pictures(recipe.data, "train", context)),
    }


def first_layer(done: Trained, images: np.ndarray) -> ur.ReLULayer:
    """The first ReLU layer, as a map of pictures in [0, 1]."""
    net = ur.Network.from_torch(done.module, torch.from_numpy(images[:2]))
    return net.layer(net.layers[0])


def decide(layer: ur.ReLULayer, images: np.ndarray, context: Context) -> dict[str, np.ndarray]:
    """The verdicts, as arrays over the pictures: over the whole space, and within [0, 1]^d."""
    whole = ur.classify(layer, images, progress=False, workers=context.threads)
    box = ur.classify(layer, images, domain=ur.Box(0, 1), progress=False, workers=context.threads)
    flat = images.reshape(len(images), -1)
    return {
        "n_active": whole.n_active,
        "kind": np.array([str(kind.value) for kind in whole.kind]),
        "proved": whole.verify(progress=False, workers=context.threads),
        "unique": np.array([{True: 1, False: 0, None: -1}[value] for value in box.singleton]),
        "unique_proved": box.verify(progress=False, workers=context.threads),
        "n_inside": np.count_nonzero((flat > 0) & (flat < 1), axis=1),
    }


def summary(found: dict[str, np.ndarray], layer: ur.ReLULayer) -> Results:
    """Counts by the number of positive outputs, and what random rows would give."""
    n_active, kind, unique = found["n_active"], found["kind"], found["unique"]
    finite, infinite = np.isin(kind, ["bounded", "singleton"]), kind == "unbounded"
    m, d = layer.n_outputs, layer.n_inputs
    gaussian = unique_if_random(n_active, found["n_inside"], d)
    levels = np.unique(n_active)
    table = [
        {
            "n_active": int(level),
            "finite": int(np.sum(here & finite)),
            "infinite": int(np.sum(here & infinite)),
            "open": int(np.sum(here & ~finite & ~infinite)),
            "unique": int(np.sum(here & (unique == 1))),
            "not_unique": int(np.sum(here & (unique == 0))),
            "finite_if_random": finite_if_random(int(level), m, d),
            "unique_if_random": round(float(gaussian[here].mean()), 6),
        }
        for level in levels
        for here in [n_active == level]
    ]
    return {
        "kinds": {str(name): int(count) for name, count in zip(*np.unique(kind, return_counts=True), strict=True)},
        "unproved": int(np.sum(~found["proved"])),
        "unique": {
            "unique": int(np.sum(unique == 1)),
            "not_unique": int(np.sum(unique == 0)),
            "open": int(np.sum(unique == -1)),
            "unproved": int(np.sum(~found["unique_proved"])),
        },
        "n_active": [int(value) for value in np.quantile(n_active, [0, 0.25, 0.5, 0.75, 1], method="nearest")],
        "fewest_with_finite": lowest(n_active[finite]),
        "most_with_infinite": lowest(-n_active[infinite], sign=-1),
        "fewest_with_unique": lowest(n_active[unique == 1]),
        "most_with_not_unique": lowest(-n_active[unique == 0], sign=-1),
        "over_n_active": table,
    }


def lowest(values: np.ndarray, sign: int = 1) -> int | None:
    """The least of some numbers times a sign; None if there are none."""
    return sign * int(values.min()) if len(values) else None


def finite_if_random(k: int, m: int, d: int) -> float:
    """The probability of a finite preimage for rows in general position with symmetric signs, k of m active.

    In the d - k directions that the active rows leave free, the others leave none open unless they lie in a
    half-space: Wendel's theorem (1962).
    """
    free, rows = d - k, m - k
    if free <= 0:
        return 1.0
    return float(binom.sf(free - 1, rows - 1, 0.5)) if rows > 0 else 0.0


def unique_if_random(n_active: np.ndarray, n_inside: np.ndarray, d: int) -> np.ndarray:
    """The probability that pictures would be unique within the box if active rows were Gaussian (DESIGN 1.2)."""
    return binom.cdf(n_active - n_inside - 1, d - n_inside - 1, 0.5)


def directions(
    layer: ur.ReLULayer, images: np.ndarray, found: dict[str, np.ndarray], config: PreimagesConfig, train: Dataset
) -> Results:
    """What may let preimages be infinite where random rows would not: two things that training does to rows.

    The first is how much of a direction in which an infinite preimage goes on lies in pixels that are the same in all
    training pictures, whose weights no picture tells from a bias. The second is how far the inactive rows drifted
    together: the length of the mean of n unit rows, times the square root of n, is about 1 for independent ones.
    """
    constant = np.ptp(train.images.reshape(len(train), -1), axis=0) == 0
    infinite = np.flatnonzero(found["kind"] == "unbounded")
    chosen = np.random.default_rng(config.seed).permutation(infinite)[: config.n_directions]
    unit = layer.dense_weight / np.linalg.norm(layer.dense_weight, axis=1, keepdims=True)
    shares, drifts = [], []
    for index in chosen:
        inactive = unit[layer.dense_weight @ images[index].ravel() + layer.bias <= 0]
        drifts.append(float(np.linalg.norm(inactive.mean(axis=0)) * np.sqrt(len(inactive))))
        z = ur.preimage(layer, at=images[index]).recession().direction
        if z is not None:
            shares.append(float(np.square(z[constant]).sum()))
    return {
        "constant_pixels": int(constant.sum()),
        "n": len(shares),
        "share_in_constant_pixels": [round(share, 4) for share in sorted(shares)],
        "share_if_uniform": round(float(constant.mean()), 4),
        "drift_of_inactive_rows": [round(drift, 3) for drift in sorted(drifts)],
        "drift_of_all_rows": round(float(np.linalg.norm(unit.mean(axis=0)) * np.sqrt(len(unit))), 3),
    }


def draw(results: Results) -> Figure:
    """A row a network: all of R^d left, within the box right."""
    networks = results["networks"]
    figure, rows = panels(len(networks), 2, height=2.3)
    for (left, right), found in zip(rows, networks, strict=True):
        table = found["over_n_active"]
        title = short_title(found)
        parts = (("finite", FINITE), ("infinite", INFINITE), ("open", OPEN))
        histogram(left, table, parts, f"{title}: over all of $R^{{{found['n_inputs']}}}$")
        histogram(right, table, (("unique", UNIQUE), ("not_unique", OPEN)), "within [0, 1]: the only picture?")
        expected(left, table, "finite_if_random")
        expected(right, table, "unique_if_random")
    for axes in rows[-1]:
        axes.set_xlabel("positive outputs of the first layer")
    return figure


def short_title(found: Results) -> str:
    """The training in a few words."""
    recipe = found["trained"]["recipe"]
    if recipe["epochs"] == 0:
        return "untrained"
    pixels = "" if recipe["normalised"] else ", raw pixels"
    return f"rate {recipe['learning_rate']:g}, {recipe['epochs']} epochs{pixels}"


def histogram(axes: Axes, table: list[Results], parts: tuple[tuple[str, str], ...], title: str) -> None:
    """Stacked bars over the number of positive outputs."""
    levels = np.array([row["n_active"] for row in table])
    edges = np.histogram_bin_edges(levels, bins=min(40, max(1, int(np.ptp(levels)))))
    counts = [[row[key] for row in table] for key, _ in parts]
    words = [key.replace("_", " ") for key, _ in parts]
    used = [k for k, count in enumerate(counts) if any(count)]
    axes.hist(
        [levels] * len(used),
        edges.tolist(),
        weights=[counts[k] for k in used],
        stacked=True,
        color=[parts[k][1] for k in used],
        label=[f"{words[k]} ({sum(counts[k]):,})" for k in used],
    )
    axes.set_title(title, loc="left")
    axes.set_ylabel("pictures")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.3)  # room for the legend
    axes.legend(loc="upper left")


def expected(axes: Axes, table: list[Results], key: str) -> None:
    """What random rows would give, on an axis of its own."""
    other = axes.twinx()
    other.plot([row["n_active"] for row in table], [row[key] for row in table], color=INK, linewidth=1, linestyle=":")
    other.set_ylim(-0.02, 1.3)
    other.set_yticks([0, 0.5, 1])
    other.set_ylabel("dotted: if rows were random")
    other.spines["right"].set_visible(True)


def say(results: Results) -> str:
    """One line a network."""
    lines = []
    for found in results["networks"]:
        kinds = ", ".join(f"{count} {name}" for name, count in found["kinds"].items())
        unique = found["unique"]
        lines.append(
            f"{short_title(found)}: {found['n_active'][0]} to {found['n_active'][-1]} active, {kinds}, finite from "
            f"{found['fewest_with_finite']}, infinite up to {found['most_with_infinite']}, {found['unproved']} "
            f"unproved; within the box {unique['unique']} unique of {found['n_pictures']}, from "
            f"{found['fewest_with_unique']} active on"
        )
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="preimages",
    claim="Figure 4: over the number of positive outputs of MLP-3500's first layer there is a sharp transition from "
    "infinite to finite preimages, with both kinds side by side in between.",
    full=PreimagesConfig(recipes(quick=False)),
    quick=PreimagesConfig(recipes(quick=True), n_pictures=100, n_directions=5),
    run=run,
    draw=draw,
    say=say,
)
