"""What `ur.check` foresees of time and memory, against what is taken.

    python -m benchmarks.check [--network NAME] [--out benchmarks/results/check.json]

For each network of `benchmarks.check_networks` the check is made in one process, and each question of which it tells a
time is asked in another process, forked for it, at other inputs than the check's: uniform in [0, 1], with another seed.
Processor seconds of all threads; what is foreseen to take less than half a second is asked twice, of which the second
time counts: the first one of a process prepares much. Memory: by how much the largest resident size of the process
grows while the question is asked for the first time (`resource.getrusage`). Numbers below 32 MiB count as 32 MiB, as
what the allocators hold back is of that size. What is foreseen to take more than 4 s is not asked.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import resource
import time
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unrelu as ur
from benchmarks.check_networks import NETWORKS, built
from benchmarks.environment import environment
from unrelu.checking.questions import warm_up

QUESTIONS = (
    *("values", "linearize", "spectrum", "layer", "preimage of layer", "classify 100"),
    *("preimage of prefix", "metamer"),
)

SMALL = 32 * 2**20

VALUES = 20  # forward passes, of which the mean counts

SHORT = 0.5  # seconds foreseen of what is asked twice, of which the second time counts

LONGEST = 4.0  # seconds foreseen of what is asked here


class Subject:
    """A network of `benchmarks.check_networks`, and inputs to ask about; in a process of its own."""

    def __init__(self, name: str) -> None:
        torch.set_num_threads(1)
        warnings.simplefilter("ignore")
        warm_up()
        module, example = built(name)
        self.net = ur.Network.from_torch(module, example)
        self.xs = np.random.default_rng(7).random((100, *self.net.input_shape))
        self.net(self.xs[:1])

    def way(self, question: str, node: str) -> Callable[[], object]:
        """How a question is asked."""
        net, xs, x = self.net, self.xs, self.xs[0]
        prefix = net.upto(node) if node else net
        if question in ("preimage of layer", "classify 100"):
            hs = net.layer_input(node, xs)
            if question == "classify 100":
                return lambda: ur.classify(net.layer(node), hs, progress=False, workers=1)
            return lambda: ur.preimage(net.layer(node), at=hs[0])
        return {
            "values": lambda: [net(xs[k : k + 1]) for k in range(VALUES)],
            "linearize": lambda: ur.linearize(prefix, x),
            "spectrum": lambda: ur.spectrum(prefix, x),
            "layer": lambda: net.layer(node),
            "preimage of prefix": lambda: ur.preimage(prefix, at=x, time_limit=0, progress=False),
            "metamer": lambda: ur.metamer(prefix, at=x, target=xs[1]),
        }[question]


def taken(way: Callable[[], object], *, twice: bool) -> tuple[float, float]:
    """Processor seconds of a call, and by how many bytes the process is larger at its peak than before."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    kept = way()
    seconds = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    del kept
    if twice:
        start = time.process_time()
        way()
        seconds = time.process_time() - start
    return seconds, 1024.0 * grown


def asked(name: str, questions: list[tuple[str, str, bool]], out: Connection) -> None:
    """Ask questions of one network, each in a process forked for it, and send seconds and bytes of each."""
    subject = Subject(name)
    for question, node, twice in questions:
        way = subject.way(question, node)
        gc.collect()
        child = os.fork()
        if child == 0:
            seconds, memory = taken(way, twice=twice)
            out.send((seconds / VALUES if question == "values" else seconds, memory))
            os._exit(0)
        os.waitpid(child, 0)


def of_network(name: str) -> dict[str, Any]:
    """Everything about one network, foreseen and taken."""
    torch.set_num_threads(1)
    module, example = built(name)
    start = time.process_time()
    found = ur.check(module, example)
    first = time.process_time() - start
    start = time.process_time()
    found = ur.check(module, example)
    again = time.process_time() - start
    rows: list[dict[str, Any]] = []
    told = [each for each in found.questions if each.seconds is not None and each.seconds <= LONGEST]
    if len(found.network.layers) > 6:  # of a deep network some layers
        names = [*found.network.layers[:3], *found.network.layers[9:11], found.upto]
        told = [each for each in told if each.node in ("", *names)]
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=asked, args=(name, [(each.question, each.node, (each.seconds or 0) < SHORT) for each in told], there)
    )
    process.start()
    for each in told:
        seconds, memory = here.recv()
        foreseen = float(each.memory or 0)
        rows.append(
            {
                "question": each.question,
                "node": each.node,
                "basis": each.basis.value,
                "seconds foreseen": round(each.seconds or 0.0, 5),
                "seconds": round(seconds, 5),
                "time ratio": round((each.seconds or 0.0) / seconds, 2),
                "MiB foreseen": None if each.memory is None else round(foreseen / 2**20, 1),
                "MiB": round(memory / 2**20, 1),
                "memory ratio": None if each.memory is None else round(max(foreseen, SMALL) / max(memory, SMALL), 2),
            }
        )
        print(name, rows[-1], flush=True)
    process.join()
    counted: dict[str, int] = {}
    for each in found.questions:
        counted[each.basis.value] = counted.get(each.basis.value, 0) + 1
    return {"network": name, "check": round(first, 2), "check again": round(again, 2), "rows": counted, "asked": rows}


def within(values: list[float]) -> str:
    """How many are within a factor of 2."""
    return f"{sum(0.5 <= value <= 2 for value in values)} of {len(values)}"


def main() -> None:
    """Ask, compare and print JSON."""
    parser = argparse.ArgumentParser(description="What a check foresees, against what is taken.")
    parser.add_argument("--network", choices=NETWORKS, action="append")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    networks = []
    for name in given.network or NETWORKS:
        networks.append(of_network(name))
        found = {
            "environment": environment(("numpy", "scipy", "torch")),
            "summary": summary([row for network in networks for row in network["asked"]]),
            "networks": networks,
        }
        if given.out is not None:
            given.out.write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found["summary"], indent=1), flush=True)


def summary(rows: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By question, how many times and memories are within a factor of 2."""
    told = {question: [row for row in rows if row["question"] == question] for question in QUESTIONS}
    return {
        question: {
            "time within a factor of 2": within([row["time ratio"] for row in some]),
            "memory within a factor of 2": within(
                [row["memory ratio"] for row in some if row["memory ratio"] is not None]
            ),
        }
        for question, some in told.items()
        if some
    }


if __name__ == "__main__":
    main()
