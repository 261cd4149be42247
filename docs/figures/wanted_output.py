"""The inputs that give a wanted output of a scikit-learn regressor: docs/images/wanted_output.png and .svg.

    python docs/figures/wanted_output.py [--out DIR]

The model and the question are those of docs/tutorial_regressor.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import unrelu as ur
from unrelu.preimages.union.union_preimage import UnionPreimage

INK, MUTED, EXACT, INNER, OUTER = "#1c2128", "#8a95a1", "#1f6fa8", "#9cc3e0", "#f0c9a8"
COLUMNS = ["bmi", "bp", "s5"]
WANTED, NOISE, S5 = 100.0, 5.0, 4.6


def main() -> None:
    """Train, ask, print, draw."""
    images = Path(__file__).parent.parent / "images"
    parser = argparse.ArgumentParser(description="Draw the inputs that give a wanted output, and count their pieces.")
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out

    people, net = trained()
    box = ur.Box(np.array([18, 62, S5]), np.array([42, 132, S5]))
    pre = ur.preimage(net, features=np.array([WANTED]), domain=box, time_limit=120)
    assert isinstance(pre, UnionPreimage)
    near = ur.invert(net, np.array([WANTED]), domain=box, noise=NOISE)
    near.refine(0.02)
    print(f"exactly {WANTED:g}: {len(pre.pieces)} pieces, complete: {pre.complete}, proved: {pre.certificate.verify()}")
    print(f"{WANTED:g} to within {NOISE:g}: at least {near.parts} parts, proved: {near.certificate.verify()}")
    draw(people, net, pre, near, out)


def trained() -> tuple[np.ndarray, ur.Network]:
    """(442, 3) what is known of people, and the network that was trained on it, with its scalers."""
    data: Any = load_diabetes(scaled=False)
    X = data.data[:, [data.feature_names.index(name) for name in COLUMNS]]
    hidden = MLPRegressor(hidden_layer_sizes=(16, 16), learning_rate_init=0.01, max_iter=2000, random_state=0)
    model: Any = TransformedTargetRegressor(make_pipeline(StandardScaler(), hidden), transformer=StandardScaler())
    model.fit(X, data.target)
    return X, ur.Network.from_sklearn(model)


def draw(people: np.ndarray, net: ur.Network, pre: UnionPreimage, near: ur.ConsistentSet, out: Path) -> None:
    """Left the pieces of exactly the wanted output, right what is consistent with it to within the noise."""
    mpl.rcParams.update({"svg.hashsalt": "wanted_output", "svg.fonttype": "none", "font.size": 9, "text.color": INK})
    figure = Figure(figsize=(8.4, 4.1), layout=ConstrainedLayoutEngine(w_pad=0.08))
    left, right = figure.subplots(1, 2, sharey=True)
    for axes in (left, right):
        background(axes, people, net)
    for piece in pre.pieces:
        ends = piece.vertices().points[:, :2]
        left.plot(*ends.T, color=EXACT, linewidth=2.4, solid_capstyle="round")
        left.plot(*ends.T, "o", color=INK, markersize=2.4)
    left.set_title(f"prediction exactly {WANTED:g}: {len(pre.pieces)} pieces, proved to be all", fontsize=9)
    left.set_ylabel("blood pressure (bp)")
    paving = near.paving((0, 1), cells=128)
    for lower, upper, colour, layer in (
        (paving.outer_lower, paving.outer_upper, OUTER, 2),
        (paving.inner_lower, paving.inner_upper, INNER, 3),
    ):
        patches = [Rectangle(tuple(low), *(high - low)) for low, high in zip(lower, upper, strict=True)]
        right.add_collection(PatchCollection(patches, facecolor=colour, antialiased=False, zorder=layer))
    points = near.sample(60, seed=0)
    right.plot(*points[:, :2].T, "o", color=INK, markersize=2.4, zorder=4)
    fourth = points[points[:, 0].argmax(), :2]
    arrow = {"arrowstyle": "-", "color": INK, "linewidth": 0.7}
    right.annotate("the fourth", tuple(fourth), (24, 14), textcoords="offset points", arrowprops=arrow, zorder=5)
    right.set_title(f"{WANTED:g} to within {NOISE:g}: at least {near.parts} parts, proved", fontsize=9)
    figure.legend(handles=handles(), loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    out.mkdir(parents=True, exist_ok=True)
    for kind in ("png", "svg"):
        figure.savefig(out / f"wanted_output.{kind}", dpi=160, metadata={"Date": None} if kind == "svg" else None)


def background(axes: Axes, people: np.ndarray, net: ur.Network) -> None:
    """The level lines of the prediction, and the people whose s5 is about that of the question."""
    bmi, bp = np.linspace(18, 42, 301), np.linspace(62, 132, 301)
    grid = np.stack([*np.meshgrid(bmi, bp), np.full((301, 301), S5)], axis=-1)
    values = np.asarray(net(grid.reshape(-1, 3))).reshape(301, 301)
    axes.contour(bmi, bp, values, levels=range(0, 500, 20), colors="#c9d0d7", linewidths=0.6)
    those = people[np.abs(people[:, 2] - S5) <= 0.2]
    axes.plot(*those[:, :2].T, "x", color=MUTED, markersize=3.2, markeredgewidth=0.8)
    axes.set(xlim=(18, 42), ylim=(62, 132), xlabel="body mass index (bmi)")


def handles() -> list[Artist]:
    """What the colours mean."""
    return [
        Line2D([], [], color=EXACT, linewidth=2.4, marker="o", markersize=2.4, markerfacecolor=INK, label="a piece"),
        Patch(color=INNER, label="all of it consistent, proved"),
        Patch(color=OUTER, label="open; all else is not, proved"),
        Line2D([], [], color=INK, marker="o", markersize=2.4, linestyle="none", label="a member"),
        Line2D([], [], color=MUTED, marker="x", markersize=3.2, linestyle="none", label="people with about this s5"),
    ]


if __name__ == "__main__":
    main()
