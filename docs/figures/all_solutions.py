"""All solutions of two equations, and the boxes that prove it: docs/images/all_solutions.png and .svg.

    python docs/figures/all_solutions.py [--out DIR]

A network with random weights: two inputs, two ReLU layers of 12, two outputs.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

import unrelu as ur
from unrelu.frontier.tree import Operation

INK, MUTED, NONE, ONE = "#1c2128", "#8a95a1", "#eceef1", "#cfe3f3"
CURVES = ("#1f6fa8", "#c2571a")


def main() -> None:
    """Compute, print, draw."""
    images = Path(__file__).parent.parent / "images"
    parser = argparse.ArgumentParser(description="Draw all solutions of a small problem, and print them.")
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out

    random = np.random.default_rng(8)
    sizes = ((12, 2), (12, 12), (2, 12))
    spread = (0.5, 0.3, 0.0)
    layers = [
        (
            random.standard_normal(size) / (size[1] ** 0.5 if size[0] == size[1] else 1),
            each * random.standard_normal(size[0]),
        )
        for size, each in zip(sizes, spread, strict=True)
    ]
    net = ur.Network.from_layers(layers)
    y = np.asarray(net(random.uniform(-1, 1, (1, 2))))[0]

    found = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
    print(f"{len(found.solutions)} solutions, complete: {found.complete}, proved: {found.certificate.verify()}")
    for each in found.solutions:
        x = each.center
        print(f"({x[0]:7.4f}, {x[1]:7.4f})  exact root: {each.exact}, condition {each.condition:5.1f}")
    draw(net, y, found, out)


def boxes(found: ur.Inversion) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """For each node of the tree what was done with it, and the ends of the box that it was given."""
    tree, told = found.tree, []
    waiting = [(0, found.statement.lower.numpy(), found.statement.upper.numpy())]
    while waiting:
        number, lower, upper = waiting.pop()
        operation, first = int(tree.operation[number]), int(tree.child[number])
        told.append((operation, lower, upper))
        low, high = tree.lower[number], tree.upper[number]
        if operation == Operation.CONTRACTED:
            waiting.append((first, low, high))
        elif operation == Operation.SIDES:
            waiting += [(first, low, high), (first + 1, low, high)]
        elif operation == Operation.HALVED:
            here = np.arange(2) == tree.place[number]
            waiting += [
                (first, low, np.where(here, tree.value[number], high)),
                (first + 1, np.where(here, tree.value[number], low), high),
            ]
    return told


def draw(net: ur.Network, y: np.ndarray, found: ur.Inversion, out: Path) -> None:
    """The lines on which each output is the wanted one, where they cross, and the boxes of the tree."""
    mpl.rcParams.update({"svg.hashsalt": "all_solutions", "svg.fonttype": "none", "font.size": 9, "text.color": INK})
    figure = Figure(figsize=(6.8, 4.2), layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.1))
    axes = figure.subplots()
    axes.add_patch(Rectangle((-1, -1), 2, 2, facecolor=NONE, edgecolor="none"))
    for operation, lower, upper in sorted(boxes(found), key=lambda each: each[0]):
        holds = operation == Operation.BALL
        face = ONE if holds else "none"
        axes.add_patch(Rectangle(tuple(lower), *(upper - lower), facecolor=face, edgecolor="#aab3bd", linewidth=0.5))
    curves(axes, net, y)
    axes.plot(*np.array([each.center for each in found.solutions]).T, "o", color=INK, markersize=5)
    axes.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal", xlabel="input 0", ylabel="input 1")
    axes.set(xticks=[-1, -0.5, 0, 0.5, 1], yticks=[-1, -0.5, 0, 0.5, 1])
    axes.tick_params(color=MUTED)
    axes.spines[:].set_visible(False)
    handles = [
        *(Line2D([], [], color=color, label=f"output {k} is the wanted one") for k, color in enumerate(CURVES)),
        Line2D([], [], color=INK, marker="o", linestyle="none", markersize=5, label="a solution"),
        Patch(facecolor=ONE, edgecolor="#aab3bd", label="holds one, proved"),
        Patch(facecolor=NONE, edgecolor="#aab3bd", label="holds none, proved"),
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.0), frameon=False)
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "all_solutions.png", dpi=200)
    figure.savefig(out / "all_solutions.svg", metadata={"Date": None})


def curves(axes: Axes, net: ur.Network, y: np.ndarray) -> None:
    """Where each output is the wanted one."""
    side = np.linspace(-1, 1, 801)
    grid = np.stack(np.meshgrid(side, side), axis=-1)
    values = np.asarray(net(grid.reshape(-1, 2))).reshape(801, 801, 2)
    for k, color in enumerate(CURVES):
        axes.contour(side, side, values[..., k], levels=[y[k]], colors=[color], linewidths=1.4, linestyles="solid")


if __name__ == "__main__":
    main()
