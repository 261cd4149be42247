"""Training that continues from its last checkpoint."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import nn

from paper.context import Context, replacing
from paper.networks import Activation, Name, network
from paper.pictures import Data, pictures
from unrelu.datasets import Dataset
from unrelu.demo.torch_threads import torch_threads
from unrelu.demo.training import predictions
from unrelu.errors import InputError

RMSPROP_DECAY = 1e-6
"""As in the Keras example cifar10_cnn: the step is `learning_rate / (1 + RMSPROP_DECAY * number of steps)`."""


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained.

    Attributes:
        network: which.
        data: on which pictures.
        epochs: number of passes; 0 leaves the random weights.
        optimizer: "adam" with torch's other parameters, or "rmsprop" with those of Keras (rho 0.9, epsilon 1e-7).
        learning_rate: of the optimizer.
        batch_size: pictures a step.
        normalised: whether the network normalises its pixels.
        seed: of the weights and of the order of the pictures.
        activation: after each layer but the last.
    """

    network: Name
    data: Data
    epochs: int
    optimizer: Literal["adam", "rmsprop"]
    learning_rate: float
    batch_size: int
    normalised: bool = True
    seed: int = 0
    activation: Activation = "relu"

    @property
    def title(self) -> str:
        """A unique name of the training but for its length, for files."""
        pixels = "" if self.normalised else "-raw"
        activation = "" if self.activation == "relu" else f"-{self.activation}"
        rate = f"{self.optimizer}-{self.learning_rate:g}-batch-{self.batch_size}"
        return f"{self.network}{activation}{pixels}-{self.data}-{rate}-seed-{self.seed}"

    @property
    def name(self) -> str:
        """As `title`, with the number of epochs."""
        return f"{self.title}-epochs-{self.epochs}"


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network.

    Attributes:
        recipe: how it was trained.
        module: in evaluation mode, on the CPU.
        epochs: for each pass `loss` (mean cross-entropy, each batch before its step), `accuracy` in the same way,
            `test_accuracy` after it, and `processor_seconds`.
    """

    recipe: Recipe
    module: nn.Sequential
    epochs: list[dict[str, float]]

    def record(self) -> dict[str, object]:
        """What results say about it."""
        return {"recipe": asdict(self.recipe), "epochs": self.epochs}


def mlp_recipe(network: Name, *, quick: bool, learning_rate: float = 1e-3, **others: Any) -> Recipe:
    """The paper's training on MNIST; a quick one has 9 times as many steps a picture, for 4,500 pictures."""
    if quick:
        return Recipe(network, "mnist-sample", 3, "adam", learning_rate, 100, **others)
    return Recipe(network, "mnist", 25, "adam", learning_rate, 1000, **others)


def cnn_recipe(network: Name, *, quick: bool) -> Recipe:
    """The paper's training on CIFAR-10, as in the Keras example cifar10_cnn; quick: random weights."""
    if quick:
        return Recipe(network, "cifar10-sample", 0, "rmsprop", 1e-4, 32)
    return Recipe(network, "cifar10", 100, "rmsprop", 1e-4, 32)


def trained(recipe: Recipe, context: Context) -> Trained:
    """The network of a recipe: from its checkpoint if there is one, trained on if it has fewer epochs.

    A checkpoint is written after each epoch, and with the same number of threads on the same machine stopping and
    continuing changes no bit of the weights.

    Raises:
        InputError: if the checkpoint has more epochs than asked for.
        DataError: if the data are missing.
    """
    path = context.folder / "networks" / f"{recipe.title}.pt"
    module = network(recipe.network, seed=recipe.seed, normalised=recipe.normalised, activation=recipe.activation)
    if recipe.epochs == 0:
        return Trained(recipe, module.eval(), [])
    module.to(context.device)
    optimizer = _optimizer(recipe, module)
    generator = torch.Generator().manual_seed(recipe.seed)
    history: list[dict[str, float]] = []
    if path.exists():
        stored = torch.load(path, weights_only=True, map_location=context.device)
        module.load_state_dict(stored["module"])
        optimizer.load_state_dict(stored["optimizer"])
        generator.set_state(stored["generator"].cpu())
        history = stored["epochs"]
    if len(history) > recipe.epochs:
        raise InputError(
            f"{path} has {len(history)} epochs, more than the {recipe.epochs} asked for; ask for as many, or name "
            "another folder."
        )
    if len(history) < recipe.epochs:
        data, test = (pictures(recipe.data, part, context) for part in ("train", "test"))
        n_steps = -(-len(data) // recipe.batch_size)
        stage = context.progress.stage(f"training {recipe.network}", recipe.epochs * n_steps)
        with torch_threads(context.threads), stage as advance:
            advance(len(history) * n_steps)
            for _ in range(len(history), recipe.epochs):
                start = time.process_time()
                epoch = _epoch(recipe, module, optimizer, generator, data, len(history) * n_steps, advance)
                epoch["test_accuracy"] = accuracy(module, test, context.device)
                epoch["processor_seconds"] = round(time.process_time() - start, 2)
                history.append(epoch)
                with replacing(path) as file:
                    state = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
                    torch.save({**state, "generator": generator.get_state(), "epochs": history}, file)
    return Trained(recipe, module.cpu().eval(), history)


def accuracy(module: nn.Module, data: Dataset, device: str = "cpu") -> float:
    """The fraction of pictures that a network classifies rightly; it is in evaluation mode after that."""
    found = predictions(module.eval(), torch.from_numpy(data.images).to(device))
    return float((found.cpu() == torch.from_numpy(data.labels)).double().mean())


def _optimizer(recipe: Recipe, module: nn.Module) -> torch.optim.Optimizer:
    if recipe.optimizer == "adam":
        return torch.optim.Adam(module.parameters(), lr=recipe.learning_rate)
    return torch.optim.RMSprop(module.parameters(), lr=recipe.learning_rate, alpha=0.9, eps=1e-7)


def _epoch(
    recipe: Recipe,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    data: Dataset,
    step: int,
    advance: Any,
) -> dict[str, float]:
    """One pass; `step` is the number of steps before it."""
    module.train()
    device = next(module.parameters()).device
    images, labels = torch.from_numpy(data.images).to(device), torch.from_numpy(data.labels).to(device)
    loss_sum, n_right = torch.zeros((), device=device), torch.zeros((), dtype=torch.int64, device=device)
    order = torch.randperm(len(data), generator=generator).to(device)
    for k, batch in enumerate(order.split(recipe.batch_size), start=step):
        if recipe.optimizer == "rmsprop":
            optimizer.param_groups[0]["lr"] = recipe.learning_rate / (1 + RMSPROP_DECAY * k)
        scores = module(images[batch])
        loss = nn.functional.cross_entropy(scores, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(batch)
        n_right += (scores.argmax(1) == labels[batch]).sum()
        advance(1)
    return {"loss": float(loss_sum) / len(data), "accuracy": int(n_right) / len(data)}
