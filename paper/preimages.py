"""Finite and infinite preimages over the number of positive outputs (Figure 4), and uniqueness within the box."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.stats import binom

import unrelu as ur
from paper.context import Context
from paper.drift import drift, measured, unit_rows
from paper.experiment import Config, Experiment, Results
from paper.pictures import pictures
from paper.style import FINITE, INFINITE, INK, MUTED, OPEN, UNIQUE, panels
from paper.training import Recipe, Trained, mlp_recipe, trained

FINITE_KINDS = ("bounded", "singleton")

ROOM = 1.6
"""Height of plots over that of what they show, for legends."""

BLOCK = 1000
"""Pictures that are decided at once and then kept."""


@dataclass(frozen=True)
class PreimagesConfig(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures, the first ones.
        n_drifts: of those, at how many the drift of the inactive rows is measured.
    """

    n_pictures: int = 10_000
    n_drifts: int = 200


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
    all_rows = drift(unit_rows(layer.dense_weight))
    found = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
    return {
        "trained": done.record(),
        "n_pictures": len(images),
        "n_features": layer.n_outputs,
        "n_inputs": layer.n_inputs,
        "drift_of_all_rows": None if all_rows is None else round(all_rows, 3),
        **summary(found, layer),
        "reasons": reasons(layer, images, found, config, context),
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
    finite, infinite = np.isin(kind, FINITE_KINDS), kind == "unbounded"
    m, d = layer.n_outputs, layer.n_inputs
    gaussian = unique_if_random(n_active, found["n_inside"], d)
    levels, at = np.unique(n_active, return_inverse=True)
    parts = {
        "finite": finite,
        "infinite": infinite,
        "open": ~finite & ~infinite,
        "unique": unique == 1,
        "not_unique": unique == 0,
    }
    table = {
        "n_active": levels.tolist(),
        **{name: np.bincount(at, weights=part).astype(int).tolist() for name, part in parts.items()},
        "finite_if_random": [float(f"{finite_if_random(int(level), m, d):.4g}") for level in levels],
        "unique_if_random": [float(f"{v:.4g}") for v in np.bincount(at, weights=gaussian) / np.bincount(at)],
    }
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


def reasons(
    layer: ur.ReLULayer, images: np.ndarray, found: dict[str, np.ndarray], config: PreimagesConfig, context: Context
) -> Results:
    """The drift of inactive rows at some pictures whose active rows leave directions free, and what it predicts.

    Rows of a trained layer are not Gaussian, so that the ratio at which preimages become finite may not be 1; the pairs
    of an infinite and a finite preimage say whether the drift orders them, wherever that is.
    """
    order = np.argsort(found["n_active"], kind="stable")
    order = order[found["n_active"][order] <= layer.n_inputs - 2]
    chosen = order[np.unique(np.linspace(0, len(order) - 1, config.n_drifts).round().astype(int))] if len(order) else []
    rows = []
    with context.progress.stage("drift of the rows", len(chosen)) as advance:
        for index in chosen:
            one = measured(layer, images[index].ravel().astype(np.float64))
            if one is not None:
                rows.append({**asdict(one), "kind": str(found["kind"][index])})
            advance(1)
    infinite = np.array([row["kind"] == "unbounded" for row in rows], dtype=bool)
    ratio = np.array([row["ratio"] for row in rows])
    pairs = ratio[infinite][:, None] < ratio[~infinite]
    return {
        "n": len(rows),
        "predicted_rightly": int(np.sum((ratio < 1) == infinite)),
        "pairs": pairs.size,
        "pairs_ordered_rightly": int(pairs.sum()),
        "n_active": [row["n_active"] for row in rows],
        "infinite": infinite.astype(int).tolist(),
        "drift": [round(row["drift"], 3) for row in rows],
        "ratio": [round(row["ratio"], 4) for row in rows],
        "ratio_without_drift": [round(row["n_rows"] / 2 / row["n_free"], 4) for row in rows],
    }


def draw(results: Results) -> Figure:
    """A row a network: all of R^d left, within the box in the middle, the drift of the rows right."""
    networks = results["networks"]
    figure, rows = panels(len(networks), 3, height=2.6)
    for (left, middle, right), found in zip(rows, networks, strict=True):
        table = found["over_n_active"]
        title = short_title(found)
        parts = (("finite", FINITE), ("infinite", INFINITE), ("open", OPEN))
        histogram(left, table, parts, f"{title}: over all of $R^{{{found['n_inputs']}}}$")
        histogram(middle, table, (("unique", UNIQUE), ("not_unique", OPEN)), "within [0, 1]: the only picture?")
        expected(left, table, "finite_if_random")
        expected(middle, table, "unique_if_random")
        drifts(right, found["reasons"])
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


def drifts(axes: Axes, found: Results) -> None:
    """What rows with the measured drift, and rows without, predict: infinite below 1."""
    if found["n"] == 0:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "the active rows leave no directions free", ha="center", color=MUTED)
        return
    n_active, infinite = np.array(found["n_active"]), np.array(found["infinite"], dtype=bool)
    for chosen, colour, word in ((~infinite, FINITE, "finite"), (infinite, INFINITE, "infinite")):
        axes.plot(n_active[chosen], np.array(found["ratio"])[chosen], "o", color=colour, markersize=3, label=word)
    axes.plot(n_active, found["ratio_without_drift"], color=INK, linewidth=1, linestyle=":", label="rows without drift")
    axes.axhline(1, color=MUTED, linewidth=0.8)
    axes.set_yscale("log")
    axes.set_title("predicted by the drift: infinite below 1", loc="left")
    axes.set_ylabel("$n\\,h(\\delta)\\,/\\,D$")
    axes.legend(loc="upper left")


