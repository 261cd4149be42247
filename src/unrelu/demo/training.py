"""Training a classifier, plainly."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unrelu.datasets import Dataset
from unrelu.demo.torch_threads import torch_threads
from unrelu.errors import InputError
from unrelu.progress import Progress, resolve_progress


@dataclass(frozen=True)
class Training:
    """How to train.

    Attributes:
        learning_rate: of Adam (Kingma and Ba 2015; its other parameters are torch's defaults).
        batch_size: number of pictures a step.
        epochs: number of passes through the pictures.
        seed: of the order of the pictures.
        threads: number of CPU threads; sums, and so the weights, depend on it in their last bits. More are
            faster on idle cores and for large layers, but several times slower where others use the cores too, as
            torch's threads wait for each other at every operation.
    """

    learning_rate: float = 1e-3
    batch_size: int = 100
    epochs: int = 3
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.learning_rate > 0 or min(self.batch_size, self.epochs, self.threads) < 1:
            raise InputError("learning rate, batch size, epochs and threads of a training must be positive.")


@dataclass(frozen=True)
class Epoch:
    """What one pass through the pictures gave.

    Attributes:
        loss: mean cross-entropy over the pass, each batch before its step, in nats.
        accuracy: fraction of the training pictures classified rightly, in the same way.
        held_out_accuracy: fraction of the held-out pictures classified rightly after the pass; None without any.
    """

    loss: float
    accuracy: float
    held_out_accuracy: float | None


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        module: in evaluation mode, on the CPU.
        training: how it was trained.
        epochs: what each pass gave.
    """

    module: nn.Module
    training: Training
    epochs: tuple[Epoch, ...]


def train(
    module: nn.Module,
    data: Dataset,
    training: Training,
    *,
    held_out: Dataset | None = None,
    what: str = "training",
    progress: Progress | bool | None = None,
) -> Trained:
    """Minimise the cross-entropy with Adam, in float32 on the CPU.

    The same call gives the same weights on the same machine. The last batch of a pass is smaller where the
    batch size does not divide the number of pictures.

    Args:
        module: from pictures (n, *shape) to class scores (n, k); it is copied, not changed.
        data: what to train on.
        training: how.
        held_out: what to measure the accuracy on after each pass.
        what: what to call it in the progress display.
        progress: see `unrelu.progress.resolve_progress`.
    """
    module = copy.deepcopy(module).train()
    images, labels = torch.from_numpy(data.images), torch.from_numpy(data.labels)
    generator = torch.Generator().manual_seed(training.seed)
    optimizer = torch.optim.Adam(module.parameters(), lr=training.learning_rate)
    epochs = []
    n_batches = -(-len(data) // training.batch_size)
    with (
        torch_threads(training.threads),
        resolve_progress(progress).stage(what, training.epochs * n_batches) as advance,
    ):
        for _ in range(training.epochs):
            loss_sum, n_right = 0.0, 0
            for batch in torch.randperm(len(data), generator=generator).split(training.batch_size):
                scores = module(images[batch])
                loss = nn.functional.cross_entropy(scores, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                loss_sum += loss.item() * len(batch)
                n_right += int((scores.argmax(1) == labels[batch]).sum())
                advance(1)
            held_out_accuracy = None if held_out is None else accuracy(module.eval(), held_out)
            module.train()
            epochs.append(Epoch(loss_sum / len(data), n_right / len(data), held_out_accuracy))
    return Trained(module.eval(), training, tuple(epochs))


def accuracy(module: nn.Module, data: Dataset, batch_size: int = 1000) -> float:
    """The fraction of pictures that a network classifies rightly."""
    right = predictions(module, torch.from_numpy(data.images), batch_size) == torch.from_numpy(data.labels)
    return float(right.double().mean())


def predictions(module: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """The class of the largest score of each picture, (n,) int64."""
    with torch.no_grad():
        return torch.cat([module(batch).argmax(1) for batch in images.split(batch_size)])
