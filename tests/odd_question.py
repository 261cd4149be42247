"""A question whose tasks go wrong where they are told to, for the tests of executors and stores."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import struct
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import torch
from threadpoolctl import threadpool_info

import unrelu as ur
from unrelu.network.graph import Network
from unrelu.questions import COUNT, REAL, Answer, Context, Plan, Question, Task, columns
from unrelu.study.executors import worker_process


class UnpicklableError(Exception):
    """An exception that no other process can be told of as it is."""

    def __init__(self) -> None:
        super().__init__("no pickle")
        self.lock = threading.Lock()


def _line() -> int:
    """Where the exception without a pickle is raised."""
    lines = Path(__file__).read_text().splitlines()
    return 1 + next(place for place, line in enumerate(lines) if line.strip() == "raise UnpicklableError")


NO_PICKLE = f"UnpicklableError: no pickle (odd_question.py, line {_line()})"
"""What is told of an input that raises it."""


def die_half_way(connection: Connection, said: object) -> None:
    """Say the first half of something, and die."""
    message = pickle.dumps(said)
    os.write(connection.fileno(), struct.pack("!i", len(message)) + message[: len(message) // 2])
    os.kill(os.getpid(), signal.SIGKILL)


def ask_for_too_much() -> None:
    """Ask for more memory than this process may have from now on."""
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    resource.setrlimit(resource.RLIMIT_AS, (2**33 + taken, resource.RLIM_INFINITY))
    np.ones(2**34)


def network() -> Network:
    rng = np.random.default_rng(0)
    return Network.from_layers([(rng.normal(size=(6, 4)), rng.normal(size=6)), (rng.normal(size=(2, 6)), np.zeros(2))])


def inputs(n: int) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, 4))


@dataclass(frozen=True)
class Odd(Question):
    """A row for each input, with its sum, unless its index is among those where something happens."""

    name: ClassVar[str] = "odd"
    title: ClassVar[str] = "sums"
    schema: ClassVar[pa.Schema] = columns(
        ("input", COUNT, "index of the input"),
        ("value", REAL, "the sum of its numbers"),
        ("blas", COUNT, "threads that BLAS may use, at most"),
    )
    keys: ClassVar[tuple[str, ...]] = ("input",)
    deadly: tuple[int, ...] = ()
    late: tuple[int, ...] = ()
    leaving: tuple[int, ...] = ()
    raising: tuple[int, ...] = ()
    hungry: tuple[int, ...] = ()
    starving: tuple[int, ...] = ()
    interrupting: tuple[int, ...] = ()
    traces: str = ""
    seconds: float = 0.0
    size: int = 1

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        del rows
        n = len(context.material)
        return Plan(tuple(Task(tuple(range(i, min(i + self.size, n)))) for i in range(0, n, self.size)))

    def answer(self, context: Context, task: Task) -> Answer:
        time.sleep(self.seconds)
        return Answer([self._row(context, index) for index in task.inputs])

    def _row(self, context: Context, index: int) -> dict[str, object]:
        if self.traces:
            with open(self.traces, "a") as file:
                file.write(f"{index}\n")
        if index in self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if index in self.late:
            worker_process._say = die_half_way
        if index in self.leaving:
            sys.exit("enough")
        if index in self.raising:
            raise UnpicklableError
        if index in self.hungry:
            ask_for_too_much()
        if index in self.starving:
            try:
                ask_for_too_much()
            except MemoryError:  # as the system does where more was promised than there is
                os.kill(os.getpid(), signal.SIGKILL)
        if index in self.interrupting:
            os.kill(os.getppid() if context.material.labels is not None else os.getpid(), signal.SIGINT)
        blas = max([torch.get_num_threads(), *(each["num_threads"] for each in threadpool_info())])
        return {"input": index, "value": float(context.inputs([index]).sum()), "blas": blas}


def asked(question: Odd, n: int = 12, **how: object) -> ur.Study:
    """A study that asks it of `n` inputs."""
    return ur.analyze(network(), inputs(n), questions=[question], progress=False, **how)  # pyright: ignore[reportArgumentType]
