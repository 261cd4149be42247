"""Pictures with the same first-layer features as others, made to look like a third (Figures 1 and 11, appendix A7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.figure import Figure

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.pictures import pictures
from paper.style import AFTER, INFINITE, INK, MUTED
from paper.training import mlp_recipe, trained
from unrelu.datasets import Dataset
from unrelu.demo.training import predictions

CLOSENESS_BINS = 20
"""Of the histogram of `distance to the target / distance of the original to it`."""


@dataclass(frozen=True)
class MetamersConfig(Config):
    """What is asked; the first network's features are kept, the others look on.

    Attributes:
        n_originals: test pictures, those with the fewest positive outputs of the first layer.
        n_targets: for each, so many test pictures of other classes, at random.
        n_drawn: pairs that are kept as pictures, those whose metamers come nearest.
    """

    n_originals: int = 100
    n_targets: int = 10
    n_drawn: int = 6


def run(config: MetamersConfig, context: Context) -> Results:
    """The nearest metamers (L1, pictures in [0, 1]) and what the networks say of them."""
    networks = [trained(recipe, context) for recipe in config.recipes]
    first = networks[0]
    test = pictures(first.recipe.data, "test", context)
    net = ur.Network.from_torch(first.module, torch.from_numpy(test.images[:2]))
    prefix = net.upto(net.layers[0])
    n_active = np.count_nonzero(prefix(test.images.astype(np.float64)) > 0, axis=1)
    pairs = choose(test, n_active, config)
    rows, metamers = [], []
    with context.progress.stage(f"metamers, {first.recipe.network}", len(pairs)) as advance:
        for original, target in pairs:
            name = f"metamers/{first.recipe.name}/{original}-{target}"
            found = context.kept(name, lambda i=original, j=target: one_metamer(prefix, test.images, i, j))
            metamers.append(found["x"])
            rows.append((found["distance"], found["feature_error"], found["optimal"]))
            advance(1)
    distance, error, optimal = np.array(rows, dtype=float).T
    x = np.stack(metamers)
    originals, targets = (test.take(np.array(indices)) for indices in zip(*pairs, strict=True))
    apart = np.abs(originals.images.astype(float) - targets.images).sum(axis=(1, 2))
    closeness = distance / apart
    nearest = np.argsort(closeness)[: config.n_drawn]
    counts, edges = np.histogram(closeness, CLOSENESS_BINS, (0, 1))
    return {
        "trained": [each.record() for each in networks],
        "n_pairs": len(pairs),
        "n_active": [int(value) for value in np.quantile(n_active, [0, 0.25, 0.5, 0.75, 1], method="nearest")],
        "n_active_of_originals": [int(value) for value in sorted(n_active[np.unique([i for i, _ in pairs])])],
        "optimal": int(optimal.sum()),
        "largest_feature_error": float(error.max()),
        "closeness": {"edges": edges.tolist(), "counts": counts.tolist(), "quartiles": quartiles(closeness)},
        "closeness_by_target_class": {
            str(label): quartiles(closeness[targets.labels == label]) for label in np.unique(targets.labels)
        },
        "said": [said(each.module, x, originals, targets) for each in networks],
        "drawn": [
            {
                "original": compact(originals.images[k]),
                "metamer": compact(x[k]),
                "target": compact(targets.images[k]),
                "labels": [int(originals.labels[k]), int(targets.labels[k])],
                "closeness": round(float(closeness[k]), 4),
            }
            for k in nearest
        ],
    }


def choose(test: Dataset, n_active: np.ndarray, config: MetamersConfig) -> list[tuple[int, int]]:
    """Pairs of an original and a target of another class."""
    random = np.random.default_rng(config.seed)
    originals = np.argsort(n_active, kind="stable")[: config.n_originals]
    return [
        (int(i), int(j))
        for i in originals
        for j in random.choice(np.flatnonzero(test.labels != test.labels[i]), config.n_targets, replace=False)
    ]


def one_metamer(prefix: ur.Network, images: np.ndarray, original: int, target: int) -> dict[str, np.ndarray]:
    """The metamer of one pair."""
    found = ur.metamer(prefix, at=images[original].astype(float), target=images[target].astype(float))
    return {
        "x": np.asarray(found.x),
        "distance": np.array(found.distance),
        "feature_error": np.array(found.feature_error),
        "optimal": np.array(found.optimal),
    }


def said(module: torch.nn.Module, x: np.ndarray, originals: Dataset, targets: Dataset) -> Results:
    """What a network takes the metamers for, in shares of the pairs."""
    labels = predictions(module, torch.from_numpy(x.astype(np.float32))).numpy()
    before = predictions(module, torch.from_numpy(originals.images)).numpy()
    return {
        "as_the_original": float(np.mean(labels == before)),
        "class_of_the_original": float(np.mean(labels == originals.labels)),
        "class_of_the_target": float(np.mean(labels == targets.labels)),
    }


def quartiles(values: np.ndarray) -> list[float]:
    """Least, quartiles, greatest."""
    return [round(float(value), 4) for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1])]


def compact(image: np.ndarray) -> list[list[int]]:
    """A picture in 256 steps, to look at."""
    return np.rint(255 * image).astype(int).tolist()


def draw(results: Results) -> Figure:
    """The nearest pairs above; below how near all come, also by class, and what networks say of them."""
    pairs = results["drawn"]
    figure = Figure(figsize=(max(7, 1.15 * len(pairs) + 0.6), 6.2), layout="constrained")
    (above,), (below,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[3, 2.2])
    grid = above.subplots(3, len(pairs), squeeze=False)
    for column, pair in zip(grid.T, pairs, strict=True):
        for axes, what in zip(column, ("original", "metamer", "target"), strict=True):
            axes.imshow(pair[what], cmap="gray_r", vmin=0, vmax=255)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set(visible=True, color=MUTED)
    for axes, what in zip(grid[:, 0], ("original", "metamer", "target"), strict=True):
        axes.set_ylabel(what)
    left, middle, right = below.subplots(1, 3)
    edges, counts = results["closeness"]["edges"], results["closeness"]["counts"]
    left.stairs(counts, edges, fill=True, color=AFTER)
    left.set_xlabel("distance to the target,\nmetamer over original (L1)")
    left.set_ylabel("pairs")
    names = ("whislo", "q1", "med", "q3", "whishi")
    boxes = [
        {"label": label, **dict(zip(names, values, strict=True))}
        for label, values in results["closeness_by_target_class"].items()
    ]
    middle.bxp(boxes, showfliers=False, medianprops={"color": INK})
    middle.set_xlabel("the same by class of the target")
    middle.set_ylim(0, 1)
    for k, words in enumerate(results["said"]):
        start = 0.0
        for key, colour in (("as_the_original", AFTER), ("class_of_the_target", INFINITE)):
            label = {"as_the_original": "as the original", "class_of_the_target": "as the target"}[key]
            right.bar(k, words[key], bottom=start, width=0.6, color=colour, label=None if k else label)
            start += words[key]
    right.set_xticks(
        range(len(results["said"])), ["its own\nnetwork", *["other\nweights"] * (len(results["said"]) - 1)]
    )
    right.set_ylabel("metamers called")
    right.set_ylim(0, 1.35)
    right.set_yticks([0, 0.5, 1])
    right.legend(loc="upper right")
    return figure


def say(results: Results) -> str:
    """How near, and what the networks say."""
    lines = [
        f"{results['n_pairs']} pairs, originals with {results['n_active_of_originals'][0]} to "
        f"{results['n_active_of_originals'][-1]} active units; {results['optimal']} proved nearest, features differ by "
        f"at most {results['largest_feature_error']:.1g}; distance over that of the original, quartiles "
        f"{results['closeness']['quartiles']}"
    ]
    for done, words in zip(results["trained"], results["said"], strict=True):
        recipe = done["recipe"]
        lines.append(
            f"{recipe['network']}, seed {recipe['seed']}: as the original {words['as_the_original']:.1%}, as the "
            f"target's class {words['class_of_the_target']:.1%}"
        )
    return "\n".join(lines)


def config(quick: bool, **numbers: int) -> MetamersConfig:
    """MLP-100, and the same with other weights."""
    first = mlp_recipe("MLP-100", quick=quick)
    return MetamersConfig((first, replace(first, seed=1)), **numbers)


EXPERIMENT = Experiment(
    name="metamers",
    claim="Figures 1 and 11, appendix A7: pictures that look like another class have exactly the first-layer features "
    "of MLP-100, so that the network cannot tell them from the original.",
    full=config(quick=False),
    quick=config(quick=True, n_originals=10, n_targets=3),
    run=run,
    draw=draw,
    say=say,
)
