"""Removing the weakly correlated one of three unit vectors: draws docs/images/three_vectors.png and .svg, and prints.

    python docs/figures/three_vectors.py [--out DIR]

The example of Behrmann et al., Analysis of Invariance and Robustness via Invertibility of ReLU-Networks (2018), at
Lemma 9, with our numbers: a_1 and a_2 are 6 degrees apart, a_3 is orthogonal to a_1.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import unrelu as ur

DEGREES = (0.0, 6.0, 90.0)
AT = np.array([1.0, -0.05])
"""An input at which the ReLU removes a_3 alone."""

CHANGE = 0.1
"""The change of the features whose inputs are shaded."""

INK, MUTED, KEPT, LOST = "#1c2128", "#5b6571", "#1f6fa8", "#dd7a14"


@dataclass(frozen=True)
class Case:
    """Some of the vectors removed.

    Attributes:
        name: what to call it.
        removed: indices of the removed rows.
        values: singular values of those that remain.
    """

    name: str
    removed: tuple[int, ...]
    values: np.ndarray

    @property
    def condition(self) -> float:
        """The condition number."""
        return float(self.values[0] / self.values[-1])


def main() -> None:
    """Compute, print, draw."""
    parser = argparse.ArgumentParser(description="Draw the three-vector example of Lemma 9 and print its numbers.")
    images = Path(__file__).parent.parent / "images"
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out

    angles = np.deg2rad(DEGREES)
    matrix = np.column_stack([np.cos(angles), np.sin(angles)])
    layer = ur.ReLULayer(matrix, np.zeros(3))
    names = (("all three", ()), ("without a_2", (1,)), ("without a_3", (2,)))
    cases = [Case(name, rows, ur.bounds.interlacing(matrix, rows).values) for name, rows in names]
    for case in cases:
        largest, smallest = case.values
        print(f"{case.name:<12} sigma {largest:.4f} {smallest:.4f}   condition number {case.condition:.2f}")

    weak = ur.bounds.weak_correlation(layer, at=AT)
    lace = ur.bounds.interlacing(layer, at=AT)
    print(f"at x = ({AT[0]:g}, {AT[1]:g}) the ReLU removes a_{weak.rows[0] + 1}")
    print(f"smallest singular value left          {weak.smallest:.4f}")
    print(f"  Lemma 9, sharper: |D A a_3| / |a_3| {weak.along[0]:.4f}")
    print(f"  Lemma 9: the least c                {weak.smallest_bound:.4f}")
    print(f"  Lemma 8: sigma_(N - q)(A)           {lace.smallest_nonzero_bound:.4f}")
    draw(matrix, cases, out)


def draw(matrix: np.ndarray, cases: list[Case], out: Path) -> None:
    """One panel a case: the vectors, and all changes of the input that change the features by at most CHANGE."""
    mpl.rcParams.update({"svg.hashsalt": "three_vectors", "svg.fonttype": "none", "font.size": 9, "text.color": INK})
    figure = Figure(figsize=(7.5, 3.2), layout=ConstrainedLayoutEngine(h_pad=0.1))
    for axes, case in zip(figure.subplots(1, len(cases)), cases, strict=True):
        panel(axes, matrix, case)
    out.mkdir(parents=True, exist_ok=True)
    figure.savefig(out / "three_vectors.png", dpi=200)
    figure.savefig(out / "three_vectors.svg", metadata={"Date": None})


def panel(axes: Axes, matrix: np.ndarray, case: Case) -> None:
    """Draw one case."""
    kept = np.delete(matrix, case.removed, axis=0)
    turn = np.linspace(0, 2 * np.pi, 721)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    changes = CHANGE * np.linalg.solve(np.linalg.cholesky(kept.T @ kept).T, circle)  # |kept @ change| = CHANGE
    ill = case.condition > 10
    axes.fill(*changes, color=LOST if ill else KEPT, alpha=0.45, linewidth=0)
    for k, (x, y) in enumerate(matrix):
        gone = k in case.removed
        style = {"color": MUTED, "linestyle": (0, (3, 2)), "mutation_scale": 6} if gone else {"color": INK}
        axes.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0, **style})
        where = (x + 0.06, y - 0.14) if k == 0 else (x + 0.06, y + 0.06)
        axes.text(*where, f"$a_{k + 1}$" + (" removed" if gone else ""), color=MUTED if gone else INK)
    axes.set_title(f"{case.name.replace('a_', 'a')}: condition number {case.condition:.2f}", fontsize=9)
    axes.set_xlim(-1.0, 1.6)
    axes.set_ylim(-1.5, 1.5)
    axes.set_aspect("equal")
    axes.set_axis_off()


if __name__ == "__main__":
    main()
