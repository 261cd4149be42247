"""A question in one file goes everywhere that unrelu's own go; what fails is told, and nothing else is lost."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import unrelu as ur
from small_studies import N, dense_network, pictures
from study import own_question
from study.own_question import FeatureSums
from unrelu.errors import InputError
from unrelu.progress import Lines
from unrelu.questions import Question, Uniqueness, Verdicts
from unrelu.study.analyze import analyze
from unrelu.study.saving import load_study


@pytest.fixture(autouse=True)
def _sound() -> Iterator[None]:
    own_question.BROKEN.clear()
    own_question.ANSWERED.clear()
    yield
    own_question.BROKEN.clear()


def ask(*questions: Question, **more: Any):
    """Of the dense network at all pictures, in this thread."""
    return analyze(dense_network(), pictures()[0], questions=questions, **{"progress": False, "workers": 1, **more})


def norms(p: float) -> dict[tuple[str, int], float]:
    """What the question should say."""
    values = {name: np.asarray(dense_network().upto(name)(pictures()[0])) for name in ("relu1", "relu2")}
    return {(name, k): float((found[k] ** p).sum() ** (1 / p)) for name, found in values.items() for k in range(N)}


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_its_table_is_what_it_says(p: float) -> None:
    study = ask(FeatureSums(p))
    expected = norms(p)
    rows = study["feature_sums"].to_pylist()
    assert [(row["layer"], row["input"]) for row in rows] == list(expected)
    np.testing.assert_allclose([row["norm"] for row in rows], list(expected.values()), rtol=1e-12)
    assert study.complete
    assert study.tables == ("layers", "inputs", "feature_sums", "failures")
    assert study.question("feature_sums").about == {"p": str(p), "at_once": "4", "refused": "()"}


def test_it_has_columns_in_the_layer_table_and_words_in_the_summary() -> None:
    study = ask(FeatureSums(), Verdicts(layers=["relu1"]))
    for row in study.layers.to_pylist():
        largest = max(value for (name, _), value in norms(1).items() if name == row["layer"])
        assert row["norm_largest"] == pytest.approx(largest)
        assert row["feature_sums_left_out"] is None
        assert f"norms up to {largest:.3g}" in str(study)
    field = study.layers.schema.field("norm_largest")
    assert (field.metadata or {})[b"description"] == b"the largest norm; null if none"


def test_it_is_kept_and_read_back(tmp_path: Path) -> None:
    study = ask(FeatureSums(2.0), store=tmp_path)
    assert len(own_question.ANSWERED) == 12
    known = load_study(tmp_path, questions=[FeatureSums])
    assert known["feature_sums"].equals(study["feature_sums"])
    assert known.layers.equals(study.layers)
    assert str(known) == str(study)
    again = ask(FeatureSums(2.0), store=tmp_path)
    assert len(own_question.ANSWERED) == 12
    assert again.accounts["feature_sums"].found == 12
    assert again["feature_sums"].equals(study["feature_sums"])
    study.save(tmp_path / "copy")
    assert load_study(tmp_path / "copy", questions=[FeatureSums])["feature_sums"].equals(study["feature_sums"])


def test_without_its_class_the_rest_of_the_study_is_read(tmp_path: Path) -> None:
    study = ask(FeatureSums(), Verdicts(), store=tmp_path)
    found = load_study(tmp_path)
    assert found["verdicts"].equals(study["verdicts"])
    assert "feature_sums" not in found.tables
    assert found.question("feature_sums") == study.question("feature_sums")
    assert "norm_largest" not in found.layers.column_names


@pytest.mark.parametrize("executor", [ur.executors.Threads(1), ur.executors.Threads(3), ur.executors.Processes(2)])
def test_it_is_answered_anywhere(executor: Any) -> None:
    study = ask(FeatureSums(2.0), executor=executor)
    assert study["feature_sums"].equals(ask(FeatureSums(2.0))["feature_sums"])
    assert study.accounts["feature_sums"].computed == 12


def test_its_title_is_told_while_it_is_answered() -> None:
    log = io.StringIO()
    ask(FeatureSums(), progress=Lines(log, lambda: 0.0))
    assert any(line.startswith("sums of features: 12 of 12") for line in log.getvalue().splitlines())


# -- what fails --------------------------------------------------------------------------------------


def test_an_input_that_cannot_be_asked_about_takes_no_other_along(tmp_path: Path) -> None:
    refused = (3, 4, 5, 6, 7, 23)
    study = ask(FeatureSums(refused=refused), store=tmp_path)
    rows = study["feature_sums"].to_pylist()
    assert [row["input"] for row in rows] == [index for index in range(N) if index not in refused] * 2
    failures = study["failures"].to_pylist()
    assert {(each["question"], each["layer"], *each["inputs"], each["reason"]) for each in failures} == {
        ("feature_sums", layer, index, f"input {index} is not to be asked about.")
        for layer in ("relu1", "relu2")
        for index in refused
    }
    assert all(each["n_inputs"] == 1 for each in failures)
    assert study.complete  # a lasting reason is an answer
    assert "12 reasons why inputs have no rows" in str(study)
    answered = len(own_question.ANSWERED)
    again = ask(FeatureSums(refused=refused), store=tmp_path)
    assert len(own_question.ANSWERED) == answered
    assert again["failures"].equals(load_study(tmp_path, questions=[FeatureSums])["failures"])
    assert again["failures"].equals(study["failures"])


def test_a_layer_all_of_whose_inputs_fail_says_why() -> None:
    study = ask(FeatureSums(refused=tuple(range(N))))
    assert study["feature_sums"].num_rows == 0
    for reason in study.layers["feature_sums_left_out"].to_pylist():
        assert reason == "input 0 is not to be asked about."


@pytest.mark.parametrize("executor", [None, ur.executors.Threads(2)])
def test_a_bug_is_told_and_its_task_is_tried_again(tmp_path: Path, executor: Any) -> None:
    own_question.BROKEN.add(5)
    study = ask(FeatureSums(), Verdicts(), store=tmp_path, executor=executor)
    assert sorted(row["input"] for row in study["feature_sums"].to_pylist()) == sorted([*range(5), *range(6, N)] * 2)
    assert study["verdicts"].num_rows == 2 * N
    assert {(each["layer"], each["reason"].partition(" (")[0]) for each in study["failures"].to_pylist()} == {
        (layer, "RuntimeError: a bug") for layer in ("relu1", "relu2")
    }
    assert study["failures"]["inputs"].to_pylist() == [[5]] * 2
    account = study.accounts["feature_sums"]
    assert (account.n_tasks, account.computed, account.open, len(account.unfinished)) == (12, 10, 2, 2)
    assert not study.complete
    assert study.stopped == ""
    assert "feature_sums: 2 of 12 tasks are open" in str(study)
    assert load_study(tmp_path, questions=[FeatureSums])["failures"].equals(study["failures"])
    own_question.BROKEN.clear()
    own_question.ANSWERED.clear()
    repaired = ask(FeatureSums(), Verdicts(), store=tmp_path, executor=executor)
    assert sorted(own_question.ANSWERED) == [(4, 5, 6, 7)] * 2 + [(5,)] * 2
    assert (repaired.accounts["feature_sums"].found, repaired.accounts["feature_sums"].computed) == (10, 2)
    assert repaired.complete
    assert repaired["failures"].num_rows == 0
    assert repaired["feature_sums"].equals(ask(FeatureSums())["feature_sums"])


def test_rows_that_do_not_fit_the_schema_are_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    from unrelu.study.answer import Answer

    for row in ({"layer": "relu1", "input": 0}, {"layer": 3, "input": 0, "norm": 1.0}, 7):
        monkeypatch.setattr(FeatureSums, "answer", lambda *_, row=row: Answer([row]))  # pyright: ignore[reportArgumentType]
        study = ask(FeatureSums())
        assert study["feature_sums"].num_rows == 0
        assert len(study.accounts["feature_sums"].unfinished) == 12


# -- what is refused ---------------------------------------------------------------------------------


def test_a_setting_of_which_no_name_is_known_is_refused() -> None:
    for setting in (range(2), {1, 2}, iter([1]), np.array(["a"]), object()):
        with pytest.raises(InputError, match=r"refused of FeatureSums is a .*; give numbers, texts, domains, or lists"):
            ask(FeatureSums(refused=setting))  # pyright: ignore[reportArgumentType]


def test_what_a_question_refuses_is_refused_before_anything_is_kept(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"p must be 1 or more, not 0\.5"):
        ask(Verdicts(), FeatureSums(0.5), store=tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="'feature_sums' is asked twice"):
        ask(FeatureSums(1.0), FeatureSums(2.0))
    with pytest.raises(InputError, match="'uniqueness' is asked twice"):
        ask(Uniqueness(), Verdicts(), Uniqueness(ur.Box(0, 2)))


TAKEN = ["layers", "failures", "studies", "networks", "damaged"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "Feature sums", "a-files", "1st", 3, *TAKEN])
def test_a_name_that_cannot_be_a_folder_and_a_table_is_refused(name: object) -> None:
    with pytest.raises(InputError, match="cannot be the name of a question"):
        type("Own", (FeatureSums,), {"name": name})
