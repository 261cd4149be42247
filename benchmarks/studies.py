"""What a study costs beside its answers: tasks a second, bytes a task, memory of a worker, efficiency of two processes.

    python -m benchmarks.studies [--tasks 100000] [--inputs 200] [--out benchmarks/results/studies.json]

* A question whose answer is one row of two numbers, a task and a part for each input: tasks a second of the whole call
  of `unrelu.analyze`, in one thread and in two processes, kept in memory and in a folder; from the first answered task
  to the last one too, without the start of the processes; and by processor seconds, which other work on the machine
  changes little: what two cores with nothing else to do would give. Bytes of a part; the same call again, which finds
  all of them.
* Verdicts on the first layer of benchmarks.classification (3500 x 784, trained on MNIST), 16 inputs a task, in one
  process and in two: tasks a second once all processes have begun, and the efficiency, that of two over twice that of
  one. What the machine does beside it counts against it: both are run in turn, and the load is told.
* Memory of a worker process: its private bytes (USS) once it has read a network and inputs of a size, and touched all
  of the numbers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pyarrow as pa

import unrelu as ur
from benchmarks.environment import environment
from unrelu.network.graph import Network
from unrelu.questions import COUNT, REAL, Answer, Context, Plan, Question, Task, columns, slices


@dataclass(frozen=True)
class Trivial(Question):
    """The first number of each input."""

    name: ClassVar[str] = "trivial"
    title: ClassVar[str] = "trivial"
    schema: ClassVar[pa.Schema] = columns(("input", COUNT, "index of the input"), ("value", REAL, "its first number"))
    keys: ClassVar[tuple[str, ...]] = ("input",)

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task for each input."""
        del rows
        return Plan(tuple(Task((index,)) for index in range(len(context.material))))

    def answer(self, context: Context, task: Task) -> Answer:
        """One row."""
        return Answer([{"input": index, "value": float(context.inputs([index])[0, 0])} for index in task.inputs])


@dataclass(frozen=True)
class Sliced(ur.questions.Verdicts):
    """Verdicts in tasks of 16 inputs, so that there are many."""

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """Those of the first layer."""
        whole = super().plan(context, rows)
        first = whole.tasks[0]
        return Plan(tuple(replace(first, inputs=chosen) for chosen in slices(len(context.material), 16)))