def histogram(axes: Axes, table: Results, parts: tuple[tuple[str, str], ...], title: str) -> None:
    """Stacked bars over the number of positive outputs."""
    levels = np.array(table["n_active"])
    edges = np.histogram_bin_edges(levels, bins=min(40, max(1, int(np.ptp(levels)))))
    counts = [table[key] for key, _ in parts]
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
    axes.set_ylim(0, axes.get_ylim()[1] / 1.05 * ROOM)
    axes.legend(loc="upper left")


def expected(axes: Axes, table: Results, key: str) -> None:
    """What random rows would give, on an axis of its own."""
    other = axes.twinx()
    other.plot(table["n_active"], table[key], color=INK, linewidth=1, linestyle=":")
    other.set_ylim(0, ROOM)
    other.set_yticks([0, 0.5, 1])
    other.set_ylabel("dotted: random rows")
    other.spines["right"].set_visible(True)


def say(results: Results) -> str:
    """One line a network."""
    lines = []
    for found in results["networks"]:
        kinds = ", ".join(f"{count} {name}" for name, count in found["kinds"].items())
        unique, reasons = found["unique"], found["reasons"]
        lines.append(
            f"{short_title(found)}: {found['n_active'][0]} to {found['n_active'][-1]} active, {kinds}, finite from "
            f"{found['fewest_with_finite']}, infinite up to {found['most_with_infinite']}, {found['unproved']} "
            f"unproved; within the box {unique['unique']} unique of {found['n_pictures']}, from "
            f"{found['fewest_with_unique']} active on; the drift of the rows predicts the kind of "
            f"{reasons['predicted_rightly']} of {reasons['n']} and orders {reasons['pairs_ordered_rightly']} of "
            f"{reasons['pairs']} pairs of an infinite and a finite one; drift of all rows {found['drift_of_all_rows']}"
        )
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="preimages",
    claim="Figure 4: over the number of positive outputs of MLP-3500's first layer there is a sharp transition from "
    "infinite to finite preimages, with both kinds side by side in between.",
    full=PreimagesConfig((mlp_recipe("MLP-3500", quick=False),)),
    quick=PreimagesConfig((mlp_recipe("MLP-3500", quick=True),), n_pictures=100, n_drifts=10),
    run=run,
    draw=draw,
    say=say,
)
