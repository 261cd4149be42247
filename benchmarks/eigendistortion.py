"""Largest and smallest singular values beside plenoptic's Eigendistortion.

    python -m benchmarks.eigendistortion --folder FOLDER [--vgg] [--out benchmarks/results/eigendistortion.json]

FOLDER is on the path for plenoptic (pip install --no-deps --target FOLDER plenoptic, and what it imports).
Eigendistortion finds extreme eigenvalues of J'J by power iteration, shifted by the largest for the smallest. Both get

* linear maps of 400 log-spaced singular values between 1 and 1 / condition, for conditions 1e2 to 1e6: relative errors
  of both ends; ours as the matrix-free code finds them (no decomposition of the whole matrix);
* with --vgg: VGG-16 through conv1_2 on a picture of 64 pixels (see benchmarks/vgg_stack.py), where ours has a proof.

Eigendistortion runs in float64 with its own stopping rule made stricter (1e-16), for as many iterations as given.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

import unrelu as ur
from benchmarks.environment import environment
from benchmarks.vgg_stack import picture, vgg
from unrelu.stability.extremes import extreme_values

ORDER = 400
ITERATIONS = 1000


class Linear(nn.Module):
    """`x -> A x` on a picture (1, 1, 1, n)."""

    def __init__(self, matrix: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.from_numpy(matrix))

    def forward(self, x: Tensor) -> Tensor:
        """The product, as a picture again."""
        return (x.reshape(x.shape[0], -1) @ self.matrix.T)[:, None, None, :]  # pyright: ignore


def theirs(model: nn.Module, image: Tensor, iterations: int) -> dict[str, float]:
    """Both ends by Eigendistortion: square roots of its eigenvalues."""
    from plenoptic import Eigendistortion  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    start = time.process_time()
    found = Eigendistortion(image, model)
    found.synthesize(method="power", k=1, max_iter=iterations, stop_criterion=1e-16)
    largest, smallest = (float(value) for value in found.eigenvalues)
    return {
        "largest": math.sqrt(largest),
        "smallest": math.sqrt(max(smallest, 0.0)),
        "processor_seconds": time.process_time() - start,
    }


def ours(prefix: ur.Network, at: np.ndarray) -> dict[str, Any]:
    """Both ends by `extreme_singular_values`."""
    start = time.process_time()
    found = ur.extreme_singular_values(prefix, at, k=1, rtol=1e-9, progress=False)
    return {
        "largest": found.largest[0].value,
        "smallest": found.smallest[0].value,
        "smallest_residual": found.smallest[0].left_residual,
        "converged": found.smallest[0].converged,
        "floor": found.floor,
        "processor_seconds": time.process_time() - start,
    }


def log_spaced(condition: float) -> dict[str, Any]:
    """A linear map with a known spectrum."""
    rng = np.random.default_rng(0)
    values = np.logspace(0, -math.log10(condition), ORDER)
    U, V = (np.linalg.qr(rng.normal(size=(ORDER, ORDER))).Q for _ in range(2))
    A = (U * values) @ V.T
    net = ur.Network.from_layers([(A, np.zeros(ORDER))])
    whole = extreme_values.DENSE_SIDE
    extreme_values.DENSE_SIDE = 0  # or a matrix as small as this one would be decomposed whole
    try:
        mine = ours(net, np.zeros(ORDER))
    finally:
        extreme_values.DENSE_SIDE = whole
    peer = theirs(Linear(A), torch.rand(1, 1, 1, ORDER, dtype=torch.float64), ITERATIONS)
    true = {"largest": 1.0, "smallest": 1 / condition}
    errors = {
        who: {end: abs(found[end] - true[end]) / true[end] for end in true}
        for who, found in (("unrelu", mine), ("eigendistortion", peer))
    }
    return {"condition": condition, "relative_errors": errors, "unrelu": mine, "eigendistortion": peer}


def stack(folder: Path, iterations: int) -> dict[str, Any]:
    """VGG-16 through conv1_2 at 64 pixels."""
    module, x = vgg(folder), picture(folder, 64)
    prefix = ur.Network.from_torch(module, x[None]).upto("relu1_2")
    part = nn.Sequential(*list(module.children())[:5]).double()
    for parameter in part.parameters():
        parameter.requires_grad_(False)
    return {
        "unrelu": ours(prefix, x.double().numpy()),
        "eigendistortion": theirs(part, x[None].double(), iterations),
        "iterations": iterations,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--vgg", action="store_true")
    parser.add_argument("--iterations", type=int, default=ITERATIONS, help="for VGG")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/eigendistortion.json"))
    arguments = parser.parse_args()
    sys.path.append(str(arguments.folder))
    torch.set_num_threads(1)
    with threadpool_limits(1):
        import plenoptic  # pyright: ignore[reportMissingImports]

        result: dict[str, Any] = {
            "command": f"python -m benchmarks.eigendistortion --folder FOLDER{' --vgg' if arguments.vgg else ''}"
            f" --iterations {arguments.iterations}",
            "date": time.strftime("%Y-%m-%d"),
            "environment": {**environment(("numpy", "scipy", "torch")), "plenoptic": plenoptic.__version__},
            "log_spaced": [log_spaced(condition) for condition in (1e2, 1e3, 1e4, 1e5, 1e6)],
        }
        if arguments.vgg:
            result["vgg"] = stack(arguments.folder, arguments.iterations)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    for row in result["log_spaced"]:
        print(row["condition"], row["relative_errors"])
    print(result.get("vgg"))


if __name__ == "__main__":
    main()
