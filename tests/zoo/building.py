"""A network of the zoo with its random weights and statistics, and samples for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo.animal import Animal


def built(animal: Animal) -> nn.Module:
    """The network in float32, its statistics not those of a fresh one."""
    torch.manual_seed(sum(map(ord, animal.name)) + animal.seed)
    module = animal.make().eval()
    for part in module.modules():
        if getattr(part, "running_mean", None) is not None:
            nn.init.normal_(part.running_mean, 0, 0.3)  # pyright: ignore[reportArgumentType]
            nn.init.uniform_(part.running_var, 0.5, 2.0)  # pyright: ignore[reportArgumentType]
    return module


def samples(animal: Animal, n: int, seed: int = 1) -> Tensor:
    """(n, *shape) normal numbers in float64."""
    return torch.randn(n, *animal.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
