"""The demo, whole, on few pictures and small networks; the full one runs in CI."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch

from once_a_run import once_a_run
from unrelu.demo.recipes import RECIPES, Recipe
from unrelu.demo.run import Demo, run_demo
from unrelu.demo.training import Training
from unrelu.polyhedra.domains import Box
from unrelu.progress import Lines
from unrelu.study.questions import Metamers, Uniqueness
from unrelu.study.saving import load_study
from unrelu.study.study import Study

_SMALL = (
    Recipe("wide", (900, 20), Training(batch_size=50, epochs=1), questions=(Uniqueness(Box(0, 1)),)),
    Recipe("narrow", (30, 20), Training(batch_size=50, epochs=2), questions=(Metamers(2),)),
)


@once_a_run
def small_demo(out: Path) -> tuple[Demo, str]:
    """What the demo made, and what it told meanwhile."""
    log = io.StringIO()
    shown = Lines(log, lambda: 0.0)
    made = run_demo(out, recipes=_SMALL, n_train=1000, n_held_out=20, n_spectra=2, progress=shown, workers=1)
    return made, log.getvalue()


@pytest.fixture(scope="module")
def made(shared_folder: Path) -> Demo:
    return small_demo(shared_folder / "demo")[0]


def test_the_report_and_the_results_are_there(made: Demo) -> None:
    folder = made.report.parent
    assert made.report.name == "report.html"
    text = made.report.read_text(encoding="utf-8")
    for recipe in _SMALL:
        assert recipe.name in text
        assert load_study(folder / recipe.name).info.name == recipe.name
    assert list(folder.glob("**/*.png"))


def test_every_held_out_picture_has_a_verdict_of_the_first_layer(made: Demo) -> None:
    for study in made.studies:
        assert study["verdicts"]["layer"].to_pylist() == ["relu1"] * 20
        assert study["verdicts"]["input"].to_pylist() == list(range(20))
        assert study.info.data_name.endswith("held-out part")


def _correct(study: Study) -> int:
    """How many classes are predicted as they were given."""
    rows = study["inputs"].to_pylist()
    return sum(row["label"] == row["predicted"] for row in rows)


def test_studies_and_training_see_the_same_pictures_and_labels(made: Demo) -> None:
    for study, trained in zip(made.studies, made.trained, strict=True):
        assert _correct(study) == round(20 * (trained.epochs[-1].held_out_accuracy or 0))


def test_pictures_are_asked_for_the_only_valid_one_where_the_recipe_says_so(made: Demo) -> None:
    wide, narrow = made.studies
    assert wide["uniqueness"]["input"].to_pylist() == list(range(20))
    assert None not in wide["uniqueness"]["unique"].to_pylist()
    assert all(wide["uniqueness"]["proved"].to_pylist())
    assert wide.question("uniqueness").about["domain"] == "0 ≤ x ≤ 1"
    assert "uniqueness" not in narrow.tables


def test_counting_decides_the_narrow_layer(made: Demo) -> None:
    # 30 equations and inequalities cannot bound 784 pixels (Corollary 6).
    assert set(made.studies[1]["verdicts"]["kind"].to_pylist()) == {"unbounded"}
    assert all(made.studies[1]["verdicts"]["proved"].to_pylist())


def test_spectra_are_of_all_layers_and_metamers_are_pictures_with_the_same_features(made: Demo) -> None:
    narrow = made.studies[1]
    assert set(narrow["spectra"]["layer"].to_pylist()) == {"relu1", "relu2"}
    assert set(narrow["spectra"]["input"].to_pylist()) == {0, 1}
    assert "metamers" not in made.studies[0].tables
    assert narrow["metamers"].num_rows == 2 * 3
    net = made.trained[1].module
    features = net[:4]  # type: ignore[index]
    for row in narrow["metamers"].to_pylist():
        original, metamer = (
            torch.tensor(row[key]).reshape(1, 28, 28).double() for key in ("original_values", "metamer_values")
        )
        assert float(metamer.min()) >= 0
        assert float(metamer.max()) <= 1
        with torch.no_grad():
            difference = features.double()(metamer) - features.double()(original)
        assert float(difference.abs().max()) < 1e-6
        assert row["distance"] < row["distance_before"]
        assert row["original_label"] != row["target_label"]


def test_every_stage_is_told(shared_folder: Path) -> None:
    lines = small_demo(shared_folder / "demo")[1].splitlines()
    assert lines[0] == "reading 5,000 MNIST pictures: 1 of 1, 0.0 s"
    assert "training wide (1 of 2): 20 of 20, 0.0 s" in lines
    assert "training narrow (2 of 2): 40 of 40, 0.0 s" in lines
    for what in ("predictions", "verdicts", "uniqueness", "spectra", "bounds of row removal", "metamers"):
        assert any(line.startswith(what) for line in lines)
    assert lines[-1] == "writing the report: 1 of 1, 0.0 s"


def test_the_recipes_are_those_of_the_papers_networks() -> None:
    assert [recipe.hidden for recipe in RECIPES] == [(3500, 784), (3500, 784), (100,) * 10]
    assert len({recipe.name for recipe in RECIPES}) == 3
    slow, fast, deep = (recipe.training for recipe in RECIPES)
    assert (slow.learning_rate, slow.batch_size, slow.epochs) == (1e-3, 100, 3)
    assert (fast.learning_rate, fast.batch_size, fast.epochs) == (2e-3, 1000, 5)
    assert deep.epochs > 0
    asked = [[question.name for question in recipe.questions] for recipe in RECIPES]
    assert asked == [["uniqueness"], ["uniqueness"], ["uniqueness", "ranges", "metamers"]]
