"""Preimages of a first convolution, whose rows are kept sparse: verdicts, processor time and memory.

    python -m benchmarks.convolution [--pictures 20] [--data DIR] [--out benchmarks/results/convolution.json]

A 3x3 convolution with 32 maps on 32 x 32 x 3 pictures: a matrix of 32768 x 3072, which would take 768 MiB if it were
dense, and the Gram matrix of its rows 8 GiB. It is the first layer of a small network trained here on CIFAR-10, asked
about as trained, with its biases lowered so that fewer features are active, and with 4 of its maps only; over the whole
space, the orthant and [0, 1]. Processor seconds on one thread. Memory is the peak of the whole process less what it
used before folding: at most what all this took.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

import unrelu as ur
from benchmarks.environment import environment
from unrelu.datasets import cifar10
from unrelu.demo.training import Training, train

DOMAINS = {"everywhere": None, "nonnegative": ur.Nonnegative(), "[0, 1]": ur.Box(0, 1)}

SHIFTS = {"as trained": None, "10 % active": 0.1, "1 % active": 0.01}


def trained_filters(folder: str | None) -> tuple[np.ndarray, np.ndarray, float]:
    """Filters and biases of the first layer of a network, and its accuracy on test pictures."""
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(32 * 64, 10)),
    )
    data = cifar10("train", folder).take(np.arange(20000))
    done = train(module, data, Training(epochs=2), held_out=cifar10("test", folder).take(np.arange(1000)))
    first = {name: values.detach().numpy() for name, values in done.module.named_parameters()}
    return first["0.weight"], first["0.bias"], done.epochs[-1].held_out_accuracy or 0.0


def timed(work: Any) -> tuple[Any, float]:
    """What a call gives, and the processor seconds it takes on its one thread."""
    start = time.process_time()
    return work(), time.process_time() - start


def memory() -> tuple[float, float]:
    """Memory in use and its peak so far, in MiB."""
    # What getrusage calls the peak can be that of the process this one was started from.
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return float(lines["VmRSS"].split()[0]) / 2**10, float(lines["VmHWM"].split()[0]) / 2**10


def lowered(layer: ur.ReLULayer, pictures: np.ndarray, active: float | None) -> ur.ReLULayer:
    """The layer with all biases lowered so that this part of all features is active on these pictures."""
    if active is None:
        return layer
    values = (layer.weight @ pictures.reshape(len(pictures), -1).T).T + layer.bias
    return ur.ReLULayer(layer.weight, layer.bias - np.quantile(values, 1 - active), input_shape=layer.input_shape)


def measured(layer: ur.ReLULayer, pictures: np.ndarray) -> list[dict[str, object]]:
    """All domains: kinds, proofs and seconds an input."""
    rows = []
    for name, domain in DOMAINS.items():
        fresh = ur.ReLULayer(layer.weight, layer.bias, input_shape=layer.input_shape)
        found, seconds = timed(lambda d=domain, f=fresh: ur.classify(f, pictures, domain=d, workers=1, progress=False))
        proved, checking = timed(lambda f=found: f.verify(workers=1, progress=False))
        reasons = [p.bounded_decision.reason or p.singleton_decision.reason for p in found.preimages]
        rows.append(
            {
                "domain": name,
                "kinds": dict(Counter(kind.value for kind in found.kind)),
                "proved": int(proved.sum()),
                "inputs": len(pictures),
                "active": [int(found.n_active.min()), int(np.median(found.n_active)), int(found.n_active.max())],
                "seconds_per_input": seconds / len(pictures),
                "verify_seconds_per_input": checking / len(pictures),
                "open": [reason for reason in reasons if reason],
            }
        )
        print(rows[-1], flush=True)
    return rows


def alone(path: Path) -> dict[str, object]:
    """The measurements, in a process that has trained nothing."""
    stored = np.load(path)
    pictures = stored["pictures"].astype(np.float64)
    layers: dict[str, object] = {}
    growth: dict[str, float] = {}
    for n_maps in (32, 4):
        convolution = nn.Conv2d(3, n_maps, 3, padding=1)
        convolution.load_state_dict({key: torch.from_numpy(stored[key][:n_maps]) for key in ("weight", "bias")})
        module = nn.Sequential(convolution, nn.ReLU()).eval()
        net = ur.Network.from_torch(module, torch.from_numpy(pictures[:1]).float())
        in_use, _ = memory()
        layer, folding = timed(lambda net=net: net.layer("1"))
        for name, active in SHIFTS.items():
            print(f"{n_maps} maps, {name}", flush=True)
            layers[f"{n_maps} maps, {name}"] = measured(lowered(layer, pictures, active), pictures)
        growth[f"{n_maps} maps"] = memory()[1] - in_use
        layers[f"{n_maps} maps"] = {
            "shape": list(layer.weight.shape),
            "numbers": int(layer.weight.nnz),
            "folding_seconds": folding,
            "folding_error": layer.folding_error,
        }
    return {"layers": layers, "peak_growth_mebibytes": growth}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--data", default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/convolution.json"))
    parser.add_argument("--alone", type=Path, default=None, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        if arguments.alone is not None:
            arguments.out.write_text(json.dumps(alone(arguments.alone)))
            return
        weight, bias, accuracy = trained_filters(arguments.data)
    pictures = cifar10("test", arguments.data).images[: arguments.pictures]
    with tempfile.TemporaryDirectory() as folder:
        stored, results = Path(folder) / "layer.npz", Path(folder) / "results.json"
        np.savez(stored, weight=weight, bias=bias, pictures=pictures)
        command = [sys.executable, "-m", "benchmarks.convolution", "--alone", str(stored), "--out", str(results)]
        subprocess.run(command, check=True)
        found = json.loads(results.read_text())
    result = {
        "command": f"python -m benchmarks.convolution --pictures {arguments.pictures}",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(),
        "test_accuracy": accuracy,
        **found,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(found["peak_growth_mebibytes"])


if __name__ == "__main__":
    main()
