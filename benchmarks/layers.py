"""The matrix of a hidden layer: unit vectors pushed in groups, against one by one.

    python -m benchmarks.layers [--size 32] [--out benchmarks/results/layers.json]

3 x 3 convolutions with 16 maps on pictures of `--size` x `--size`, as in the first stage of a ResNet-20: `net.layer` of
the first, and of one that follows another, each with a batch normalization. Processor seconds on one thread, in one
run; beside each, the same with one push a unit vector, and the largest difference of the two matrices over the sum of
their proved errors.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

import unrelu as ur
from benchmarks.environment import environment
from unrelu.network import folding


def main() -> None:
    """Time both and print JSON."""
    parser = argparse.ArgumentParser(description="Time the matrix of a hidden layer.")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()),
    )
    network = ur.Network.from_torch(module.eval(), torch.zeros(1, 3, given.size, given.size))
    rows = []
    grouped = folding.colouring
    with threadpool_limits(1):
        for name in network.layers:
            found = {}
            for way, groups in (("groups", grouped), ("one by one", lambda chain, origin: None)):
                folding.colouring = groups
                start = time.process_time()
                found[way] = network.layer(name), time.process_time() - start
            (layer, seconds), (plain, peer) = found["groups"], found["one by one"]
            off = abs(layer.weight - plain.weight).max()
            allowed = layer.folding_error + plain.folding_error
            n_numbers = layer.weight.nnz if layer.is_sparse else np.count_nonzero(layer.weight)
            rows.append(
                {
                    "layer": name,
                    "shape": [layer.n_outputs, layer.n_inputs],
                    "numbers other than zero": int(n_numbers),
                    "seconds": round(seconds, 3),
                    "seconds one by one": round(peer, 3),
                    "ratio": round(peer / seconds, 1),
                    "difference over proved errors": float(off / allowed) if allowed else float(off),
                }
            )
    folding.colouring = grouped
    text = json.dumps({"environment": environment(("numpy", "scipy", "torch")), "layers": rows}, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
