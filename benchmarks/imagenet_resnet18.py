"""What ImageNet's validation set through every cut of a ResNet-18 would cost, from what one picture costs here.

    python -m benchmarks.imagenet_resnet18 [--out benchmarks/results/imagenet_resnet18.json]

The network has the shape of a ResNet-18 for 224 x 224 pictures and random weights (running averages of batch norm as
they are made), the pictures are random too: what is counted is work, not an answer. Measured, in processor seconds of
one thread: reading the network, a forward pass through all ReLU layers, and for each layer what `unrelu` itself
foresees (`spectrum_cost`) of the whole spectrum of the prefix that ends there, and a product with its Jacobian and with
the transposed one, of which `extreme_singular_values` takes a hundred or more for a few values. Nothing else is run.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

import unrelu as ur
from benchmarks.environment import environment
from unrelu.errors import UnreluError
from unrelu.stability.cost import spectrum_cost
from unrelu.stability.operator import jacobian_operator

PICTURES = 50_000


class Block(nn.Module):
    """Two convolutions and a shortcut, which is a convolution where the shape changes."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.short = None
        if stride > 1 or before != channels:
            self.short = nn.Sequential(nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) -> (n, channels, h / stride, w / stride)."""
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (x if self.short is None else self.short(x))).relu()


def resnet18() -> nn.Module:
    """The whole of it, with random weights."""
    torch.manual_seed(0)
    blocks: list[nn.Module] = []
    before = 64
    for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        for k in range(2):
            blocks.append(Block(before, channels, stride if k == 0 else 1))
            before = channels
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)).eval()


def timed(work: Any) -> tuple[Any, float]:
    start = time.process_time()
    found = work()
    return found, time.process_time() - start


def of_layer(net: ur.Network, name: str, x: np.ndarray) -> dict[str, Any]:
    """What is known of a layer and of the prefix that ends in it."""
    shape = net.node(name).shape
    found: dict[str, Any] = {"layer": name, "shape": list(shape), "units": int(np.prod(shape))}
    try:
        cost = spectrum_cost(net.upto(name), x)
        found |= {
            "spectrum_of": list(cost.factored),
            "spectrum_bytes": cost.memory,
            "spectrum_seconds": cost.seconds,
            "spectrum_fits": cost.fits,
        }
    except UnreluError as error:
        found["spectrum_refused"] = f"{type(error).__name__}: {error}"
    operator = jacobian_operator(net.upto(name), x)
    rng = np.random.default_rng(0)
    ahead, back = rng.normal(size=operator.shape[1]), rng.normal(size=operator.shape[0])
    operator.matvec(ahead)
    operator.rmatvec(back)
    found["product_seconds"] = timed(lambda: operator.matvec(ahead))[1]
    found["adjoint_product_seconds"] = timed(lambda: operator.rmatvec(back))[1]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/imagenet_resnet18.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with threadpool_limits(1):
        rng = np.random.default_rng(0)
        x = rng.random((4, 3, 224, 224))
        net, reading = timed(lambda: ur.Network.from_torch(resnet18(), torch.from_numpy(x[:1]).float()))
        batch = torch.from_numpy(x)
        net.values(batch, set(net.layers))
        _, passing = timed(lambda: net.values(batch, set(net.layers)))
        rows = []
        for name in net.layers:
            rows.append(of_layer(net, name, x[0]))
            print(rows[-1], flush=True)
    values = sum(row["units"] for row in rows)
    numbers = 3 * 224 * 224
    result = {
        "command": "python -m benchmarks.imagenet_resnet18",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(),
        "reading_seconds": reading,
        "forward_seconds_per_picture": passing / len(x),
        "forward_hours_of_one_core": PICTURES * passing / len(x) / 3600,
        "inputs_bytes": 8 * numbers * PICTURES,
        "values_of_all_layers_bytes_per_picture": 8 * values,
        "block_of_256_pictures_bytes": 8 * values * 256,
        "first_layer_nonzeros": 64 * 112 * 112 * 147,
        "spectra_of_all_layers_seconds_per_picture": sum(row.get("spectrum_seconds", 0.0) for row in rows),
        "both_products_of_all_layers_seconds_per_picture": sum(
            row["product_seconds"] + row["adjoint_product_seconds"] for row in rows
        ),
        "spectra_that_fit": sum(bool(row.get("spectrum_fits")) for row in rows),
        "layers": rows,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print({key: value for key, value in result.items() if key not in ("layers", "environment")})


if __name__ == "__main__":
    main()
