"""Five clouds with the same three lines, and what a sampler sees of them: docs/images/five_temperatures.png and .svg.

    python docs/figures/five_temperatures.py [--out DIR]

The emulators are those of the package `emulchem` (MIT): pip install --no-deps emulchem==0.1.0
"""

from __future__ import annotations

import argparse
import importlib.util
import math
import sys
from pathlib import Path

import emcee
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from scipy.optimize import least_squares

import unrelu as ur

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.emulators import Emulchem, Problem, radex_problem

INK, MUTED, INNER, OUTER, SAMPLER = "#1c2128", "#8a95a1", "#1f6fa8", "#9cc3e0", "#c2571a"
MEASURED = np.array([2.636, 3.945, 0.697])
"""Three lines of CO, in K."""

FOURTH = 0.953
NOISE = 0.01

ZOOMS = (((39.0, 47.0), (2e5, 1e6)), ((113.0, 117.5), (1.9e4, 2.08e4)))
"""Temperatures and densities that are looked at closely."""


def main() -> None:
    """Ask, sample, print, draw."""
    images = Path(__file__).parent.parent / "images"
    parser = argparse.ArgumentParser(description="Draw five clouds with the same lines, and print them.")
    parser.add_argument("--out", type=Path, default=images, help="folder for the files")
    out = parser.parse_args().out
    spec = importlib.util.find_spec("emulchem")
    assert spec is not None, "pip install --no-deps emulchem==0.1.0"
    assert spec.origin is not None
    emulchem = Emulchem(Path(spec.origin).parents[1])
    three = radex_problem(emulchem, ("CO1", "CO3", "CO6"))
    box = ur.Box(three.lower, three.upper)
    found = ur.invert(three.network, MEASURED, domain=box, progress=False)
    proved = found.certificate.verify()
    print(f"three lines: {len(found.solutions)} clouds, complete: {found.complete}, proved: {proved}")
    for each in found.solutions:
        temperature, density, column = each.center
        print(f"  {temperature:6.2f} K, {density:9,.0f} / cm3, 10^{column:.3f} / cm2")
    four = radex_problem(emulchem, ("CO1", "CO3", "CO6", "CO0"))
    y = np.append(MEASURED, FOURTH)
    alone = ur.invert(four.network, y, domain=box, resolution=0.0005, progress=False)
    print(f"four lines: {len(alone.solutions)} cloud, unique: {alone.unique}, proved: {alone.certificate.verify()}")
    near = ur.invert(three.network, MEASURED, domain=box, noise=NOISE * MEASURED)
    told = near.ranges(progress=False)
    near.refine(0.1, progress=False)
    low, high = told.outer[0]
    seen = near.seen_by(sampled(three))
    outward = f"{math.floor(low)} to {math.ceil(high)} K"
    print(f"{100 * NOISE:g} % noise: {outward}, at least {near.parts} parts")
    warm = bool((seen.points[:, 0] > 50).any())
    print(f"emcee: points in {int(seen.seen.sum())} of {len(seen.seen)} parts; any above 50 K: {warm}")
    draw(three, found, seen.points, out)


def sampled(problem: Problem) -> np.ndarray:
    """Points of emcee's walkers, which start about the best fit that is found from the middle of the domain."""
    low, width = problem.lower, problem.upper - problem.lower
    sigma = NOISE * MEASURED / 2.576  # 99 % of the errors are within the noise

    def misfit(units: np.ndarray) -> np.ndarray:
        return (np.asarray(problem.network(low + width * np.atleast_2d(units))) - MEASURED) / sigma

    def log_probability(units: np.ndarray) -> np.ndarray:
        inside = ((units >= 0) & (units <= 1)).all(axis=1)
        return np.where(inside, -0.5 * (misfit(np.clip(units, 0, 1)) ** 2).sum(axis=1), -np.inf)

    fit = least_squares(lambda units: misfit(units)[0], np.full(3, 0.5), bounds=(0, 1), diff_step=1e-4)
    np.random.seed(0)  # emcee draws from NumPy's old generator
    start = np.clip(fit.x + 1e-3 * np.random.default_rng(0).standard_normal((32, 3)), 0, 1)
    sampler = emcee.EnsembleSampler(32, 3, log_probability, vectorize=True)
    sampler.run_mcmc(start, 1000)
    return low + width * sampler.get_chain(discard=200, thin=5, flat=True)


def draw(problem: Problem, found: ur.Inversion, points: np.ndarray, out: Path) -> None:
    """Left the solutions, right all that is consistent to within the noise, and what the sampler saw of it."""
    mpl.rcParams.update(
        {"svg.hashsalt": "five_temperatures", "svg.fonttype": "none", "font.size": 9, "text.color": INK}
    )
    figure = Figure(figsize=(9.6, 3.7), layout=ConstrainedLayoutEngine(w_pad=0.08))
    left, *zooms = figure.subplots(1, 3)
    centers = np.array([each.center for each in found.solutions])
    for axes, title, (a, b), (c, d) in zip(zooms, "AB", *zip(*ZOOMS, strict=True), strict=True):
        lower, upper = problem.lower.copy(), problem.upper.copy()
        lower[:2], upper[:2] = (a, c), (b, d)
        near = ur.invert(problem.network, MEASURED, domain=ur.Box(lower, upper), noise=NOISE * MEASURED)
        paving = near.paving((0, 1), cells=40, progress=False)
        rectangles(axes, paving.outer_lower, paving.outer_upper, OUTER, 2)
        rectangles(axes, paving.inner_lower, paving.inner_upper, INNER, 3)
        axes.plot(*points[:: max(1, len(points) // 300), :2].T, "o", color=SAMPLER, markersize=2.2, zorder=4)
        axes.set(xlim=(a, b), ylim=(c, d))
        axes.set_title(f"{title}, to within {100 * NOISE:g} %", fontsize=9)
        left.annotate(title, (b, (c * d) ** 0.5), (9, 0), textcoords="offset points", va="center", color=MUTED)
    left.set(xlim=(30, 130), yscale="log", ylim=(1.2e4, 1.4e6), ylabel="density (1 / cm³)")
    left.set_title(f"exactly: {len(centers)} clouds, proved to be all", fontsize=9)
    for axes in (left, *zooms):
        axes.plot(centers[:, 0], centers[:, 1], "o", color=INK, markersize=4.5, zorder=5)
        axes.set_xlabel("temperature (K)")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(color=MUTED)
    for axes in zooms:
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    handles = [
        Line2D([], [], color=INK, marker="o", markersize=5, linestyle="none", label="a solution"),
        Patch(color=INNER, label="consistent, proved"),
        Patch(color=OUTER, label="open; all else is not, proved"),
        Line2D([], [], color=SAMPLER, marker="o", markersize=3, linestyle="none", label="what emcee saw"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    out.mkdir(parents=True, exist_ok=True)
    for kind in ("png", "svg"):
        path = out / f"five_temperatures.{kind}"
        figure.savefig(path, dpi=160, metadata={"Date": None} if kind == "svg" else None)


def rectangles(axes: Axes, lower: np.ndarray, upper: np.ndarray, colour: str, layer: int) -> None:
    """Filled rectangles."""
    patches = [Rectangle(tuple(low), *(high - low)) for low, high in zip(lower, upper, strict=True)]
    axes.add_collection(
        PatchCollection(patches, facecolor=colour, edgecolor=colour, linewidth=0.3, zorder=layer, rasterized=True)
    )


if __name__ == "__main__":
    main()
