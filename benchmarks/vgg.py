"""Both ends of the spectra of an ImageNet-trained VGG-16 stack, with pictures of 64, 112 and 224 pixels.

    python -m benchmarks.vgg --folder FOLDER [--sizes 64 112 224] [--layers relu1_2 relu2_2 relu3_3] [--budget 300]

FOLDER holds the packages with weights and pictures, see benchmarks/vgg_stack.py. Each case runs in a process of its
own on one thread: structural rank, the largest and the smallest non-structural singular values with residuals and what
they prove, seconds (clock and processor) and the peak of the process's memory. Results are added to those in the file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

import unrelu as ur
from benchmarks.environment import environment
from benchmarks.vgg_stack import picture, vgg


def case(folder: Path, size: int, layer: str, budget: float | None, count: int) -> dict[str, Any]:
    """One layer at one size."""
    x = picture(folder, size)
    prefix = ur.Network.from_torch(vgg(folder), x[None]).upto(layer)
    before = time.process_time()
    found = ur.extreme_singular_values(prefix, x, k=count, budget=budget, progress=False)
    ends = {
        name: [
            {
                "value": triplet.value,
                "left_residual": triplet.left_residual,
                "right_residual": triplet.right_residual,
                "converged": triplet.converged,
                "claim": str(triplet.claim),
            }
            for triplet in triplets
        ]
        for name, triplets in (("largest", found.largest), ("smallest", found.smallest))
    }
    return {
        "size": size,
        "layer": layer,
        "shape": found.shape,
        "structural_rank": found.structural_rank,
        **ends,
        "floor": found.floor,
        "condition_number": found.condition_number,
        "method": found.method,
        "products": found.n_products,
        "seconds": found.seconds,
        "processor_seconds": time.process_time() - before,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "budget": budget,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 112, 224])
    parser.add_argument("--layers", nargs="+", default=["relu1_2", "relu2_2", "relu3_3"])
    parser.add_argument("--budget", type=float, default=300.0)
    parser.add_argument("--count", type=int, default=3, help="values at each end")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/vgg.json"))
    parser.add_argument("--alone", action="store_true", help="one case, printed as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.alone:
        with threadpool_limits(1):
            size, layer = arguments.sizes[0], arguments.layers[0]
            print(json.dumps(case(arguments.folder, size, layer, arguments.budget, arguments.count)))
        return
    for size in arguments.sizes:
        for layer in arguments.layers:
            command = [sys.executable, "-m", "benchmarks.vgg", "--alone", "--folder", str(arguments.folder)]
            command += ["--sizes", str(size), "--layers", layer, "--budget", str(arguments.budget)]
            command += ["--count", str(arguments.count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            row = json.loads(done.stdout)
            print(row, flush=True)
            known = json.loads(arguments.out.read_text())["cases"] if arguments.out.exists() else []
            known = [old for old in known if (old["size"], old["layer"]) != (size, layer)] + [row]
            result = {
                "command": "python -m benchmarks.vgg --folder FOLDER --budget SECONDS (each case's own is in its row)",
                "date": time.strftime("%Y-%m-%d"),
                "environment": environment(("numpy", "scipy", "torch")),
                "cases": sorted(known, key=lambda old: (old["layer"], old["size"])),
            }
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
