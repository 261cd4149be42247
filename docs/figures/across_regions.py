"""Following a direction through linear regions: draws docs/images/across_regions.png and .svg, and prints.

    python docs/figures/across_regions.py [--out DIR]

A network with random weights (16 inputs, two ReLU layers of 32); the direction of its smallest singular value at
a point.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import unrelu as ur

INK, MUTED, MOVED = "#1c2128", "#8a95a1", "#1f6fa8"


def main() -> None:
    """Compute, print, draw."""
    images = Path(__file__).parent.parent / "images"
    parser = argparse.ArgumentParser(description="Follow the direction of the smallest singular value, and print.")
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out

    random = np.random.default_rng(0)
    sizes = ((32, 16), (32, 32), (8, 32))
    layers = [(random.standard_normal(size) / size[1] ** 0.5, 0.3 * random.standard_normal(size[0])) for size in sizes]
    prefix = ur.Network.from_layers(layers).upto("relu2")
    x = random.standard_normal(16)

    path = ur.follow(prefix, at=x, n_regions=20)
    print(f"smallest singular value at x           {path.rate:.4f}")
    print(f"the local estimate is exact until      {path.exact_until:.4f}")
    print(f"the features depart from it by 10 % at {path.departs(0.1):.4f}")
    print(f"regions                                {path.n_regions}, {int(path.confirmed.sum())} of them proved")
    print(f"the path is known until                {path.end:.4f}")
    print(f"  the features have moved              {path.moved(path.end):.4f}")
    print(f"  the local estimate says              {path.estimated(path.end):.4f}")
    draw(path, out)


def draw(path: ur.RegionPath, out: Path) -> None:
    """How far the features have moved over the distance of the input, beside the local estimate."""
    mpl.rcParams.update({"svg.hashsalt": "across_regions", "svg.fonttype": "none", "font.size": 9, "text.color": INK})
    figure = Figure(figsize=(5.2, 3.2), layout=ConstrainedLayoutEngine(h_pad=0.1))
    axes = figure.subplots()
    t = np.linspace(0, path.end, 600)
    axes.plot(t, [path.moved(each) for each in t], color=MOVED, linewidth=1.8)
    axes.plot(t, [path.estimated(each) for each in t], color=INK, linewidth=1, linestyle=(0, (4, 3)))
    end = path.end
    axes.text(end, path.moved(end), " moved", color=MOVED, va="center")
    axes.text(end, path.estimated(end), " estimated", color=INK, va="center")
    axes.plot([each.t for each in path.breakpoints], [0.0] * len(path.breakpoints), "|", color=MUTED, markersize=9)
    axes.set_xlabel("distance from x along the direction; marks: breakpoints")
    axes.set_ylabel("distance of the features")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(0, end * 1.22)
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "across_regions.png", dpi=200)
    figure.savefig(out / "across_regions.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
