"""How often an analysis composes layers, passes the network and solves programs, question by question.

    python -m benchmarks.study_counts [--pictures 40] [--out FILE]

A dense and a residual convolutional network of random weights on digits of 14 x 14, all questions in one analysis. What
checking and planning take stands under "before the answers". Folds are compositions of affine nodes to a layer, passes
are blocks of inputs that go through the network for the values of its nodes, programs are calls of HiGHS and Clarabel.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

import unrelu as ur
from unrelu.datasets import mnist_sample
from unrelu.questions import Metamers, Question, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.solvers.linear_program import LinearProgram
from unrelu.solvers.quadratic_program import QuadraticProgram
from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context

FIRST = "before the answers"

KINDS = ("folds", "passes", "linear programs", "quadratic programs")

_SOLVERS: tuple[tuple[type, str], ...] = (
    (LinearProgram, "linear programs"),
    (QuadraticProgram, "quadratic programs"),
)


@dataclass
class Counting:
    """An executor of one thread that counts.

    Attributes:
        counts: by question, then by kind.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    _programs: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def session(self, context: Context) -> Iterator[_Session]:
        """Count what is answered about a network and its inputs, and what was done before."""
        with ur.executors.Threads(1).session(context) as inner:
            yield _Session(inner, context, self)
        total = context.counts + self._programs
        for each in self.counts.values():
            total.subtract(each)
        self.counts = {FIRST: +total, **self.counts}

    @contextmanager
    def programs(self) -> Iterator[None]:
        """Count the programs that are solved meanwhile."""
        with ExitStack() as stack:
            for solver, what in _SOLVERS:
                stack.enter_context(patch.object(solver, "minimise", self._counted(getattr(solver, "minimise"), what)))  # noqa: B009
            yield

    def _counted(self, minimise: Any, what: str) -> Any:
        def counted(*args: Any, **more: Any) -> Any:
            self._programs[what] += 1
            return minimise(*args, **more)

        return counted

    def so_far(self, context: Context) -> Counter[str]:
        """All counts now."""
        return context.counts + self._programs


@dataclass(frozen=True)
class _Session:
    inner: Any
    context: Context
    counting: Counting

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        before = self.counting.so_far(self.context)
        yield from self.inner.answers(question, tasks, deadline)
        found = self.counting.so_far(self.context)
        found.subtract(before)
        self.counting.counts[question.name] = +found


def counted(net: ur.Network, data: object, questions: Sequence[Question], **more: Any) -> tuple[ur.Study, Counting]:
    """A study, and what it took."""
    counting = Counting()
    with counting.programs():
        study = ur.analyze(net, data, questions=questions, executor=counting, progress=False, **more)
    return study, counting


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.one, self.two = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.start, self.inner, self.outer = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.head = nn.Linear(4 * 49, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 1, 14, 14) to (n, 10)."""
        h = self.start(self.stem(x))
        return self.head(self.outer(h + self.two(self.inner(self.one(h)))).flatten(1))


def networks() -> dict[str, nn.Module]:
    """By name."""
    torch.manual_seed(0)
    dense = nn.Sequential(
        *(nn.Flatten(), nn.Linear(196, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU()),
        *(nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10)),
    )
    return {"dense": dense.eval(), "residual": Block().eval()}


QUESTIONS = (Verdicts(), Uniqueness(), Ranges(1), Spectra(4), RowRemoval(2), Metamers(2))


def main() -> None:
    """Count, and print a line a question."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    sample = mnist_sample()
    x = sample.images[: args.pictures].reshape(-1, 1, 14, 2, 14, 2).mean(axis=(3, 5), dtype=np.float32)
    found = {}
    for name, module in networks().items():
        net = ur.Network.from_torch(module, torch.from_numpy(x[:2]))
        _, counting = counted(net, x, QUESTIONS, labels=np.asarray(sample.labels)[: args.pictures])
        found[name] = counting.counts
        print(f"{name}: {len(net.layers)} ReLU layers, {len(x)} inputs")
        for question, counts in counting.counts.items():
            told = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
            print(f"  {question}: {told or 'nothing of these'}")
    if args.out:
        args.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
