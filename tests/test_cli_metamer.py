"""The command that makes metamers layer by layer, on real files and once as a real process."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import unrelu as ur
from page_reader import Element, read
from small_studies import dense_network, pictures
from unrelu.cli import app

_SOURCES = Path(__file__).parents[1] / "src"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "metamers.csv").open(encoding="utf-8", newline="") as stream:
        return {row["layer"]: row for row in csv.DictReader(stream)}


def _said(result: Result) -> dict[str, str]:
    """What was printed of each layer."""
    lines = [line for line in result.stdout.splitlines() if not line.startswith("The page is ")]
    return dict(line.split(": ", 1) for line in lines)


def _page(folder: Path) -> Element:
    return read((folder / "metamers.html").read_text(encoding="utf-8"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A dense network, 16 to 10 through two ReLUs, and real digits of 4 x 4."""
    dense_network().save(tmp_path / "net.unrelu")
    np.savez(tmp_path / "x.npz", x=pictures()[0], y=pictures()[1])
    return tmp_path


def _asked(folder: Path, *options: object, model: str = "net.unrelu") -> Result:
    return _run("metamer", folder / model, folder / "x.npz", "--quiet", "--out", folder / "out", *options)


def test_the_same_pair_through_all_layers_is_told_and_written(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--target", 1, "--picture-shape", "4x4")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    out, net = folder / "out", ur.load(folder / "net.unrelu")
    assert result.stdout.splitlines()[-1] == f"The page is {out / 'metamers.html'}"
    x, t = pictures()[0][:2]
    said, rows = _said(result), _rows(out)
    last = net.outputs[0]
    assert list(said) == list(rows) == ["relu1", "relu2", last]
    with np.load(out / "metamers.npz") as arrays:
        assert list(arrays) == ["original", "target", *(f"metamer-{name}" for name in rows)]
        assert np.array_equal(arrays["original"], x)
        assert np.array_equal(arrays["target"], t)
        before = float(np.abs(x - t).sum())
        for name, row in rows.items():
            found = arrays[row["array"]]
            assert found.dtype == np.float64
            assert found.min() >= 0
            assert found.max() <= 1
            features = np.asarray(net.upto(name)(np.stack([x, found]))).reshape(2, -1)
            size = np.abs(features[0]).max()
            error = float(np.abs(features[0] - features[1]).max())
            assert error <= 1e-12 * size
            assert float(row["feature error"]) == error  # to the last bit
            assert float(row["distance"]) == float(np.abs(found - t).sum())
            assert float(row["distance before"]) == before
            assert float(row["part of way"]) == pytest.approx(1 - float(row["distance"]) / before)
            line = said[name]
            assert line.startswith(f"{float(row['distance']):.6g} from the target (the original: {before:.6g}, ")
            shown = float(line.split("features kept to ")[1].split(" of the largest")[0])
            assert error / size <= shown <= 1.1 * error / size  # rounded up
    assert said["relu1"].endswith(", proved")
    assert rows["relu1"]["search"] == "layer"
    assert rows[last]["search"] == "walk"
    assert said[last].endswith("no step from there leads nearer, not proved elsewhere")
    assert float(rows[last]["distance"]) < float(rows["relu1"]["bound"])  # so deeper is more, proved
    findings = [each.text for each in _page(out).all("li")]
    assert any(
        each.startswith("Nothing with the features of relu1 is so near to the target, proved") for each in findings
    )


def test_pictures_are_the_arrays_rounded_to_8_bits(folder: Path) -> None:
    assert _asked(folder, "--index", 2, "--target", 3, "--picture-shape", "4x4", "--norm", 2).exit_code == 0
    out = folder / "out"
    with np.load(out / "metamers.npz") as arrays:
        assert sorted(path.stem for path in out.glob("*.png")) == sorted(arrays)
        for name, values in arrays.items():
            with Image.open(out / f"{name}.png") as picture:
                assert np.array_equal(np.asarray(picture).reshape(-1), np.round(255 * values).astype(np.uint8)), name
    page = _page(out)
    shown = page.all("img")
    assert len(shown) == 2 + 3 + 3 + 1  # original, target, metamers; metamers and target less the original
    assert all(each.attributes["src"].startswith("data:image/png;base64,") for each in shown)
    assert "rounding alone moves the features" in page.text.replace("\n", " ")
    assert {path.name for path in (out / "figures").iterdir()} == {"pictures.png", "distances.png"}


def test_inputs_that_are_no_pictures_are_drawn_over_their_coordinates(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu2", "--layer", "relu1", "--layer", "relu2")
    assert result.exit_code == 0, result.output
    assert list(_said(result)) == ["relu1", "relu2"]  # in their order, once
    assert list((folder / "out").glob("*.png")) == []
    assert {path.name for path in (folder / "out" / "figures").iterdir()} == {"values.png", "distances.png"}
    assert _page(folder / "out").all("img") == []
    assert [row["picture"] for row in _rows(folder / "out").values()] == ["", ""]


def test_the_farthest_needs_no_target(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--farthest", "--norm", "inf")
    assert result.exit_code == 0, result.output
    rows = _rows(folder / "out")
    x = pictures()[0][0]
    with np.load(folder / "out" / "metamers.npz") as arrays:
        for name, row in rows.items():
            assert float(row["distance"]) == np.abs(arrays[f"metamer-{name}"] - x).max() > 0
            assert (row["part of way"], row["objective"], row["norm"]) == ("", "farthest", "inf")
    assert "of the way" not in result.stdout
    assert "none is farther than " in _said(result)["relu1"]


def test_far_away_without_an_end_is_a_refusal_of_the_layer_where_it_begins(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--farthest", "--norm", "inf", "--box", "-inf", "inf")
    assert result.exit_code in (1, 2)
    assert "arbitrarily far away, so there is no farthest" in result.output.replace("\n", " ")
