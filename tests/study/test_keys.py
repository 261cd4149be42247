"""Names of runs and tasks: whatever can change a row changes them, and nothing else does."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from small_studies import dense_network, joined_network, pictures
from study.own_question import FeatureSums
from unrelu.network.arrays import unit_roundoff
from unrelu.network.fingerprints import settings_of, weights_sha256
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Box, Domain, Intersection, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.study.asked import Asked
from unrelu.study.inputs.samples import Samples
from unrelu.study.keys import run_key, study_key, task_key
from unrelu.study.material import Material
from unrelu.study.question import Question
from unrelu.study.questions import (
    QUESTIONS,
    Metamers,
    Predictions,
    Ranges,
    RowRemoval,
    Solutions,
    Spectra,
    Uniqueness,
    Verdicts,
)
from unrelu.study.task import Task

D = 16
OTHER = Box(0, np.nextafter(1.0, 2.0))

PLAIN: tuple[Question, ...] = (
    Predictions(),
    Verdicts(),
    Uniqueness(Box(0, 1)),
    Ranges(3, Box(0, 1)),
    Spectra(2),
    RowRemoval(2),
    Metamers(2),
    Solutions(Box(0, 1)),
    FeatureSums(),
)

CHANGES: dict[type[Question], dict[str, list[object]]] = {
    Predictions: {},
    Verdicts: {"layers": [[], ["relu1"], ["relu1", "relu2"]], "verify": [False], "certificates": [True]},
    Uniqueness: {"domain": [OTHER, Nonnegative()], "verify": [False]},
    Ranges: {"n": [2], "domain": [OTHER, None]},
    Spectra: {"n": [3], "layers": [["relu1"], ["relu2"]]},
    RowRemoval: {"n": [3], "layers": [["relu1"], ["relu2"]]},
    Metamers: {
        "n": [3],
        "layer": ["relu1", "relu2"],
        "domain": [OTHER, None],
        "norms": [(2,), (1, 2), (2, 1, math.inf)],
        "search": ["walk"],
        "seed": [1],
    },
    Solutions: {"domain": [OTHER], "n": [1], "resolution": [1e-9, 0.0], "time_limit": [61.0, math.inf]},
    FeatureSums: {"p": [2.0, np.nextafter(1.0, 2.0)], "at_once": [5], "refused": [(1,), (2,), (1, 2)]},
}
"""Other settings, of every field of every question; a new field needs a line."""


def test_every_field_of_every_question_has_a_line() -> None:
    assert {type(each) for each in PLAIN} == set(CHANGES) >= set(QUESTIONS)
    for kind, changes in CHANGES.items():
        assert set(changes) == {field.name for field in fields(kind)}  # pyright: ignore[reportArgumentType]


def test_every_setting_counts() -> None:
    known: dict[str, Any] = {}
    for question in PLAIN:
        for asked in (question, *_changed(question)):
            digest = asked.settings_sha256(D)
            assert digest not in known, (asked, known.get(digest))
            known[digest] = asked
    assert len(known) > 40


def _changed(question: Question) -> list[Question]:
    changes = CHANGES[type(question)]
    return [replace(question, **{name: value}) for name, values in changes.items() for value in values]  # pyright: ignore[reportArgumentType]


def test_settings_that_mean_the_same_have_one_name() -> None:
    for one, two in (
        (Verdicts(layers=["relu1"]), Verdicts(layers=("relu1",))),
        (Metamers(2, norms=[1, 2, math.inf]), Metamers(2)),
        (Uniqueness(Box(0, 1)), Uniqueness(Box(np.zeros(D), np.ones(D, np.float32)))),
        (Uniqueness(Box(0, 1)), Uniqueness(Polyhedron(lower=np.zeros(D), upper=np.ones(D)))),
        (Uniqueness(Box(0, None)), Uniqueness(Nonnegative())),
        (Uniqueness(Box(0, 1)), Uniqueness(Intersection(Box(-1, 1), Nonnegative()))),
    ):
        assert one.settings_sha256(D) == two.settings_sha256(D)


def test_the_version_and_the_class_count() -> None:
    @dataclass(frozen=True)
    class Raised(Verdicts):
        version = 2

    @dataclass(frozen=True)
    class Other(Verdicts):
        pass

    digests = {kind().settings_sha256(D) for kind in (Verdicts, Raised, Other)}
    assert len(digests) == 3


ROWS = {"A_ub": np.eye(2, D), "b_ub": np.ones(2), "A_eq": np.eye(1, D, 5), "b_eq": np.zeros(1)}


@pytest.mark.parametrize(
    "change",
    [
        {"A_ub": -np.eye(2, D)},
        {"b_ub": np.array([1.0, np.nextafter(1.0, 2.0)])},
        {"A_eq": np.eye(1, D, 6)},
        {"b_eq": np.full(1, 5e-324)},
        {"lower": np.r_[-math.inf, np.full(D - 1, -1.0)]},
        {"upper": np.r_[np.ones(D - 1), np.nextafter(1.0, 2.0)]},
        {"origin": np.eye(1, D)[0]},
        {"ub_error": np.array([0.0, 5e-324])},
        {"eq_error": np.array([5e-324])},
    ],
)
def test_every_number_of_a_domain_counts(change: dict[str, np.ndarray]) -> None:
    plain = {**ROWS, "lower": np.full(D, -1.0), "upper": np.ones(D)}
    one: Domain = Polyhedron(**plain)
    two: Domain = Polyhedron(**{**plain, **change})
    assert Uniqueness(one).settings_sha256(D) != Uniqueness(two).settings_sha256(D)
    assert Uniqueness(one).settings_sha256(D) == Uniqueness(Polyhedron(**plain)).settings_sha256(D)


@pytest.mark.parametrize(
    "values",
    [
        [None, False, 0, 0.0, -0.0, "", "0", [], [None], [[]], [0], ["0"]],
        [True, 1, 1.0, "1", [1], [1.0], [True], np.ones(1), np.ones((1, 1)), [[1]]],
        [math.inf, -math.inf, "inf", 5e-324, 1e308],
        [np.zeros(2), np.zeros((2, 1)), np.zeros(3), np.array([0.0, -0.0]), np.array([0.0, 5e-324])],
        [Box(0, 1), Box(0, 2), Nonnegative(), "Box(0, 1)"],
        [["ab"], ["a", "b"], "ab", ["ab", ""]],
    ],
)
def test_values_that_differ_are_written_differently(values: list[object]) -> None:
    import json

    written = [json.dumps(settings_of(value, 2), sort_keys=True) for value in values]
    assert len(set(written)) == len(values)


def test_numbers_of_numpy_are_numbers() -> None:
    for one, two in ((np.int64(3), 3), (np.float64(0.1), 0.1), (np.bool_(True), True), (np.str_("a"), "a")):
        assert settings_of(one, 2) == settings_of(two, 2)


# -- networks, data, labels, dtypes ------------------------------------------------------------------


def material(**changes: Any) -> Material:
    x, y = pictures()
    samples = Samples.of(changes.pop("x", x))
    return replace(Material(dense_network(), samples, y, unit_roundoff(x)), **changes)


def torch_module() -> nn.Sequential:
    return nn.Sequential(nn.Linear(D, 3), nn.ReLU(), nn.Linear(3, 2)).eval()


def test_whatever_it_is_about_counts() -> None:
    x, y = pictures()
    near, other = x.copy(), y.copy()
    near[5, 3] = np.nextafter(near[5, 3], 2)
    other[5] += 1
    module = torch_module()
    read = Network.from_torch(module, torch.zeros(1, D))
    wider = Network.from_torch(module.double(), torch.zeros(1, D, dtype=torch.float64))
    assert weights_sha256(read) == weights_sha256(
        wider
    )  # the same numbers, but another forward pass of the model's own
    every = [
        material(),
        material(x=near),
        material(x=x[::-1]),
        material(x=x[:-1], labels=y[:-1]),
        material(labels=other),
        material(labels=None),
        material(unit=2.0**-24),
        material(net=joined_network()),
        material(net=read),
        material(net=replace(read, source=None)),
        material(net=wider),
    ]
    task = Task((4, 5), "relu1")
    assert Predictions.reads_labels
    assert not Verdicts.reads_labels
    assert _first([run_key(Predictions(), each) for each in every]) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert _first([run_key(Verdicts(), each) for each in every]) == [0, 1, 2, 3, 0, 0, 6, 7, 8, 9, 10]
    # The last input is not of this task.
    tasks = {labels: [task_key("settings", each, task, labels=labels) for each in every] for labels in (True, False)}
    assert _first(tasks[True]) == [0, 1, 2, 0, 4, 5, 6, 7, 8, 9, 10]
    assert _first(tasks[False]) == [0, 1, 2, 0, 0, 0, 6, 7, 8, 9, 10]


def _first(names: list[str]) -> list[int]:
    """For each, the place of the first that is the same."""
    return [names.index(each) for each in names]


def test_a_tasks_own_words_and_boundaries_count() -> None:
    plain = Task((4, 5), "relu1", (("norm", 2.0), ("pair", 1)))
    every = [
        plain,
        replace(plain, inputs=(4,)),
        replace(plain, inputs=(5, 4)),
        replace(plain, inputs=(4, 6)),
        replace(plain, layer="relu2"),
        replace(plain, layer=""),
        replace(plain, settings=(("norm", math.inf), ("pair", 1))),
        replace(plain, settings=(("norm", 2.0), ("pair", 2))),
        replace(plain, settings=(("norm", 2.0),)),
        replace(plain, divisible=False),
    ]
    keys = [task_key("settings", material(), each, labels=True) for each in every]
    assert len({*keys, task_key("others", material(), plain, labels=True)}) == len(every) + 1
    assert task_key("settings", material(), replace(plain, cost=3.0), labels=True) == keys[0]


def test_what_computes_the_same_has_one_name() -> None:
    x, y = pictures()
    assert run_key(Verdicts(), material()) == run_key(Verdicts(), material(x=np.asfortranarray(x), labels=y.copy()))
    module = torch_module()
    one, two = (Network.from_torch(module, torch.zeros(n, D)) for n in (1, 2))
    assert run_key(Verdicts(), material(net=one)) == run_key(Verdicts(), material(net=two))


def test_a_study_is_named_by_its_questions_in_order() -> None:
    from small_studies import dense_study

    info = dense_study().info
    a, b = Asked("verdicts", "1" * 24), Asked("spectra", "2" * 24)
    every = [[a, b], [b, a], [a], [], [replace(a, run="3" * 24), b]]
    assert len({study_key(info, asked) for asked in every}) == len(every)
    assert study_key(info, [replace(a, n_tasks=3, about={"a": "b"}), b]) == study_key(info, [a, b])
    assert study_key(replace(info, created="later", name="other"), [a, b]) == study_key(info, [a, b])
    assert study_key(replace(info, data_sha256="0" * 64), [a, b]) != study_key(info, [a, b])
    assert study_key(replace(info, weights_sha256="0" * 64), [a, b]) != study_key(info, [a, b])
