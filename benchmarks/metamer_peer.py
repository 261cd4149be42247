"""Metamers by gradient descent: plenoptic's Metamer with Adam, or Adam by itself where plenoptic is not at hand.

    pip install --no-deps --target FOLDER plenoptic==2.1.1      # and what it imports; FOLDER on the path

From the target picture, Adam makes the mean squared error of the features small, in float32, as plenoptic does: steps
of 0.01 (amsgrad), a penalty of 0.1 on what leaves [0, 1]. It gets a number of processor seconds instead of a number
of steps, and in the last third of them the steps fall to a thousandth, or their own size would keep the features off.
What leaves [0, 1] in the end is clipped.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import torch
from torch import Tensor, nn

RATE = 0.01
"""Of Adam at first: plenoptic's own."""

FALL = 1e-3
"""What is left of it in the end."""

LAST = 1 / 3
"""The part of the time in which it falls."""

AT_ONCE = 20
"""Steps between two looks at the clock."""


@dataclass(frozen=True, eq=False)
class PeerMetamer:
    """What gradient descent ended with.

    Attributes:
        x: float32, of the sample shape, in [0, 1].
        method: "plenoptic 2.1.1", or "Adam" where that is not at hand.
        steps: how many gradients that took.
        processor_seconds: so many it took.
    """

    x: np.ndarray
    method: str
    steps: int
    processor_seconds: float


class _Pictures(nn.Module):
    """Features of a batch of one picture (1, channels, height, width), as plenoptic wants them: (1, 1, m)."""

    def __init__(self, features: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.features, self.shape = features, shape

    def forward(self, x: Tensor) -> Tensor:
        """The features."""
        return self.features(x.reshape(-1, *self.shape)).reshape(1, 1, -1)


def peer_metamer(features: nn.Module, at: np.ndarray, target: np.ndarray, seconds: float) -> PeerMetamer:
    """A picture near a target with nearly the features of another.

    Args:
        features: from pictures (n, *shape) to features (n, ...), in float32; its parameters lose their gradients.
        at: the original, of the sample shape (height, width) or (channels, height, width), in [0, 1].
        target: where to begin, of the same shape.
        seconds: of the processor.
    """
    model = _Pictures(features, at.shape).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    shape = (1, *((1,) * (3 - at.ndim)), *at.shape)
    original, first = (torch.from_numpy(x.astype(np.float32)).reshape(shape) for x in (at, target))
    descend = _plenoptic if find_spec("plenoptic") else adam
    blank = torch.zeros(1, 1, 2, 2)
    descend(
        _Pictures(nn.Flatten(), (1, 2, 2)), blank, blank + 1, _once()
    )  # what is imported on the way is not on the clock
    torch.manual_seed(0)
    start = time.process_time()
    x, method, steps = descend(model, original, first, lambda: (time.process_time() - start) / max(seconds, 1e-9))
    spent = time.process_time() - start
    return PeerMetamer(x.detach().clamp(0, 1).reshape(at.shape).numpy(), method, steps, spent)


def _once() -> Callable[[], float]:
    """A clock that stands still for a few steps, and then the time is gone."""
    readings = iter([0.0] * (AT_ONCE + 1))
    return lambda: next(readings, 1.0)


def _rate(gone: float) -> float:
    """By what steps are multiplied when this part of the time is gone."""
    return FALL ** float(np.clip((gone - 1) / LAST + 1, 0, 1))


def _plenoptic(model: nn.Module, original: Tensor, first: Tensor, gone: Callable[[], float]) -> tuple[Tensor, str, int]:
    import plenoptic  # pyright: ignore[reportMissingImports]

    with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):  # its progress bars
        warnings.simplefilter("ignore")
        found = plenoptic.Metamer(original, model)
        found.setup(
            first,
            optimizer_kwargs={"lr": RATE, "amsgrad": True},
            scheduler=torch.optim.lr_scheduler.LambdaLR,
            scheduler_kwargs={"lr_lambda": lambda step: _rate(gone())},
        )
        while gone() < 1:
            found.synthesize(AT_ONCE, stop_criterion=0.0)
    return found.metamer, f"plenoptic {plenoptic.__version__}", len(found.losses) - 1


def adam(model: nn.Module, original: Tensor, first: Tensor, gone: Callable[[], float]) -> tuple[Tensor, str, int]:
    """From a first picture to the features of the original.

    Args:
        model: from pictures to features.
        original: whose features are wanted.
        first: where to begin.
        gone: the part of the time that is gone.

    Returns:
        The last picture, "Adam", and the number of steps.
    """
    wanted = model(original)
    x = first.clone().requires_grad_()
    optimizer = torch.optim.Adam([x], lr=RATE, amsgrad=True)
    steps = 0
    while gone() < 1:
        optimizer.param_groups[0]["lr"] = RATE * _rate(gone())
        for _ in range(AT_ONCE):
            outside = (x - 1).clamp(min=0).square().sum() + (-x).clamp(min=0).square().sum()
            loss = (model(x) - wanted).square().mean() + 0.1 * outside
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            steps += 1
    return x, "Adam", steps
