"""What is not the same shares neither a part nor what a worker keeps, however alike it looks."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import unrelu as ur
from small_studies import dense_network, pictures
from unrelu.errors import InputError
from unrelu.network.fingerprints import operator_sha256, weights_sha256
from unrelu.network.graph import Network
from unrelu.operators import Dense
from unrelu.questions import COUNT, REAL, Answer, Context, Plan, Question, Task, columns, slices
from unrelu.rigor.rounding import UNIT
from unrelu.study.inputs.samples import Samples
from unrelu.study.material import Material
from unrelu.study.parts import part_file
from unrelu.study.study import Study


def mine(module: str, sign: float, **more: Any) -> type[Question]:
    """A question called as all others that are made here, of a module of its own."""

    @dataclass(frozen=True)
    class Mine(Question):
        """The sum of an input's numbers, or less that."""

        name = more.get("name", "mine")
        title = "mine"
        keys = ("input",)
        schema = more.get("schema", columns(("input", COUNT, "its index"), ("value", REAL, "its sum")))

        def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
            return Plan(tuple(Task(chosen) for chosen in slices(len(context.material), 4)) * more.get("times", 1))

        def answer(self, context: Context, task: Task) -> Answer:
            factor = context.made(self, "factor", lambda: sign)
            kind = self.schema.field("value").type.to_pandas_dtype()
            return Answer([{"input": k, "value": kind(factor * context.inputs([k]).sum())} for k in task.inputs])

    Mine.__module__ = module
    return Mine


def ask(where: Path, *kinds: type[Question], **how: Any) -> Study:
    questions = [kind() for kind in kinds]
    net = how.pop("net", None) or dense_network()
    return ur.analyze(net, pictures()[0], questions=questions, store=where, progress=False, **how)


def test_questions_of_two_modules_that_are_called_the_same(tmp_path: Path) -> None:
    one, other = mine("one", 1.0), mine("other", -1.0)
    first, second = ask(tmp_path, one), ask(tmp_path, other)
    assert second.accounts["mine"].found == 0
    assert np.array_equal(second["mine"]["value"].to_numpy(), -first["mine"]["value"].to_numpy())
    assert ask(tmp_path, one)["mine"].equals(first["mine"])
    context = Context(Material(dense_network(), Samples.of(pictures()[0]), None, UNIT))
    values = [kind().answer(context, Task((3,))).rows[0]["value"] for kind in (one, other)]
    assert values[0] == -values[1]  # pyright: ignore[reportOperatorIssue]


def test_a_question_whose_columns_changed_finds_nothing_and_damages_nothing(tmp_path: Path) -> None:
    before = ask(tmp_path, mine("one", 1.0))
    schema = columns(("input", COUNT, "its index"), ("value", COUNT, "its sum"))
    after = ask(tmp_path, mine("one", 1.0, schema=schema))
    assert (after.accounts["mine"].found, after.accounts["mine"].damaged) == (0, ())
    assert ask(tmp_path, mine("one", 1.0))["mine"].equals(before["mine"])


def test_an_operator_of_somebody_else_that_is_called_as_one_of_ours() -> None:
    class Doubled(Dense):
        def apply(self, *operands: Any) -> Any:
            return 2 * super().apply(*operands)

    Doubled.__qualname__, Doubled.__module__ = "Dense", "theirs"
    first, affine, *rest = dense_network().nodes
    operator = Doubled(*affine.operator.tensors())
    assert operator_sha256(operator) != operator_sha256(affine.operator)
    other = replace(dense_network(), nodes=(first, replace(affine, operator=operator), *rest))
    assert weights_sha256(other) != weights_sha256(dense_network())


def test_labels_that_no_float_tells_apart(tmp_path: Path) -> None:
    net = Network.from_layers([(np.eye(2, 16), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    studies = [ask(tmp_path, net=net, labels=[2**53 + k] * len(pictures()[0])) for k in (0, 1)]
    assert studies[0].question("inputs").run != studies[1].question("inputs").run
    assert [set(study["inputs"]["label"].to_pylist()) for study in studies] == [{2**53}, {2**53 + 1}]


def test_another_questions_part_of_the_same_columns_and_size(tmp_path: Path) -> None:
    """Layouts are known by columns and size alone, but a part is known by its name."""
    kinds = mine("one", 1.0), mine("one", -1.0, name="yours")
    found = ask(tmp_path, *kinds)
    part_file._READING.clear()
    assert ask(tmp_path, *kinds).accounts["mine"].found == 6
    assert part_file._READING
    own, other = (sorted((tmp_path / name).rglob("*.parquet")) for name in ("mine", "yours"))
    sizes = {path.stat().st_size: path for path in other}
    taken = next(path for path in own if path.stat().st_size in sizes)
    shutil.copy(sizes[taken.stat().st_size], taken)
    again = ask(tmp_path, *kinds)
    assert len(again.accounts["mine"].damaged) == 1
    assert again["mine"].equals(found["mine"])


def test_a_plan_that_has_a_task_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the plan of the question 'mine' has a task twice"):
        ask(tmp_path, mine("one", 1.0, times=2))
