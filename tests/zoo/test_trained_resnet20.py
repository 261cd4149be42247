"""The trained ResNet-20 comes in as it is, and the page about it says what the results say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

import unrelu as ur
from benchmarks.resnet20 import WEIGHTS, trained_resnet20

ROOT = Path(__file__).parents[2]


def test_it_comes_in_and_its_cuts_are_the_ends_of_blocks() -> None:
    module = trained_resnet20()
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    network = ur.Network.from_torch(module, x)
    assert len(network.layers) == 19
    cuts = [name for name in network.layers if name in network.cuts]
    assert cuts == ["relu", *(f"blocks.{k}.relu2" for k in range(9))]
    expected = module.double()(x.double()).detach()
    np.testing.assert_allclose(network(x.double()), expected, rtol=0, atol=1e-12 * float(expected.abs().max()))
    assert WEIGHTS.stat().st_size < 1_000_000


def test_the_page_says_what_was_measured() -> None:
    page = (ROOT / "docs" / "resnet20.md").read_text(encoding="utf-8")
    results = ROOT / "benchmarks" / "results"
    trained = json.loads((results / "resnet20.json").read_text())
    walk = json.loads((results / "resnet20_walk.json").read_text())
    assert f"{100 * trained['test accuracy, float16 weights']:.2f} %" in page
    assert trained["test accuracy, float16 weights"] >= 0.85
    assert f"({trained['bytes of the weights']:,} bytes" in page
    assert trained["bytes of the weights"] == WEIGHTS.stat().st_size
    assert "determines all 20" in page
    assert walk["pictures that the first cut determines, proved, of 20"] == 20
    rows = {row["cut"]: row for row in walk["cuts"]}
    lines = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    assert len(lines) == 5
    for line in lines:
        name, features, median, fewest, fewer, *ends = (cell.strip().strip("`") for cell in line)
        row = rows[name]
        assert int(features) == row["features"]
        assert float(median) == row["active, median"]
        assert int(fewest) == row["active, least"]
        assert fewer == f"{row['pictures with fewer active than pixels']:,} of 1,000"
        shown = [row[key] for key in ("largest singular value", "3072nd") if key in row]
        for cell, value in zip(filter(None, ends), shown, strict=True):
            assert float(cell) == float(f"{value:.3g}") or float(cell) == float(f"{value:.2g}")
    for name, ratio in (("relu", 68), ("blocks.2.relu2", 1700), ("blocks.5.relu2", 48000)):
        assert abs(rows[name]["largest singular value"] / rows[name]["3072nd"] / ratio - 1) < 0.02
    assert rows["blocks.8.relu2"]["singular values above 0"] == 1975
