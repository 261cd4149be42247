"""One input that goes wrong takes nothing with it: the others are answered, and the next run tries it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import unrelu as ur
from odd_question import Odd, asked, inputs
from small_studies import dense_network, pictures
from study import own_question
from study.own_question import FeatureSums
from unrelu.study.executors.alone import DIED
from unrelu.study.executors.executor import Executor
from unrelu.study.executors.processes import Processes
from unrelu.study.executors.threads import Threads
from unrelu.study.study import Study

N = 24


@pytest.fixture(autouse=True)
def _mended() -> Iterator[None]:
    own_question.BROKEN.clear()
    own_question.ANSWERED.clear()
    yield
    own_question.BROKEN.clear()


def ask(where: Path | None = None, **how: Any) -> Study:
    """All features' sums, eight inputs a task."""
    x, y = pictures()
    question = FeatureSums(at_once=8)
    return ur.analyze(dense_network(), x, labels=y, questions=[question], store=where, progress=False, **how)


def told(study: Study) -> dict[tuple[str, int], str]:
    return {(row["layer"], index): row["reason"] for row in study["failures"].to_pylist() for index in row["inputs"]}


def kept(study: Study) -> list[dict[str, Any]]:
    """The rows about all but the inputs that are broken now."""
    return [row for row in study["feature_sums"].to_pylist() if row["input"] not in own_question.BROKEN]


def test_a_bug_at_two_inputs_leaves_out_these_two_and_nothing_else(tmp_path: Path) -> None:
    whole = ask()
    own_question.BROKEN.update((3, 17))
    found = ask(tmp_path)
    assert found["feature_sums"].to_pylist() == kept(whole)
    assert set(told(found)) == {(layer, index) for layer in ("relu1", "relu2") for index in (3, 17)}
    for reason in told(found).values():
        assert re.fullmatch(r"RuntimeError: a bug \(own_question\.py, line \d+\)", reason)
    assert not found.complete
    assert found.stopped == ""
    account = found.accounts["feature_sums"]
    assert (account.computed, account.open) == (2, 4)
    read = ur.load_study(tmp_path, questions=[FeatureSums])
    assert read["feature_sums"].equals(found["feature_sums"])
    assert told(read) == told(found)
    assert not read.complete


def test_the_next_run_tries_what_failed_and_nothing_else_until_it_works(tmp_path: Path) -> None:
    own_question.BROKEN.add(3)
    ask(tmp_path)
    own_question.ANSWERED.clear()
    again = ask(tmp_path)
    assert own_question.ANSWERED == [(3,)] * 2
    assert again["feature_sums"].num_rows == 2 * (N - 1)
    assert set(told(again)) == {("relu1", 3), ("relu2", 3)}
    own_question.BROKEN.clear()
    own_question.ANSWERED.clear()
    mended = ask(tmp_path)
    assert sorted(own_question.ANSWERED) == sorted([(3,), tuple(range(8))] * 2)
    assert mended.complete
    assert told(mended) == {}
    assert mended["feature_sums"].equals(ask()["feature_sums"])
    assert ask(tmp_path).accounts["feature_sums"].found == 6


def test_other_inputs_may_fail_the_next_time(tmp_path: Path) -> None:
    own_question.BROKEN.update((3, 4))
    ask(tmp_path)
    own_question.BROKEN.remove(4)
    own_question.BROKEN.add(6)
    found = ask(tmp_path)
    assert {index for _, index in told(found)} == {3, 6}
    assert found["feature_sums"].to_pylist() == kept(ask())
    assert told(ur.load_study(tmp_path, questions=[FeatureSums])) == told(found)


def test_a_part_with_something_open_is_not_taken_over_by_other_data(tmp_path: Path) -> None:
    x, y = pictures()
    own_question.BROKEN.add(3)
    ask(tmp_path)
    own_question.BROKEN.clear()
    question = FeatureSums(at_once=8)
    fewer = ur.analyze(dense_network(), x[:16], labels=y[:16], questions=[question], store=tmp_path, progress=False)
    assert (fewer.accounts["feature_sums"].found, fewer.accounts["feature_sums"].computed) == (2, 2)
    assert fewer.complete


def test_a_reason_that_changes_is_told_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_question.BROKEN.add(3)
    ask(tmp_path)

    def answer(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(FeatureSums, "answer", answer)
    found = ask(tmp_path)
    assert {reason.partition(" ")[0] for reason in told(found).values()} == {"ZeroDivisionError"}
    assert told(ur.load_study(tmp_path, questions=[FeatureSums])) == told(found)
    assert found["feature_sums"].num_rows == 2 * (N - 1)


@pytest.mark.parametrize("executor", [Threads(1), Threads(2), Processes(2)], ids=str)
def test_every_executor_finds_the_inputs_that_fail(tmp_path: Path, executor: Executor) -> None:
    question = Odd(raising=(5,), hungry=(6,), size=4) if isinstance(executor, Processes) else Odd(raising=(5,), size=4)
    bad = {5, 6} if isinstance(executor, Processes) else {5}
    found = asked(question, 12, executor=executor, store=tmp_path)
    assert {row["input"]: row["value"] for row in found["odd"].to_pylist()} == {
        index: float(inputs(12)[index].sum()) for index in range(12) if index not in bad
    }
    assert {index for row in found["failures"].to_pylist() for index in row["inputs"]} == bad
    assert not found.complete


def test_inputs_that_kill_their_process_are_found_by_halves(tmp_path: Path) -> None:
    found = asked(Odd(deadly=(6, 9), raising=(3,), size=8), 12, executor=Processes(2), store=tmp_path)
    assert found["odd"]["input"].to_pylist() == [index for index in range(12) if index not in (3, 6, 9)]
    reasons = {index: row["reason"] for row in found["failures"].to_pylist() for index in row["inputs"]}
    assert reasons[6] == reasons[9] == DIED
    assert reasons[3].startswith("UnpicklableError")
    assert set(reasons) == {3, 6, 9}
    again = asked(Odd(deadly=(6, 9), raising=(3,), size=8), 12, executor=Processes(2), store=tmp_path)
    assert again["odd"].equals(found["odd"])
    assert ur.load_study(tmp_path, questions=[Odd])["odd"].equals(found["odd"])