@dataclass(frozen=True)
class Memory(Question):
    """What the process has for itself, when it has touched all numbers of the network and of the inputs."""

    name: ClassVar[str] = "memory"
    title: ClassVar[str] = "memory"
    schema: ClassVar[pa.Schema] = columns(
        ("input", COUNT, "index of the input"), ("pid", COUNT, "the process"), ("uss", COUNT, "private bytes"),
        ("rss", COUNT, "bytes, those shared with others included"),
    )  # fmt: skip
    keys: ClassVar[tuple[str, ...]] = ("input",)

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task for each input."""
        del rows
        return Plan(tuple(Task((index,)) for index in range(len(context.material))))

    def answer(self, context: Context, task: Task) -> Answer:
        """One row."""
        for node in context.net.nodes:
            weight = getattr(node.operator, "weight", None)
            if weight is not None:
                float(weight.sum())
        sum(float(block.sum()) for block in context.material.x.blocks())
        now = psutil.Process().memory_full_info()
        return Answer([{"input": task.inputs[0], "pid": os.getpid(), "uss": now.uss, "rss": now.rss}])


@dataclass
class Clock:
    """A progress that remembers when each task of a stage was done."""

    times: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, what: str, total: int | None) -> Iterator[Any]:
        """Remember when its steps were done."""
        del total

        def advance(steps: int) -> None:
            if steps:
                self.times.setdefault(what, []).append(time.perf_counter())

        yield advance

    def rate(self, what: str, after: int = 1) -> float:
        """Tasks a second, from when so many were done."""
        times = self.times[what]
        return (len(times) - after) / (times[-1] - times[after - 1])


def small_network() -> Network:
    rng = np.random.default_rng(0)
    return Network.from_layers([(rng.normal(size=(8, 4)), rng.normal(size=8)), (rng.normal(size=(3, 8)), np.zeros(3))])


def throughput(executor: ur.executors.Executor, n: int, folder: str | None) -> dict[str, Any]:
    """Tasks a second of a call that asks the trivial question."""
    x = np.random.default_rng(1).normal(size=(n, 4))
    clock = Clock()
    start, used, beside = time.perf_counter(), time.process_time(), _of_children()
    study = ur.analyze(small_network(), x, questions=[Trivial()], store=folder, executor=executor, progress=clock)
    seconds, own = time.perf_counter() - start, time.process_time() - used
    others = _of_children() - beside
    assert study.complete
    assert study["trivial"].num_rows == n
    found: dict[str, Any] = {
        "executor": str(executor),
        "store": "memory" if folder is None else "folder",
        "seconds": seconds,
        "tasks_per_second": n / seconds,
        "tasks_per_second_once_begun": clock.rate(Trivial.title),
        "processor_seconds_of_the_parent": own,
        "processor_seconds_of_the_workers": others,
        "tasks_per_second_on_two_free_cores": n / max(own, (own + others) / 2),
        "load": os.getloadavg()[0],
    }
    if folder is not None:
        sizes = [path.stat().st_size for path in Path(folder).glob("trivial/*/*.parquet")]
        found |= {"bytes_per_task": statistics.fmean(sizes), "files": len(sizes)}
        start = time.perf_counter()
        again = ur.analyze(small_network(), x, questions=[Trivial()], store=folder, progress=False)
        assert again.accounts["trivial"].found == n
        found["tasks_found_again_per_second"] = n / (time.perf_counter() - start)
    return found


def _of_children() -> float:
    """Processor seconds of all processes that this one started, as far as they have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def efficiency(n: int, repeats: int) -> dict[str, Any]:
    """Two processes against one on verdicts of a trained first layer."""
    from benchmarks.classification import NETWORKS, trained_layer

    name, layer, pictures = trained_layer(NETWORKS[0])
    net = Network.from_layers([(np.asarray(layer.weight), np.asarray(layer.bias)), (np.eye(10, 3500), np.zeros(10))])
    x = pictures.reshape(len(pictures), -1)[:n]
    rates: dict[int, list[float]] = {1: [], 2: []}
    loads = []
    for _ in range(repeats):
        for workers in rates:
            clock = Clock()
            executor = ur.executors.Processes(workers)
            ur.analyze(net, x, questions=[Sliced()], executor=executor, progress=clock)
            rates[workers].append(clock.rate(Sliced.title, workers))
            loads.append(os.getloadavg()[0])
            print(f"{workers} processes: {rates[workers][-1]:.3f} tasks/s, load {loads[-1]:.1f}", flush=True)
    return {
        "network": name,
        "inputs": len(x),
        "tasks_per_second_of_one": rates[1],
        "tasks_per_second_of_two": rates[2],
        "efficiency": statistics.median(rates[2]) / (2 * statistics.median(rates[1])),
        "load": loads,
    }


def memory(width: int, n: int) -> dict[str, Any]:
    """Private memory of worker processes, for a network and inputs of a size."""
    rng = np.random.default_rng(0)
    sizes = {"small": 4, "large": width}
    found: dict[str, Any] = {}
    for label, m in sizes.items():
        net = Network.from_layers([(rng.normal(size=(m, m)), np.zeros(m)), (rng.normal(size=(2, m)), np.zeros(2))])
        x = rng.normal(size=(n, m))
        study = ur.analyze(net, x, questions=[Memory()], executor=ur.executors.Processes(2), progress=False)
        rows = study["memory"].to_pylist()
        found[label] = {
            "network_bytes": 8 * m * (m + 2),
            "inputs_bytes": x.nbytes,
            "workers": len({row["pid"] for row in rows}),
            "private_bytes": max(row["uss"] for row in rows),
            "resident_bytes": max(row["rss"] for row in rows),
        }
    grown = found["large"]["private_bytes"] - found["small"]["private_bytes"]
    found["private_bytes_for_a_byte_of_network_and_inputs"] = grown / (
        found["large"]["network_bytes"] + found["large"]["inputs_bytes"]
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--inputs", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/studies.json"))
    arguments = parser.parse_args()
    result: dict[str, Any] = {
        "command": f"python -m benchmarks.studies --tasks {arguments.tasks} --inputs {arguments.inputs} "
        f"--repeats {arguments.repeats}",
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(("numpy", "torch", "pyarrow", "loky")),
        "tasks": arguments.tasks,
    }

    def keep(**more: object) -> None:
        result.update(more)
        print(more, flush=True)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n")

    keep(memory=memory(4096, 400))
    rates = []
    for stored in (True, False):
        for executor in (ur.executors.Threads(1), ur.executors.Processes(2)):
            with tempfile.TemporaryDirectory() as folder:
                rates.append(throughput(executor, arguments.tasks, folder if stored else None))
            keep(throughput=rates)
        if stored:
            keep(efficiency=efficiency(arguments.inputs, arguments.repeats))


if __name__ == "__main__":
    main()
