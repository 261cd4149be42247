"""All inputs with one output, piece by piece: docs/images/all_pieces.png and .svg.

    python docs/figures/all_pieces.py [--out DIR]

A network with random weights: two inputs, two ReLU layers of 12, one output.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import unrelu as ur
from unrelu.preimages.union.union_preimage import UnionPreimage

INK, MUTED = "#1c2128", "#8a95a1"
COLOURS = ("#1f6fa8", "#c2571a", "#3b8f52", "#8a4fa3")


def main() -> None:
    """Compute, print, draw."""
    images = Path(__file__).parent.parent / "images"
    parser = argparse.ArgumentParser(description="Draw all inputs with one output, and print their pieces.")
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out

    random = np.random.default_rng(2)
    sizes = ((12, 2), (12, 12), (1, 12))
    net = ur.Network.from_layers([(random.standard_normal(s), 0.5 * random.standard_normal(s[0])) for s in sizes])
    x = np.array([0.5, -0.25])
    found = ur.preimage(net, at=x, domain=ur.Box(-2, 2), time_limit=120)
    assert isinstance(found, UnionPreimage)
    dimension = f"{found.dimension.lower} to {found.dimension.upper}"
    print(f"{found.kind.value}: {len(found.pieces)} pieces, complete: {found.complete}, dimension {dimension}")
    print(f"proved: {found.certificate.verify()}; members on each: {bool(found.proved.all())}")
    draw(net, x, found, out)


def draw(net: ur.Network, x: np.ndarray, found: UnionPreimage, out: Path) -> None:
    """What the output is, and the pieces on which it is that of x."""
    mpl.rcParams.update({"svg.hashsalt": "all_pieces", "svg.fonttype": "none", "font.size": 9, "text.color": INK})
    figure = Figure(figsize=(4.6, 4.2), layout=ConstrainedLayoutEngine())
    axes: Axes = figure.subplots()
    ticks = np.linspace(-2, 2, 401)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    values = np.asarray(net(grid)).reshape(401, 401)
    axes.contour(ticks, ticks, values, levels=24, colors=MUTED, linewidths=0.4)
    for k, piece in enumerate(sorted(found.pieces, key=lambda each: each.origin[0])):
        ends = piece.vertices().points
        axes.plot(*ends.T, color=COLOURS[k % len(COLOURS)], linewidth=2.2, solid_capstyle="round")
        axes.plot(*ends.T, "o", color=INK, markersize=2.2)
    axes.plot(*x, "*", color=INK, markersize=9)
    axes.annotate("x", (float(x[0]), float(x[1])), (4, 4), textcoords="offset points")
    axes.set_title(f"{len(found.pieces)} pieces, proved to be all", fontsize=9)
    axes.set_xlabel("first input")
    axes.set_ylabel("second input")
    axes.set_aspect("equal")
    for kind in ("png", "svg"):
        figure.savefig(out / f"all_pieces.{kind}", dpi=160, metadata={"Date": None} if kind == "svg" else None)


if __name__ == "__main__":
    main()
