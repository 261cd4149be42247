"""What a study will take: tasks are counted, time is measured within a patience, nothing is kept."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import unrelu as ur
from small_studies import dense_network, pictures
from unrelu.errors import InputError
from unrelu.questions import COUNT, Answer, Context, Plan, Question, Task, columns


@dataclass(frozen=True)
class Sleeping(Question):
    """Takes some seconds for each input; fails at one of them."""

    seconds: float
    fails: bool = False

    name = "sleeping"
    title = "sleeping"
    keys = ("input",)
    schema = columns(("input", COUNT, "index of the input"))

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """Twelve inputs, four at a time."""
        return Plan(tuple(Task(tuple(range(k, k + 4))) for k in range(0, 12, 4)))

    def answer(self, context: Context, task: Task) -> Answer:
        """A row an input."""
        if self.fails:
            raise InputError("it never works.")
        time.sleep(self.seconds * len(task.inputs))
        return Answer([{"input": index} for index in task.inputs])


def test_tasks_are_counted_and_those_that_are_kept_cost_nothing(tmp_path: Path) -> None:
    x, y = pictures()
    asked = [ur.questions.Uniqueness(ur.Box(0, 1)), ur.questions.Ranges(3), ur.questions.Metamers(2, norms=(1, 2))]
    found = ur.foresee(dense_network(), x, labels=y, questions=asked, store=tmp_path / "store", progress=False)
    counts = {each.question: (each.n_tasks, each.at_most, each.kept) for each in found.questions}
    assert counts == {
        "inputs": (1, False, 0),
        "uniqueness": (1, False, 0),
        "ranges": (3, True, 0),
        "metamers": (4, False, 0),
    }
    assert not (tmp_path / "store").exists()
    assert found.seconds is not None
    assert found.seconds > 0
    assert found.disk is not None
    assert all(each.memory for each in found.questions)
    ur.analyze(dense_network(), x, labels=y, questions=asked, store=tmp_path / "store", progress=False)
    again = ur.foresee(dense_network(), x, labels=y, questions=asked, store=tmp_path / "store", progress=False)
    assert [each.kept for each in again.questions] == [each.n_tasks for each in again.questions]
    assert (again.seconds, again.disk) == (0, 0)
    assert [line.split()[0] for line in str(again).splitlines()] == ["question", *counts, "all", "inputs:"]


def test_time_is_that_of_all_inputs() -> None:
    (_, found) = ur.foresee(dense_network(), pictures()[0], questions=[Sleeping(0.05)], progress=False).questions
    assert found.measured == 4  # one makes what all share, three more show what each takes
    assert found.seconds == pytest.approx(12 * 0.05, rel=0.5)


def test_what_takes_longer_than_patience_is_given_up() -> None:
    found = ur.foresee(dense_network(), pictures()[0], questions=[Sleeping(600.0)], patience=0.5, progress=False)
    (_, sleeping) = found.questions
    assert (sleeping.seconds, sleeping.disk, sleeping.measured) == (None, None, 0)
    assert found.seconds is None
    assert "?" in str(found)


def test_why_tasks_fail_is_told() -> None:
    (_, found) = ur.foresee(dense_network(), pictures()[0], questions=[Sleeping(0.0, True)], progress=False).questions
    assert found.failed == "it never works."
    assert np.isfinite(found.seconds or 0.0)


def test_what_is_damaged_is_not_counted_as_kept_and_stays_for_the_analysis_to_say(tmp_path: Path) -> None:
    x, _ = pictures()
    asked = [ur.questions.Spectra(2)]
    ur.analyze(dense_network(), x, questions=asked, store=tmp_path, progress=False)
    part = next(tmp_path.glob("spectra/*/*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    (_, found) = ur.foresee(dense_network(), x, questions=asked, store=tmp_path, progress=False).questions
    assert (found.n_tasks, found.kept) == (2, 1)
    assert part.exists()
    study = ur.analyze(dense_network(), x, questions=asked, store=tmp_path, progress=False)
    assert len(study.accounts["spectra"].damaged) == 1
    assert study.complete
