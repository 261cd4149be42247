"""A preimage in a plane with its vertices, its greatest ball and a sample: docs/images/one_preimage.png and .svg.

    python docs/figures/one_preimage.py [--out DIR]

A layer of three inputs; the one active feature leaves a plane, and five inactive ones bound a polygon in it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Circle, Polygon

import unrelu as ur

INK, MUTED, INSIDE, SAMPLED = "#1c2128", "#8a95a1", "#e8f0f7", "#1f6fa8"

WEIGHT = np.array([[0, 0, 1], [2, 1, 0], [-1, 3, 1], [-3, -1, 1], [1, -2, 0], [1, 1, -1]], dtype=float)
BIAS = np.array([0, -3, -4, -4, -2, -1])
X = np.array([0.25, 0.5, 0.5])


def main() -> None:
    """Compute, print, draw."""
    images = Path(__file__).parent.parent / "images"
    parser = argparse.ArgumentParser(description="Draw a preimage with two dimensions, and print what is known of it.")
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out

    pre = ur.preimage(ur.ReLULayer(WEIGHT, BIAS), at=X)
    corners, ball, area, ranges = pre.vertices(), pre.chebyshev_center(), pre.volume(), pre.ranges()
    print(f"kind                        {pre.kind.value}, proved: {pre.certificate.verify()}")
    print(f"dimension                   {pre.dimension.lower} to {pre.dimension.upper}")
    print(f"vertices                    {len(corners)}, an exact member within {corners.radius.max():.0e} of each")
    print(f"greatest ball               radius {ball.radius:.4f}")
    print(f"area                        {area.estimate:.4f} ({area.method.value})")
    for j in range(3):
        print(f"range of coordinate {j}       {ranges.lower[j]:.4f} to {ranges.upper[j]:.4f}")
    print(f"farthest member from x      {pre.farthest(X, 2).distance:.4f}, none beyond {pre.farthest(X, 2).bound:.4f}")
    draw(corners.points, ball, pre.sample(400), out)


def draw(corners: np.ndarray, ball: ur.ChebyshevCenter, sample: ur.PreimageSample, out: Path) -> None:
    """The polygon in the first two coordinates; the third is the same in all of it."""
    mpl.rcParams.update({"svg.hashsalt": "one_preimage", "svg.fonttype": "none", "font.size": 9, "text.color": INK})
    figure = Figure(figsize=(4.6, 4.0), layout=ConstrainedLayoutEngine())
    axes = figure.subplots()
    around = corners[:, :2] - corners[:, :2].mean(axis=0)
    order = np.argsort(np.arctan2(around[:, 1], around[:, 0]))
    axes.add_patch(Polygon(corners[order, :2], facecolor=INSIDE, edgecolor=INK, linewidth=1.2))
    axes.plot(*sample.points[:, :2].T, ".", color=SAMPLED, markersize=2.5, alpha=0.6)
    assert ball.point is not None
    axes.add_patch(Circle(tuple(ball.point[:2]), ball.radius, fill=False, edgecolor=INK, linestyle=(0, (4, 3))))
    axes.plot(*corners[:, :2].T, "o", color=INK, markersize=4.5)
    axes.plot(*X[:2], "x", color=INK, markersize=7, markeredgewidth=1.6)
    axes.annotate("x", (X[0], X[1]), xytext=(5, 5), textcoords="offset points", fontweight="bold")
    axes.set_aspect("equal")
    axes.set_xlabel("coordinate 0")
    axes.set_ylabel("coordinate 1")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=MUTED)
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "one_preimage.png", dpi=200)
    figure.savefig(out / "one_preimage.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
