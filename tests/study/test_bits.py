"""A task's rows are the same to the last bit, whatever else is asked, of however many inputs, and wherever."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import unrelu as ur
from study.own_question import FeatureSums
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Box
from unrelu.questions import Metamers, Question, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.rigor.rounding import UNIT
from unrelu.study.context import BLOCK, Context
from unrelu.study.executors.executor import Executor
from unrelu.study.executors.processes import Processes
from unrelu.study.executors.threads import Threads
from unrelu.study.inputs.samples import Samples
from unrelu.study.material import Material
from unrelu.study.parts.part import Part
from unrelu.study.plan import Plan

N, FEW = 150, 70


@cache
def network() -> Network:
    """Wide enough that sums over other blocks of inputs are rounded otherwise."""
    rng = np.random.default_rng(0)
    sizes = (200, 90, 40, 10)
    return Network.from_layers([(rng.normal(size=(m, d)) / d**0.5, rng.normal(size=m)) for d, m in pairwise(sizes)])


@cache
def data() -> np.ndarray:
    return np.random.default_rng(1).random((N, 200))


ALONE: tuple[Question, ...] = (
    FeatureSums(at_once=7),
    Spectra(3),
    RowRemoval(2),
    Uniqueness(Box(0, 1)),
    Verdicts(["relu1"]),
    Metamers(2, norms=(2.0,)),
)


def ask(questions: Sequence[Question], n: int, executor: Executor | None = None) -> dict[str, Mapping[str, Part]]:
    study = ur.analyze(network(), data()[:n], questions=questions, executor=executor, progress=False)
    assert study.complete
    return {name: {part.key: part for part in parts} for name, parts in study.parts.items()}


@cache
def beside_all_others() -> dict[str, Mapping[str, Part]]:
    return ask(ALONE, N)


def bits(value: object) -> object:
    """Floats as their bits."""
    if isinstance(value, float):
        return struct.pack(">d", value)
    if isinstance(value, dict):
        return {name: bits(each) for name, each in value.items()}
    return [bits(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("question", ALONE, ids=lambda question: question.name)
@pytest.mark.parametrize("executor", [Threads(1), Processes(1)], ids=str)
def test_alone_about_few_or_beside_all_others_about_many(question: Question, executor: Executor) -> None:
    mine, others = ask([question], FEW, executor)[question.name], beside_all_others()[question.name]
    same = mine.keys() & others.keys()
    assert len(same) >= {"verdicts": 0, "metamers": 0}.get(question.name, 1)
    for key in same:
        assert bits(mine[key].rows.to_pylist()) == bits(others[key].rows.to_pylist())
    again = ask([question], N, executor)[question.name]
    assert again.keys() == others.keys()
    for key, part in again.items():
        assert bits(part.rows.to_pylist()) == bits(others[key].rows.to_pylist())


def test_values_depend_on_no_other_input_and_no_other_node() -> None:
    whole = Context(Material(network(), Samples.of(data()), None, UNIT, ("relu1", "relu2", "output")))
    for n in (1, 2, BLOCK - 1, BLOCK, BLOCK + 1, FEW):
        few = Context(Material(network(), Samples.of(data()[:n]), None, UNIT))
        for node in ("relu2", "output"):
            values = few.values(node, range(n))
            assert len(values) == n
            assert values.tobytes() == whole.values(node, range(n)).tobytes()
            assert few.values(node, [n - 1]).tobytes() == values[-1:].tobytes()
    forward = network().values(torch.from_numpy(data()), ["relu2"])["relu2"].numpy()
    np.testing.assert_allclose(whole.values("relu2", range(N)), forward, rtol=1e-12)


def test_blocks_that_are_forgotten_come_again_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Context(Material(network(), Samples.of(data()), None, UNIT, ("relu1",))).values("relu1", range(N))
    context = Context(Material(network(), Samples.of(data()), None, UNIT, ("relu1",)))
    assert context.values("relu1", [0]).tobytes() == wanted[:1].tobytes()
    monkeypatch.setattr("unrelu.study.context.KEPT", 0)  # of one input more than the next block needs
    for chosen in (range(N), range(N - 1, -1, -1), [3, 140, 3]):
        assert context.values("relu1", chosen).tobytes() == wanted[list(chosen)].tobytes()
    assert context.counts["passes"] > 2 * -(-N // BLOCK)


@dataclass(frozen=True)
class Threaded(FeatureSums):
    """Notes how many threads BLAS may use while it is checked and planned."""

    name = "threaded"

    def check(self, context: Context, asked: Sequence[Question]) -> Threaded:
        _note()
        return self

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        _note()
        return super().plan(context, rows)


NOTED: list[int] = []


def _note() -> None:
    NOTED.extend([torch.get_num_threads(), *(each["num_threads"] for each in threadpool_info())])


def test_what_checking_and_planning_compute_is_computed_on_one_thread(tmp_path: Path) -> None:
    """Values that a check needs are kept for the answers, which are to be the same on any number of threads."""
    NOTED.clear()
    with threadpool_limits(2):
        ur.analyze(network(), data()[:2], questions=[Threaded()], store=tmp_path, progress=False)
    assert set(NOTED) == {1}
