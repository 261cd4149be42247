"""Cones that used to stay undecided: strided first layers over the whole space, and layers of independent blocks.

    python -m benchmarks.undecided [--pictures 100] [--only NAME ...] [--data DIR] [--out FILE]

A 3x3 convolution of stride 2 on 32 x 32 x 3 pictures (4096 x 3072, 16 maps): as the first layer of a network trained
here on CIFAR-10, the same with its biases lowered so that 30 % of the features are active, and with random weights;
over the whole space and the orthant. Layers of blocks on the first MNIST and CIFAR-10 test pictures, over the whole
space and [0, 1]. Hidden layers of random weights at features of up to ten pictures: a 3x3 convolution of stride 2
(4800 x 3200), one of a ResNet-20 (16384 x 16384), and 800 x 2704 numbers with 400 columns of zeros. Processor seconds
on one thread, one picture at a time. With `--only`, rows whose names hold one of these words are measured anew, and the
others stay.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn

import unrelu as ur
from benchmarks.convolution import lowered, timed
from benchmarks.environment import environment
from unrelu.datasets import cifar10, mnist
from unrelu.demo.training import Training, train


def strided(folder: str | None) -> tuple[nn.Conv2d, float]:
    """The first layer of a network trained on CIFAR-10, and its accuracy on test pictures."""
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(64 * 16, 10)),
    )
    data = cifar10("train", folder)
    done = train(module, data, Training(epochs=4), held_out=cifar10("test", folder).take(np.arange(1000)))
    first = next(done.module.children())
    assert isinstance(first, nn.Conv2d)
    return first, done.epochs[-1].held_out_accuracy or 0.0


def folded(convolution: nn.Module, shape: tuple[int, ...]) -> ur.ReLULayer:
    """A convolution with a ReLU as a layer."""
    module = nn.Sequential(convolution, nn.ReLU()).eval()
    return ur.Network.from_torch(module, torch.zeros(1, *shape)).layer("1")


def measured(name: str, layer: ur.ReLULayer, pictures: np.ndarray, domain: ur.Box | ur.Nonnegative | None) -> dict:
    """Kinds, proofs and seconds of each picture by itself."""
    seconds, checking, kinds, proved, reasons = [], [], Counter[str](), 0, []
    for picture in pictures:
        (found,), took = timed(
            lambda x=picture: ur.classify(layer, x[None], domain=domain, workers=1, progress=False).preimages
        )
        verified, check = timed(found.certificate.verify)
        seconds.append(took)
        checking.append(check)
        kinds[found.kind.value] += 1
        proved += bool(verified)
        reasons += [found.reason] if found.reason else []
    row = {
        "layer": name,
        "shape": list(layer.weight.shape),
        "domain": "everywhere" if domain is None else repr(domain),
        "kinds": dict(kinds),
        "proved": proved,
        "seconds": {"median": float(np.median(seconds)), "largest": max(seconds)},
        "verify_seconds": {"median": float(np.median(checking)), "largest": max(checking)},
        "reasons": reasons,
    }
    print(row, flush=True)
    return row


def hidden(
    before: nn.Module, module: nn.Module, shape: tuple[int, ...], pictures: np.ndarray
) -> tuple[ur.ReLULayer, np.ndarray]:
    """A hidden layer of random weights, and its inputs at pictures."""
    with torch.no_grad():
        features = before(torch.from_numpy(pictures).float()).numpy()
    return folded(module, shape), np.asarray(features, dtype=np.float64)


def rows_of(folder: str | None, count: int, only: list[str]) -> tuple[list[dict], float]:
    """All rows whose names hold one of some words, and the accuracy of the trained network."""
    convolution, accuracy = strided(folder)
    pictures = np.asarray(cifar10("test", folder).images[:count], dtype=np.float64)
    digits = np.asarray(mnist("test", folder).images[:20], dtype=np.float64).reshape(-1, 1, 28, 28)
    trained = folded(convolution, (3, 32, 32))
    few = pictures[:20]
    cases: list[tuple[str, ur.ReLULayer, np.ndarray, ur.Box | ur.Nonnegative | None]] = [
        ("3x3 stride 2, trained", trained, pictures, None),
        ("3x3 stride 2, 30 % active", lowered(trained, pictures, 0.3), pictures, None),
    ]
    ten = few[:10]
    for name, seed, inputs in (("random", 0, pictures), ("random, seed 1", 1, ten), ("random, seed 2", 2, ten)):
        torch.manual_seed(seed)
        random = folded(nn.Conv2d(3, 16, 3, stride=2, padding=1), (3, 32, 32))
        cases.append((f"3x3 stride 2, {name}", random, inputs, None))
        if seed == 2:
            cases.append((f"3x3 stride 2, {name}", random, ten, ur.Nonnegative()))
    cases.append(("3x3 stride 2, trained", trained, few, ur.Nonnegative()))
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(3, 32, 3, stride=3), nn.ReLU())
    module = nn.Conv2d(32, 192, 3, stride=2, padding=1)
    cases.append(("3x3 stride 2, hidden", *hidden(first, module, (32, 10, 10), pictures[:10]), None))
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
    module = nn.Conv2d(16, 16, 3, padding=1, bias=False)
    cases.append(("3x3, hidden, ResNet-20", *hidden(first, module, (16, 32, 32), pictures[:1]), ur.Nonnegative()))
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((800, 2704))
    weight[:, rng.permutation(2704)[:400]] = 0.0
    at = np.maximum(0.0, rng.standard_normal((10, 2704)))
    cases.append(("400 columns of zeros", ur.ReLULayer(weight, np.zeros(800)), at, ur.Nonnegative()))
    stems = (
        ("4x4 patches, 32 maps", nn.Conv2d(1, 32, 4, 4), (1, 28, 28), digits),
        ("7x7 patches, 64 maps", nn.Conv2d(1, 64, 7, 7), (1, 28, 28), digits),
        ("1x1, 8 maps", nn.Conv2d(3, 8, 1), (3, 32, 32), few),
        ("depthwise 3x3, 12 maps", nn.Conv2d(3, 12, 3, padding=1, groups=3), (3, 32, 32), few),
        ("3x3, 4 maps", nn.Conv2d(1, 4, 3), (1, 28, 28), digits),
    )
    for name, module, shape, inputs in stems:
        torch.manual_seed(0)
        module.reset_parameters()
        layer = folded(module, shape)
        cases += [(name, layer, inputs, domain) for domain in (None, ur.Box(0, 1))]
    return [measured(*case) for case in cases if any(word in case[0] for word in only)], accuracy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--only", nargs="+", default=[""])
    parser.add_argument("--data", default=None)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/undecided.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rows, accuracy = rows_of(arguments.data, arguments.pictures, arguments.only)
    if arguments.only != [""]:
        new = {(row["layer"], row["domain"]): row for row in rows}
        old = json.loads(arguments.out.read_text())["layers"]
        rows = [new.pop((row["layer"], row["domain"]), row) for row in old] + list(new.values())
    result = {
        "command": f"python -m benchmarks.undecided --pictures {arguments.pictures}",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(),
        "test_accuracy": accuracy,
        "layers": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
