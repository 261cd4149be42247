"""How the time to find all solutions grows with inputs, units and depth, on random networks.

    python -m benchmarks.inversion_growth [--seeds 5] [--limit 60] [--starts 4000] [--milp 0]
        [--out benchmarks/results/inversion_growth.json] [--figure docs/images/inversion_growth.svg]

One size changes at a time, the others stay: 2 inputs, 128 units, depth 2. Of each: the median seconds of
`unrelu.invert` over seeds (a search out of time counts with its limit), how many were complete, and the numbers of
boxes and solutions; of the same problems Levenberg-Marquardt from many starts, with the solutions it finds outside a
complete list (0 if that is right), and with `--milp SECONDS` big-M programs by HiGHS. The exponent of units and depth
is the slope of log seconds over log size, that of inputs the factor for one input more, by least squares over the
three largest sizes at which all searches were complete: what is smaller is mostly the time to start.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unrelu as ur
from benchmarks.environment import environment
from benchmarks.milp_peer import milp_solutions
from benchmarks.newton_peer import newton_solutions
from benchmarks.peer_solutions import APART
from benchmarks.random_problems import random_problem

BASE = {"inputs": 2, "units": 128, "depth": 2}

SIZES = {"inputs": (1, 2, 3, 4, 5), "units": (16, 32, 64, 128, 256, 512, 1024), "depth": (1, 2, 3, 4)}


def asked(size: dict[str, int], seed: int, *, limit: float, starts: int, milp: float) -> dict[str, Any]:
    """One random network by all methods."""
    problem = random_problem(size["inputs"], size["units"], size["depth"], seed)
    domain = ur.Box(problem.lower, problem.upper)
    start = time.perf_counter()
    found = ur.invert(problem.network, problem.measured, domain=domain, time_limit=limit, progress=False)
    solutions = found.solutions
    row: dict[str, Any] = {
        "seed": seed,
        "seconds": time.perf_counter() - start,
        "complete": bool(found.complete),
        "solutions": len(solutions),
        "nodes": len(found.tree),
    }
    if starts:
        peer = newton_solutions(problem.network, problem.measured, problem.lower, problem.upper, starts=starts)
        far = np.full(len(peer.points), np.inf)
        for each in solutions:
            gap = np.maximum(np.maximum(each.lower - peer.points, peer.points - each.upper), 0.0) / 2
            far = np.minimum(far, gap.max(axis=1))
        row["newton"] = {
            "seconds": peer.seconds,
            "solutions": len(peer.points),
            "outside": int((far > APART).sum()),
        }
    if milp:
        peer = milp_solutions(problem.network, problem.measured, problem.lower, problem.upper, time_limit=milp)
        row["milp"] = {"seconds": peer.seconds, "solutions": len(peer.points), "finished": peer.finished}
    return row


def told(axis: str, size: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and counts at one size."""
    found: dict[str, Any] = {
        axis: size,
        "complete": sum(row["complete"] for row in rows),
        "of": len(rows),
        "median_seconds": float(np.median([row["seconds"] for row in rows])),
        "median_nodes": float(np.median([row["nodes"] for row in rows])),
        "most_solutions": max(row["solutions"] for row in rows),
        "rows": rows,
    }
    for peer in ("newton", "milp"):
        beside = [row[peer] for row in rows if peer in row]
        if beside:
            found[f"median_seconds_{peer}"] = float(np.median([each["seconds"] for each in beside]))
    if "newton" in rows[0]:
        found["outside_a_complete_list"] = sum(row["newton"]["outside"] for row in rows if row["complete"])
    if "milp" in rows[0]:
        found["milp_finished"] = sum(row["milp"]["finished"] for row in rows)
    return found


def growth(axis: str, points: list[dict[str, Any]]) -> float | None:
    """The exponent of a size, or for inputs the factor of one more; None where too few sizes were complete."""
    done = [point for point in points if point["complete"] == point["of"]]
    done = done[-3:]
    if len(done) < 3:
        return None
    x = [float(point[axis]) if axis == "inputs" else math.log(point[axis]) for point in done]
    slope = float(np.polyfit(x, [math.log(point["median_seconds"]) for point in done], 1)[0])
    return math.exp(slope) if axis == "inputs" else slope


def draw(result: dict[str, Any], path: Path) -> None:
    """Seconds over each size, on logarithmic scales but for inputs and depth."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.2), sharey=True, layout="constrained")
    names = {"median_seconds": "all solutions, proved", "median_seconds_newton": "many starts of Newton"}
    for panel, axis in zip(axes, SIZES, strict=True):
        points = result["growth"][axis]["points"]
        for key, label in names.items():
            if all(key in point for point in points):
                panel.plot([point[axis] for point in points], [point[key] for point in points], marker="o", label=label)
        panel.set(xlabel=axis, yscale="log", xscale="log" if axis == "units" else "linear")
        panel.set_xticks([point[axis] for point in points], [str(point[axis]) for point in points])
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("seconds (median)")
    axes[0].legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how inversion grows with the size of a network.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--starts", type=int, default=4000)
    parser.add_argument("--milp", type=float, default=0.0, help="seconds for HiGHS; 0 leaves it out")
    parser.add_argument("--axes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/inversion_growth.json"))
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    result: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"growth": {}}
    result |= {"environment": {**environment(), "torch_threads": torch.get_num_threads()}, "base": BASE}
    for axis in options.axes:
        points = []
        for size in SIZES[axis]:
            rows = [
                asked({**BASE, axis: size}, seed, limit=options.limit, starts=options.starts, milp=options.milp)
                for seed in range(options.seeds)
            ]
            points.append(told(axis, size, rows))
            print(axis, json.dumps({key: value for key, value in points[-1].items() if key != "rows"}), flush=True)
        result["growth"][axis] = {"points": points, "growth": growth(axis, points)}
        print(axis, "grows by", result["growth"][axis]["growth"])
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if options.figure is not None:
        draw(result, options.figure)


if __name__ == "__main__":
    main()
