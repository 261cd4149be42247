"""Uniform sampling of preimages: the goal of the project, and hopsy beside it.

    python -m benchmarks.sampling [--points 1000] [--sizes 20 50 100] [--hopsy PYTHON] [--cap 150]
                                  [--out benchmarks/results/sampling.json]

Goal: the first-layer preimage in [0, 1]^784 of the held-out picture with the fewest active units, for the demo's
MLP-100 (about 740 dimensions). A fresh process is timed from its start to its end: imports, the weights read from a
file, the verdict, rounding, sampling, diagnostics, feature errors and verified radii. Wanted: at most 60 s on two cores
with an effective sample size of at least 500 (median over coordinates) and R-hat below 1.05.

Side by side: preimages of Gaussian layers of d inputs and d / 4 rows in [0, 1]^d, and the goal itself. hopsy
(coordinate hit-and-run after its own rounding, d steps a draw) gets the same body in coordinates of its affine hull,
with as many threads as there are cores. Seconds are those of the clock and of the processor, imports apart but for
the goal's "start-up". Both are judged by unrelu's effective sample size; hopsy runs in the interpreter given with
--hopsy, and is stopped after --cap seconds.
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

import unrelu as ur
from benchmarks.environment import environment
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.sampling.diagnostics import effective_sample_size, split_r_hat

ROOT = Path(__file__).resolve().parent.parent
CHAINS, DRAWS = 4, 500


def save_goal(path: Path) -> None:
    """Train the demo's MLP-100 and save its first layer and the held-out picture with the fewest active units."""
    import torch

    from unrelu.datasets import mnist_sample
    from unrelu.demo.recipes import RECIPES
    from unrelu.demo.training import train

    recipe = next(recipe for recipe in RECIPES if recipe.name == "MLP-100")
    parts = mnist_sample().split(500, seed=0)
    done = train(recipe.module(), parts.train, recipe.training, progress=False)
    net = ur.Network.from_torch(done.module, torch.from_numpy(parts.held_out.images[:2]))
    layer = net.layer(net.layers[0])
    pictures = np.asarray(net.layer_input(net.layers[0], parts.held_out.images), dtype=np.float64)
    pictures = pictures.reshape(len(pictures), -1)
    active = (pictures @ layer.weight.T + layer.bias > 0).sum(axis=1)
    save(path, layer, pictures[active.argmin()])


def save_gaussian(path: Path, d: int) -> None:
    """A Gaussian layer of d inputs and d / 4 rows, and an input half of whose coordinates are 0."""
    rng = np.random.default_rng(d)
    x = np.where(rng.random(d) < 0.5, 0.0, rng.random(d))
    save(path, ur.ReLULayer(rng.standard_normal((d // 4, d)), np.zeros(d // 4)), x)


def save(path: Path, layer: ur.ReLULayer, x: np.ndarray) -> None:
    np.savez(path, weight=layer.dense_weight, bias=layer.bias, x=x)


def loaded(path: Path) -> ur.LayerPreimage:
    given = np.load(path)
    return ur.preimage(ur.ReLULayer(given["weight"], given["bias"]), at=given["x"], domain=ur.Box(0, 1))


def child(path: Path, points: int) -> None:
    """Sample in this process, and print what came of it."""
    start, processor = time.perf_counter(), time.process_time()
    pre = loaded(path)
    found = pre.sample(points, progress=False)
    size = found.effective_sample_size
    result = {
        "n_active": pre.n_active,
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "points": len(found),
        "dimension": found.dimension,
        "chains": found.chains,
        "ess_median": float(np.nanmedian(size)),
        "ess_5_percent": float(np.nanquantile(size, 0.05)),
        "ess_least": float(np.nanmin(size)),
        "ess_least_of_50_functionals": float(found.functional_effective_sample_size.min()),
        "r_hat_largest": float(np.nanmax(found.r_hat)),
        "feature_error_largest": float(found.feature_error.max()),
        "radius_largest": float(found.radius.max()),
    }
    print(json.dumps(result))


def unrelu(path: Path, points: int) -> dict[str, object]:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.sampling", "--child", str(path), "--points", str(points)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {"seconds_with_start_up": time.perf_counter() - start, **json.loads(done.stdout)}


def hopsy(path: Path, python: str, cap: float) -> dict[str, object]:
    body = loaded(path).polyhedron
    rows = hull_rows(body)
    given, got = path.with_name("in.npz"), path.with_name("out.npz")
    np.savez(
        given,
        A=rows.matrix,
        b=rows.slack(rows.frame.point),
        chains=CHAINS,
        draws=DRAWS,
        thinning=body.n_coordinates,
        processes=os.cpu_count() or 1,
    )
    script = str(Path(__file__).with_name("hopsy_peer.py"))
    try:
        done = subprocess.run([python, script, str(given), str(got)], capture_output=True, text=True, timeout=cap)
    except subprocess.TimeoutExpired:
        return {"capped_at_seconds": cap}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
    answer = np.load(got)
    points = rows.frame.lifted(answer["states"].reshape(-1, rows.frame.dimension))
    draws = points.reshape(CHAINS, DRAWS, body.n_coordinates)
    size = effective_sample_size(draws)
    return {
        "version": str(answer["version"]),
        "rounding_seconds": float(answer["rounding"]),
        "seconds": float(answer["rounding"] + answer["sampling"]),
        "processor_seconds": float(answer["processor"]),
        "points": CHAINS * DRAWS,
        "steps_a_point": body.n_coordinates,
        "ess_median": float(np.nanmedian(size)),
        "ess_least": float(np.nanmin(size)),
        "r_hat_largest": float(np.nanmax(split_r_hat(draws))),
        "violation_largest": float(body.violation(points).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[20, 50, 100])
    parser.add_argument("--hopsy", help="an interpreter that has hopsy; without it only unrelu is measured")
    parser.add_argument("--cap", type=float, default=150.0)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/sampling.json"))
    arguments = parser.parse_args()
    if arguments.child is not None:
        child(arguments.child, arguments.points)
        return
    result: dict[str, object] = {
        "command": f"python -m benchmarks.sampling --points {arguments.points} --cap {arguments.cap:g} --sizes "
        + " ".join(map(str, arguments.sizes)),
        "date": time.strftime("%Y-%m-%d"),
        "load_average_before": os.getloadavg(),
        "environment": environment(("numpy", "scipy")),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name in ("goal", *arguments.sizes):
            file = Path(folder) / f"{name}.npz"
            if name == "goal":
                save_goal(file)
            else:
                save_gaussian(file, name)
            row = {"unrelu": unrelu(file, arguments.points)}
            if arguments.hopsy:
                row["hopsy"] = hopsy(file, arguments.hopsy, arguments.cap)
            print(name, row, flush=True)
            result["goal" if name == "goal" else f"gaussian {name}"] = row
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
