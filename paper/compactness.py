"""Does the size of a preimage say how far a metamer can go? Section 2.2 leaves it for future work."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.stats import spearmanr

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.pictures import pictures
from paper.style import AFTER, INK, panels
from paper.training import Recipe, mlp_recipe, trained
from unrelu.datasets import Dataset


@dataclass(frozen=True)
class CompactnessConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures of the first network, evenly over the ranks of their number of positive outputs.
        n_ranges: how many of these get the exact range of every pixel.
        n_pictures_wide: test pictures of the wider networks. Ten times as many constraints: about a minute a picture,
            and a quarter of an hour for ranges, which are not asked for.
    """

    n_pictures: int = 100
    n_ranges: int = 20
    n_pictures_wide: int = 20


def recipes(quick: bool) -> tuple[Recipe, ...]:
    """Both MLPs, and the wide one with a faster training that leaves fewer outputs positive; quick: the small one."""
    small, wide = (mlp_recipe(name, quick=quick) for name in ("MLP-100", "MLP-3500"))
    return (small,) if quick else (small, wide, replace(wide, learning_rate=2e-3))


def run(config: CompactnessConfig, context: Context) -> Results:
    """Preimages of the first layers within the pictures in [0, 1]."""
    first, *wide = config.recipes
    networks = [one_network(first, config.n_pictures, config.n_ranges, config.seed, context)]
    networks += [one_network(recipe, config.n_pictures_wide, 0, config.seed, context) for recipe in wide]
    return {"networks": networks}


def one_network(recipe: Recipe, n_pictures: int, n_ranges: int, seed: int, context: Context) -> Results:
    """One first layer."""
    done = trained(recipe, context)
    test = pictures(recipe.data, "test", context)
    net = ur.Network.from_torch(done.module, torch.from_numpy(test.images[:2]))
    layer = net.layer(net.layers[0])
    n_active = np.count_nonzero(net.upto(net.layers[0])(test.images.astype(np.float64)) > 0, axis=1)
    ranks = np.linspace(0, len(test) - 1, n_pictures).round().astype(int)
    chosen = np.argsort(n_active, kind="stable")[ranks]
    with_ranges = set(chosen[np.linspace(0, len(chosen) - 1, n_ranges).round().astype(int)].tolist())
    random = np.random.default_rng(seed)
    rows = []
    with context.progress.stage(f"size of preimages, {recipe.network}", len(chosen)) as advance:
        for index in chosen.tolist():
            target = int(random.choice(np.flatnonzero(test.labels != test.labels[index])))
            wide = index in with_ranges
            name = f"compactness/{recipe.name}/{index}-{target}-{'ranges' if wide else 'no-ranges'}"
            found = context.kept(name, lambda i=index, j=target, w=wide: one_preimage(layer, test, i, j, w, context))
            rows.append({key: plain(value) for key, value in found.items()})
            advance(1)
    sizes = {key: np.array([row[key] for row in rows], dtype=float) for key in ("n_active", "in_radius", "closeness")}
    return {
        "trained": done.record(),
        "pictures": rows,
        "rank_correlation": {
            f"{a} and {b}": rank_correlation(sizes[a], sizes[b])
            for a, b in (("n_active", "in_radius"), ("n_active", "closeness"), ("in_radius", "closeness"))
        },
    }


def one_preimage(
    layer: ur.ReLULayer, test: Dataset, index: int, target: int, with_ranges: bool, context: Context
) -> dict[str, np.ndarray]:
    """Size of the preimage within [0, 1]^d, and how near it comes to the target."""
    x, goal = (test.images[k].astype(np.float64) for k in (index, target))
    whole, box = ur.preimage(layer, at=x), ur.preimage(layer, at=x, domain=ur.Box(0, 1))
    nearest = box.nearest(goal, norm=2)
    found = {
        "n_active": np.array(box.n_active),
        "kind": np.array(str(whole.kind.value)),
        "kind_within": np.array(str(box.kind.value)),
        "dimension": np.array([box.dimension.lower, box.dimension.upper]),
        "in_radius": np.array(box.chebyshev_center().radius),
        "closeness": np.array(nearest.distance / np.linalg.norm(x - goal)),
    }
    if with_ranges:
        width = box.ranges(progress=False, workers=context.threads).width
        found["widths"] = np.quantile(width, [0, 0.25, 0.5, 0.75, 1])
        found["free_pixels"] = np.array(np.count_nonzero(width > 0.5))
    return found


def plain(value: np.ndarray) -> object:
    """As JSON holds it, numbers in six digits."""
    if value.dtype.kind == "f":
        value = np.vectorize(lambda number: float(f"{number:.6g}"))(value)
    return value.tolist()


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's; None where one of them is the same everywhere."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return round(float(np.asarray(spearmanr(a, b))[0]), 4)


def title(found: Results) -> str:
    """The training in a few words."""
    recipe = found["trained"]["recipe"]
    return f"{recipe['network']}, rate {recipe['learning_rate']:g}, {recipe['epochs']} epochs"


def draw(results: Results) -> Figure:
    """A row a network: size, and reach of metamers, over the number of positive outputs."""
    figure, rows = panels(len(results["networks"]), 2)
    for (left, right), found in zip(rows, results["networks"], strict=True):
        table = found["pictures"]
        n_active = [row["n_active"] for row in table]
        left.plot(n_active, [row["in_radius"] for row in table], "o", color=AFTER, markersize=3)
        left.set_title(title(found), loc="left")
        left.set_ylabel("radius of the greatest ball")
        right.plot(n_active, [row["closeness"] for row in table], "o", color=INK, markersize=3)
        right.set_ylabel("nearest metamer / original, L2")
        right.set_ylim(0, 1.05)
        for axes in (left, right):
            axes.set_xlabel("positive outputs of the first layer")
    return figure


def say(results: Results) -> str:
    """Correlations, kinds, and the freedom of pixels."""
    lines = []
    for found in results["networks"]:
        table = found["pictures"]
        unique = sum(row["kind_within"] == "singleton" for row in table)
        lines.append(f"{title(found)}: {unique} of {len(table)} unique; rank correlations {found['rank_correlation']}")
        for kind in sorted({row["kind"] for row in table}):
            closeness = [row["closeness"] for row in table if row["kind"] == kind]
            lines.append(f"  {kind} over R^d: {len(closeness)}, median closeness {np.median(closeness):.3f}")
        free = [row["free_pixels"] for row in table if "free_pixels" in row]
        if free:
            lines.append(f"  pixels with a range wider than 0.5, by picture: {free}")
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="compactness",
    claim="Section 2.2 leaves it for future work whether the size of a preimage says how far an input can be "
    "manipulated without a change of features.",
    full=CompactnessConfig(recipes(quick=False)),
    quick=CompactnessConfig(recipes(quick=True), n_pictures=12, n_ranges=1),
    run=run,
    draw=draw,
    say=say,
)
