"""Networks that `benchmarks.check` asks about: of the usual shapes, with random weights."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn


def mlp(*widths: int, activation: type[nn.Module] = nn.ReLU) -> nn.Module:
    parts: list[nn.Module] = []
    for m, n in pairwise(widths):
        parts += [nn.Linear(m, n), activation()]
    return nn.Sequential(*parts[:-1])


class Block(nn.Module):
    """Two convolutions and a shortcut that drops places and fills up with zeros, as in a ResNet for small pictures."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.stride, self.more = stride, channels - before

    def forward(self, x: Tensor) -> Tensor:
        """(n, before, h, w) -> (n, channels, h / stride, w / stride)."""
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        short = x[:, :, :: self.stride, :: self.stride]
        return (y + nn.functional.pad(short, (0, 0, 0, 0, 0, self.more))).relu()


def resnet20() -> nn.Module:
    blocks, before = [], 16
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        for k in range(3):
            blocks.append(Block(before, channels, stride if k == 0 else 1))
            before = channels
    head = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    return nn.Sequential(*head, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lenet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def strided() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, 2, 1)),
        *(nn.ReLU(), nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def audio() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv1d(1, 8, 9, 4), nn.ReLU(), nn.Conv1d(8, 16, 9, 4), nn.ReLU(), nn.Flatten(), nn.Linear(464, 32)),
        *(nn.ReLU(), nn.Linear(32, 5)),
    )


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "emulator 3-200-100-50-1": (lambda: mlp(3, 200, 100, 50, 1), (3,)),
    "MLP 20-64-64-5": (lambda: mlp(20, 64, 64, 5), (20,)),
    "MLP 100-100-100-100-10": (lambda: mlp(100, 100, 100, 100, 10), (100,)),
    "MLP 300-400-200-10, leaky": (lambda: mlp(300, 400, 200, 10, activation=nn.LeakyReLU), (300,)),
    "MLP 784-512-256-10": (lambda: mlp(784, 512, 256, 10), (784,)),
    "MLP 784-1500-1000-10": (lambda: mlp(784, 1500, 1000, 10), (784,)),
    "autoencoder 784-256-32-256-784": (lambda: mlp(784, 256, 32, 256, 784), (784,)),
    "LeNet, 28 x 28": (lenet, (1, 28, 28)),
    "convolutions with strides, 3 x 32 x 32": (strided, (3, 32, 32)),
    "1-d convolutions, 500": (audio, (1, 500)),
    "ResNet-20, 3 x 32 x 32": (resnet20, (3, 32, 32)),
}


def built(name: str) -> tuple[nn.Module, Tensor]:
    """A module in evaluation mode, with an example."""
    torch.manual_seed(0)
    make, shape = NETWORKS[name]
    return make().eval(), torch.rand(2, *shape)
