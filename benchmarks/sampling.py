"""Uniform sampling of preimages: the goal of the project, and hopsy beside it where it answers.

    python -m benchmarks.sampling [--points 1000] [--sizes 20 50 100 200] [--hopsy PYTHON] [--cap 150]
                                  [--skip-goal] [--out benchmarks/results/sampling.json]

Goal: the first-layer preimage in [0, 1]^784 of the held-out picture with the fewest active units, for the demo's
MLP-100 (about 740 dimensions). A fresh process is timed from its start to its end: imports, the weights read from a
file, rounding, sampling, diagnostics. Wanted: at most 60 s on two cores with an effective sample size of at least
500 (median over coordinates) and R-hat below 1.05.

Side by side: preimages of Gaussian layers of d inputs and d / 4 rows in [0, 1]^d. hopsy (coordinate hit-and-run after
its own rounding, d steps a draw) gets the same body in coordinates of its affine hull, once in one process and once in
as many as there are cores. Both are timed without imports and judged by unrelu's effective sample
size; hopsy runs in the interpreter given with --hopsy, and is stopped after --cap seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.environment import environment
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling.diagnostics import effective_sample_size, split_r_hat
from unrelu.polyhedra.sampling.sample import Sample, sample

ROOT = Path(__file__).resolve().parent.parent
CHAINS, DRAWS = 4, 500


def preimage_in_box(weight: np.ndarray, bias: np.ndarray, x: np.ndarray) -> Polyhedron:
    """`{ z in [0, 1]^d : relu(W z + b) = relu(W x + b) }`."""
    before = weight @ x + bias
    active = before > 0
    return Polyhedron(
        A_ub=weight[~active],
        b_ub=-before[~active],
        A_eq=weight[active],
        b_eq=np.zeros(int(active.sum())),
        lower=0.0,
        upper=1.0,
        origin=x,
    )


def figures(found: Sample) -> dict[str, object]:
    size = found.effective_sample_size
    return {
        "points": len(found),
        "dimension": found.dimension,
        "chains": found.chains,
        "thin": found.thin,
        "ess_median": float(np.nanmedian(size)),
        "ess_5_percent": float(np.nanquantile(size, 0.05)),
        "ess_least": float(np.nanmin(size)),
        "ess_least_of_50_functionals": float(found.functional_effective_sample_size.min()),
        "r_hat_largest": float(np.nanmax(found.r_hat)),
        "violation_largest": float(found.violation.max()),
    }


def save_goal(path: Path) -> int:
    """Train the demo's MLP-100 and save its first layer and the picture; gives the number of active units."""
    import torch

    from unrelu.datasets import mnist_sample
    from unrelu.demo.recipes import RECIPES
    from unrelu.demo.training import train
    from unrelu.network.graph import Network

    recipe = next(recipe for recipe in RECIPES if recipe.name == "MLP-100")
    parts = mnist_sample().split(500, seed=0)
    done = train(recipe.module(), parts.train, recipe.training, progress=False)
    net = Network.from_torch(done.module, torch.from_numpy(parts.held_out.images[:2]))
    layer = net.layer(net.layers[0])
    pictures = np.asarray(net.layer_input(net.layers[0], parts.held_out.images), dtype=np.float64)
    pictures = pictures.reshape(len(pictures), -1)
    active = (pictures @ layer.weight.T + layer.bias > 0).sum(axis=1)
    np.savez(path, weight=layer.weight, bias=layer.bias, x=pictures[active.argmin()])
    return int(active.min())


def goal(points: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "layer.npz"
        active = save_goal(file)
        start = time.perf_counter()
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.sampling", "--child", str(file), "--points", str(points)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - start
    return {"n_active": active, "seconds_with_start_up": seconds, **json.loads(child.stdout)}


def goal_child(file: Path, points: int) -> None:
    given = np.load(file)
    start, processor = time.perf_counter(), time.process_time()
    found = sample(preimage_in_box(given["weight"], given["bias"], given["x"]), points, progress=False)
    seconds = {"seconds": time.perf_counter() - start, "processor_seconds": time.process_time() - processor}
    print(json.dumps({**seconds, **figures(found)}))


def gaussian_preimage(d: int) -> Polyhedron:
    rng = np.random.default_rng(d)
    x = np.where(rng.random(d) < 0.5, 0.0, rng.random(d))
    return preimage_in_box(rng.standard_normal((d // 4, d)), np.zeros(d // 4), x)


def side_by_side(d: int, points: int, hopsy: str | None, cap: float) -> dict[str, object]:
    body = gaussian_preimage(d)
    start = time.perf_counter()
    found = sample(body, points, progress=False)
    seconds = time.perf_counter() - start
    ours = figures(found)
    row: dict[str, object] = {
        "inputs": d,
        "unrelu": {**ours, "seconds": seconds, "ess_median_a_second": float(str(ours["ess_median"])) / seconds},
    }
    if hopsy is not None:
        row["hopsy"] = [peer(body, hopsy, cap, processes) for processes in (1, os.cpu_count() or 1)]
    print(row, flush=True)
    return row


def peer(body: Polyhedron, python: str, cap: float, processes: int) -> dict[str, object]:
    rows = hull_rows(body)
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(
            given,
            A=rows.matrix,
            b=rows.slack(rows.frame.point),
            chains=CHAINS,
            draws=DRAWS,
            thinning=body.dimension,
            processes=processes,
        )
        script = str(Path(__file__).with_name("hopsy_peer.py"))
        try:
            done = subprocess.run([python, script, str(given), str(got)], capture_output=True, text=True, timeout=cap)
        except subprocess.TimeoutExpired:
            return {"processes": processes, "capped_at_seconds": cap}
        if done.returncode:
            return {"processes": processes, "failed": done.stderr.strip().splitlines()[-1]}
        answer = np.load(got)
    points = rows.frame.lifted(answer["states"].reshape(-1, rows.frame.dimension))
    draws = points.reshape(CHAINS, DRAWS, body.dimension)
    size = effective_sample_size(draws)
    seconds = float(answer["rounding"] + answer["sampling"])
    return {
        "processes": processes,
        "points": CHAINS * DRAWS,
        "steps_a_point": body.dimension,
        "rounding_seconds": float(answer["rounding"]),
        "sampling_seconds": float(answer["sampling"]),
        "ess_median": float(np.median(size)),
        "ess_least": float(size.min()),
        "r_hat_largest": float(split_r_hat(draws).max()),
        "violation_largest": float(body.violation(points).max()),
        "ess_median_a_second": float(np.median(size)) / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[20, 50, 100, 200])
    parser.add_argument("--hopsy", help="an interpreter that has hopsy; without it only unrelu is measured")
    parser.add_argument("--cap", type=float, default=150.0)
    parser.add_argument("--skip-goal", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/sampling.json"))
    arguments = parser.parse_args()
    if arguments.child is not None:
        goal_child(arguments.child, arguments.points)
        return
    result: dict[str, object] = {
        "command": "python -m benchmarks.sampling " + " ".join(sys.argv[1:]),
        "date": time.strftime("%Y-%m-%d"),
        "load_average_before": os.getloadavg(),
        "environment": environment(("numpy", "scipy")),
    }
    if not arguments.skip_goal:
        result["goal"] = goal(arguments.points)
        print(result["goal"], flush=True)
    result["side_by_side"] = [
        side_by_side(d, arguments.points, arguments.hopsy, arguments.cap) for d in arguments.sizes
    ]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
