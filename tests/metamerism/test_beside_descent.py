"""The measurement of walks beside gradient descent: what it says of both, and what the page says of it."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks import metamers
from benchmarks.metamer_cases import quick_case
from benchmarks.metamer_peer import adam

ROOT = Path(__file__).parents[2]


def test_a_small_run_keeps_features_by_walks_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "metamers.json"
    metamers.main(["--quick", "--out", str(path)])
    rows = json.loads(path.read_text())["rows"]
    assert [row["layer"] for row in rows] == list(quick_case().layers)
    for row in rows:
        assert row["walk"]["feature error"] <= 1e-12
        assert row["walk"]["distance"] < row["distance of the original"]
        assert row["walk"]["class"] == row["classes"]["original"]
        assert row["descent"]["feature error"] > 1e-9  # float32 keeps no more
        assert row["descent"]["method"].startswith(("Adam", "plenoptic"))


def test_layers_that_were_asked_for_replace_themselves_only(tmp_path: Path) -> None:
    path = tmp_path / "metamers.json"
    for layer, mark in (("relu1", 1), ("relu3", 2), ("relu1", 3)):
        metamers.keep(path, quick_case(), layer, [{"part": "quick", "layer": layer, "mark": mark}])
    rows = json.loads(path.read_text())["rows"]
    assert {row["layer"]: row["mark"] for row in rows} == {"relu1": 3, "relu3": 2}
    assert len(rows) == 2


def test_adam_reaches_features_that_it_can_reach() -> None:
    model = nn.Linear(6, 1, bias=False)
    nn.init.constant_(model.weight, 0.5)
    model.requires_grad_(requires_grad=False)
    original, first = torch.full((1, 6), 0.25), torch.full((1, 6), 0.75)
    clock = itertools.chain((k / 60 for k in range(60)), itertools.repeat(1.0)).__next__
    x, method, steps = adam(model, original, first, clock)
    assert method == "Adam"
    assert steps > 0
    assert abs(float(model(x.detach()) - model(original))) < 1e-3
    assert abs(float(model(first) - model(original))) > 1


def test_what_takes_too_long_is_stopped() -> None:
    def late() -> None:
        with metamers.stopping(0.01):
            time.sleep(30)

    with pytest.raises(metamers.Late):
        late()


def test_the_page_says_what_was_measured() -> None:
    page = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8").splitlines()
    rows = json.loads((ROOT / "benchmarks" / "results" / "metamers.json").read_text())["rows"]
    layers = {(row["part"], row["layer"]): [] for row in rows}
    for row in rows:
        layers[row["part"], row["layer"]].append(row)
    told = [line for line in page if line.startswith(tuple(f"| {part} `" for part in metamers.PARTS))]
    assert told == [metamers.line(rows) for rows in layers.values()]
