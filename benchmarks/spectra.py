"""Spectra of the layers of WideCIFAR against `torch.func.jacrev` and `torch.linalg.svdvals`.

    python -m benchmarks.spectra [--layers 2 3 4 5] [--threads 1] [--out benchmarks/results/spectra.json]

The architecture of the paper's appendix A4 (convolutions 3 x 3: 32, 64 with stride 2, 64, 32, 32, 64 with stride 2;
dense 512 and 10; zero padding as in Keras: at stride 2 nothing before and 1 after), Glorot-uniform weights and zero
biases, at one picture of 32 x 32 x 3 with uniform pixels. Float64, processor seconds of all threads, each case once:

* `ur.spectrum(net.upto(layer), at=x, relu=True)`, all of it, the method that it chose included;
* `numpy`'s product `J J'` of the Jacobian without the rows that the ReLU removed, on its smaller side: the one product
  that a Gram matrix needs;
* `torch.func.jacrev` of the module up to that layer in chunks of 512 rows, then `torch.linalg.svdvals` of the result.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

import unrelu as ur
from benchmarks.environment import environment

Result = TypeVar("Result")

CHUNK = 512
CONVOLUTIONS = [(3, 32, 1), (32, 64, 2), (64, 64, 1), (64, 32, 1), (32, 32, 1), (32, 64, 2)]


def wide_cifar(seed: int) -> nn.Sequential:
    """The paper's network with fresh weights, in float64."""
    torch.manual_seed(seed)
    parts: list[nn.Module] = []
    for before, after, stride in CONVOLUTIONS:
        parts += [nn.ZeroPad2d((0, 1, 0, 1))] if stride == 2 else []
        parts += [nn.Conv2d(before, after, 3, stride, padding=1 if stride == 1 else 0), nn.ReLU()]
    parts += [nn.Flatten(), nn.Linear(64 * 8 * 8, 512), nn.ReLU(), nn.Linear(512, 10)]
    for part in parts:
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(*parts).double().eval().requires_grad_(False)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """A result and the processor seconds that it took."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def gram_product(prefix: ur.Network, x: np.ndarray) -> float:
    """Processor seconds of the one product; the Jacobian is formed before."""
    matrix = ur.linearize(prefix, at=x).matrix
    matrix = np.ascontiguousarray(matrix[matrix.any(axis=1)])
    smaller = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    return timed(lambda: smaller @ smaller.T)[1]


def measure(net: ur.Network, module: nn.Sequential, number: int, x: np.ndarray) -> dict[str, object]:
    """One layer with its ReLU, all three."""
    name = net.layers[number - 1]
    prefix = net.upto(name)
    found, ours = timed(lambda: ur.spectrum(prefix, at=x))
    product = gram_product(prefix, x)
    relus = [k for k, part in enumerate(module) if isinstance(part, nn.ReLU)]
    upto = module[: relus[number - 1] + 1]

    def values(sample: Tensor) -> Tensor:
        return upto(sample[None]).flatten()

    point = torch.from_numpy(x)
    jacobian, forming = timed(lambda: torch.func.jacrev(values, chunk_size=CHUNK)(point).flatten(1))
    reference, decomposing = timed(lambda: torch.linalg.svdvals(jacobian).numpy())
    return {
        "layer": number,
        "shape": list(found.shape),
        "structural_rank": found.structural_rank,
        "rank": found.rank,
        "condition_number": found.condition_number,
        "method": found.method,
        "largest_difference_in_parts_of_the_largest": float(np.abs(found.values - reference).max() / reference[0]),
        "seconds": {"unrelu": ours, "gram_product": product, "jacrev": forming, "svdvals": decomposing},
        "times_faster": (forming + decomposing) / ours,
        "in_gram_products": ours / product,
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    """Measure the layers asked for and write the JSON after each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[2, 3, 4, 5])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/spectra.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    module = wide_cifar(arguments.seed)
    x = np.random.default_rng(arguments.seed).uniform(size=(3, 32, 32))
    net = ur.Network.from_torch(module, torch.from_numpy(x)[None])
    found: list[dict[str, object]] = []
    with threadpool_limits(arguments.threads):
        for number in arguments.layers:
            found.append(measure(net, module, number, x))
            print(json.dumps(found[-1], indent=1), flush=True)
            result = {
                "environment": environment(),
                "seed": arguments.seed,
                "threads": arguments.threads,
                "clock": "processor seconds",
                "jacrev_chunk": CHUNK,
                "cases": found,
            }
            arguments.out.parent.mkdir(parents=True, exist_ok=True)
            arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
