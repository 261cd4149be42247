"""Train the ResNet-20 of the docs and the benchmarks on CIFAR-10.

    python -m benchmarks.train_resnet20 --data DIR [--epochs 15] [--threads 1] [--checkpoint FILE]

DIR holds `cifar-10-batches-bin`. Stochastic gradient descent with Nesterov's momentum, one cycle of the step length,
pictures shifted by up to four pixels and mirrored. A checkpoint after each epoch, from which the same command goes on.
In the end the weights are rounded to float16 (`benchmarks/weights/resnet20.npz`), and the accuracy of *these* on the
10,000 test pictures goes into `benchmarks/results/resnet20.json`, with what each epoch said.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn

from benchmarks.environment import environment
from benchmarks.resnet20 import WEIGHTS, ResNet20, trained_resnet20
from unrelu.datasets import cifar10

BATCH = 128
LARGEST_STEP = 0.2
DECAY = 5e-4
MOMENTUM = 0.9
RESULT = Path("benchmarks/results/resnet20.json")


def main() -> None:
    """Train, round, measure."""
    parser = argparse.ArgumentParser(description="Train the ResNet-20.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--checkpoint", type=Path, default=Path("results/resnet20.pt"))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    train, test = (cifar10(part, given.data) for part in ("train", "test"))
    module = ResNet20()
    module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = torch.optim.SGD(module.parameters(), LARGEST_STEP, MOMENTUM, nesterov=True, weight_decay=DECAY)
    generator = torch.Generator().manual_seed(0)
    history: list[dict[str, float]] = []
    if given.checkpoint.exists():
        stored = torch.load(given.checkpoint, weights_only=True)
        module.load_state_dict(stored["module"])
        optimizer.load_state_dict(stored["optimizer"])
        generator.set_state(stored["generator"])
        history = stored["epochs"]
    images, labels = torch.from_numpy(train.images), torch.from_numpy(train.labels)
    n_steps = -(-len(train) // BATCH)
    with Progress() as progress:
        task = progress.add_task("training", total=given.epochs * n_steps, completed=len(history) * n_steps)
        for epoch in range(len(history), given.epochs):
            start = time.process_time()
            module.train()
            losses = []
            for k, batch in enumerate(torch.randperm(len(train), generator=generator).split(BATCH)):
                optimizer.param_groups[0]["lr"] = step_length((epoch * n_steps + k) / (given.epochs * n_steps))
                scores = module(varied(images[batch], generator).to(memory_format=torch.channels_last))
                loss = nn.functional.cross_entropy(scores, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                progress.advance(task)
            spent = round(time.process_time() - start, 1)
            right = accuracy(module, test.images, test.labels)
            history.append({"loss": float(np.mean(losses)), "test_accuracy": right, "processor_seconds": spent})
            progress.print(f"epoch {epoch + 1}: {history[-1]}")
            state: dict[str, Any] = {"module": module.state_dict(), "optimizer": optimizer.state_dict()}
            given.checkpoint.parent.mkdir(parents=True, exist_ok=True)
            part = given.checkpoint.with_suffix(".part")
            torch.save({**state, "generator": generator.get_state(), "epochs": history}, part)
            part.replace(given.checkpoint)
    rounded = {
        name: value.contiguous().numpy().astype(np.float16)
        for name, value in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    WEIGHTS.parent.mkdir(exist_ok=True)
    np.savez_compressed(WEIGHTS, allow_pickle=False, **rounded)
    result = {
        "command": f"python -m benchmarks.train_resnet20 --data DIR --epochs {given.epochs} --threads {given.threads}",
        "environment": environment(),
        "test accuracy, float16 weights": accuracy(trained_resnet20(), test.images, test.labels),
        "bytes of the weights": WEIGHTS.stat().st_size,
        "epochs": history,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def step_length(share: float) -> float:
    """Up to the largest in the first fifth of all steps, down to zero along half a cosine after it."""
    if share < 0.2:
        return LARGEST_STEP * (0.05 + 0.95 * share / 0.2)
    return LARGEST_STEP * (1 + math.cos(math.pi * (share - 0.2) / 0.8)) / 2


def varied(images: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (n, 3, 32, 32), each shifted by up to four pixels, what comes in is black, and half of them mirrored."""
    n = len(images)
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    down, right = torch.randint(9, (2, n, 1), generator=generator)
    rows, columns = down + torch.arange(32), right + torch.arange(32)
    mirrored = torch.rand(n, generator=generator) < 0.5
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    return padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def accuracy(module: nn.Module, images: np.ndarray, labels: np.ndarray) -> float:
    """The fraction of pictures that a network classifies rightly; it is in evaluation mode after that."""
    module.eval()
    with torch.no_grad():
        found = torch.cat([module(batch).argmax(1) for batch in torch.from_numpy(images).split(500)])
    return float((found == torch.from_numpy(labels)).double().mean())


if __name__ == "__main__":
    main()
