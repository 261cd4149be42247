"""What is left undecided says why, in the tables of a study and in its report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from unrelu.cones.cone import Cone
from unrelu.cones.decision import ConeDecision, still_open
from unrelu.preimages import layer_decision

WHY = "rounding <keeps> this cone open"


def test_reasons_stand_in_tables_and_report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def open_cones(_: object, cones: list[Cone]) -> list[ConeDecision]:
        return [still_open(WHY) for _ in cones]

    monkeypatch.setattr(layer_decision, "decide_cone", lambda _: still_open(WHY))
    monkeypatch.setattr(layer_decision, "decide_cones", open_cones)
    monkeypatch.setattr(layer_decision, "by_structure", lambda _: None)
    torch.manual_seed(0)
    network = ur.Network.from_torch(nn.Sequential(nn.Linear(4, 9), nn.ReLU()).eval(), torch.zeros(1, 4))
    inputs = np.random.default_rng(0).random((3, 4))
    assert WHY in repr(ur.classify(network.layer(network.layers[0]), inputs, progress=False))
    study = ur.analyze(network, inputs, progress=False)
    assert study["verdicts"]["reason"].to_pylist() == [WHY] * 3
    assert study.layers["undecided_reason"].to_pylist() == [WHY]
    study.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "stayed undecided (most often: " in page
    assert "rounding &lt;keeps&gt; this cone open" in page
    study.save(tmp_path / "study")
    assert ur.load_study(tmp_path / "study")["verdicts"]["reason"].to_pylist() == [WHY] * 3


def test_what_is_decided_has_no_reason() -> None:
    network = ur.Network.from_layers([(np.eye(3), np.zeros(3)), (np.eye(3), np.zeros(3))])
    study = ur.analyze(network, np.ones((2, 3)), progress=False)
    assert set(study["verdicts"]["reason"].to_pylist()) == {None}
    assert set(study.layers["undecided_reason"].to_pylist()) == {None}
