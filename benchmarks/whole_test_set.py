"""All 10,000 MNIST test pictures through one layer in one call.

    UNRELU_DATA=DIR python -m benchmarks.whole_test_set [--workers 2] [--out benchmarks/results/whole_test_set.json]

The two layers of `benchmarks.classification`. Wall-clock and processor seconds of the call and of `verify()`, and the
most memory that the process held: before, and with all verdicts and their certificates. Each layer has a process of its
own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import unrelu as ur
from benchmarks.classification import NETWORKS, trained_layer
from benchmarks.environment import environment
from unrelu.datasets import mnist
from unrelu.demo.recipes import Recipe


def most_memory() -> int:
    """The most bytes that this process held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(recipe: Recipe, workers: int) -> dict[str, object]:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        name, layer, _ = trained_layer(recipe)
    pictures = mnist("test").images
    before = most_memory()
    wall, processor = time.perf_counter(), time.process_time()
    found = ur.classify(layer, pictures, workers=workers, progress=True)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    after = most_memory()
    start = time.perf_counter()
    proved = found.verify(workers=workers, progress=True)
    kinds, counts = np.unique([kind.value for kind in found.kind], return_counts=True)
    return {
        "network": name,
        "inputs": len(found),
        "workers": workers,
        "wall_seconds": wall,
        "processor_seconds": processor,
        "verify_wall_seconds": time.perf_counter() - start,
        "bytes_before": before,
        "bytes_after": after,
        "active": [int(found.n_active.min()), int(np.median(found.n_active)), int(found.n_active.max())],
        "kinds": dict(zip(kinds.tolist(), counts.tolist(), strict=True)),
        "proved": int(proved.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/whole_test_set.json"))
    arguments = parser.parse_args()
    layers = []
    for recipe in NETWORKS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            layers.append(pool.apply(measure, (recipe, arguments.workers)))
        print(layers[-1], flush=True)
    result = {
        "command": f"python -m benchmarks.whole_test_set --workers {arguments.workers}",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(),
        "layers": layers,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
