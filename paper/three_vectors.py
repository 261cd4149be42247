"""Removing the weakly correlated one of three vectors (the paper's figure at Lemma 9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.style import AFTER, INFINITE, INK, MUTED, panels

CHANGE = 0.1
"""The change of the features whose inputs are shaded."""


@dataclass(frozen=True)
class ThreeVectorsConfig(Config):
    """What is asked.

    Attributes:
        degrees: directions of three unit vectors in the plane.
    """

    degrees: tuple[float, float, float] = (0.0, 6.0, 90.0)


def run(config: ThreeVectorsConfig, context: Context) -> Results:
    """Singular values with one row removed, and the bounds for it."""
    angles = np.deg2rad(config.degrees)
    A = np.column_stack([np.cos(angles), np.sin(angles)])
    cases = []
    for removed in ([], [1], [2]):
        lace = ur.bounds.interlacing(A, removed)
        case: Results = {"removed": removed, "values": lace.values.tolist()}
        if removed:
            weak = ur.bounds.weak_correlation(A, removed)
            bounds = {"least_c": weak.smallest_bound, "along": float(weak.along[0])}
            case |= {**bounds, "lemma_8": lace.smallest_nonzero_bound}
        cases.append(case)
    return {"vectors": A.tolist(), "cases": cases}


def draw(results: Results) -> Figure:
    """A plot a case: the vectors, and all changes of the input that change the features by at most `CHANGE`."""
    A = np.array(results["vectors"])
    figure, (plots,) = panels(1, len(results["cases"]), width=2.5, height=3.2)
    turn = np.linspace(0, 2 * np.pi, 721)
    circle = np.stack([np.cos(turn), np.sin(turn)])
    for axes, case in zip(plots, results["cases"], strict=True):
        kept = np.delete(A, case["removed"], axis=0)
        condition = case["values"][0] / case["values"][1]
        changes = CHANGE * np.linalg.solve(np.linalg.cholesky(kept.T @ kept).T, circle)  # |kept @ change| = CHANGE
        axes.fill(*changes, color=INFINITE if condition > 10 else AFTER, alpha=0.45, linewidth=0)
        for k, (x, y) in enumerate(A):
            gone = k in case["removed"]
            style = {"color": MUTED if gone else INK, "linestyle": (0, (3, 2)) if gone else "-"}
            axes.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0, **style})
            axes.text(x + 0.06, y + (-0.14 if k == 0 else 0.06), f"$a_{k + 1}$" + (" removed" if gone else ""))
        axes.set(
            xlim=(-1, 1.6), ylim=(-1.5, 1.5), aspect="equal", title=f"{name(case)}: condition number {condition:.2f}"
        )
        axes.set_axis_off()
    return figure


def name(case: Results) -> str:
    """Which vectors are left."""
    return f"without a_{case['removed'][0] + 1}" if case["removed"] else "all three"


def say(results: Results) -> str:
    """One line a case."""
    lines = []
    for case in results["cases"]:
        largest, smallest = case["values"]
        bounds = ""
        if case["removed"]:
            bounds = f"; Lemma 9 {case['least_c']:.4f}, sharper {case['along']:.4f}, Lemma 8 {case['lemma_8']:.4f}"
        lines.append(f"{name(case):<12} condition number {largest / smallest:.2f}, smallest {smallest:.4f}{bounds}")
    return "\n".join(lines)


EXPERIMENT = Experiment(
    name="three-vectors",
    claim="The figure at Lemma 9: removing the weakly correlated row makes the inverse unstable, removing a correlated "
    "one does not.",
    full=ThreeVectorsConfig(),
    quick=ThreeVectorsConfig(),
    run=run,
    draw=draw,
    say=say,
)
