"""The command that makes metamers layer by layer, on real files and once as a real process."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from typer.testing import CliRunner, Result

import unrelu as ur
from page_reader import Element, read
from small_studies import branched_network, dense_network, joined_network, pictures
from unrelu.cli import app
from unrelu.network.node import Node
from unrelu.operators import Softmax

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
    radius = rows[last]["exact within"]
    reach = float(rows[last]["distance"]) + 4 * float(radius or "inf")  # L1 of a ball of 16 coordinates
    forgets = f": here {last} forgets what relu1 keeps" if reach < float(rows["relu1"]["bound"]) else ""
    beyond = f"Nothing with exactly the features of relu1 is as near to the target as the metamer of {last}, proved"
    assert f"{beyond}{forgets}." in findings


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
    assert {path.name for path in (out / "figures").iterdir()} == {"metamers-pictures.png", "metamers-distances.png"}


def test_inputs_that_are_no_pictures_are_drawn_over_their_coordinates(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu2", "--layer", "relu1", "--layer", "relu2")
    assert result.exit_code == 0, result.output
    assert list(_said(result)) == ["relu1", "relu2"]  # in their order, once
    assert list((folder / "out").glob("*.png")) == []
    assert {path.name for path in (folder / "out" / "figures").iterdir()} == {
        "metamers-values.png",
        "metamers-distances.png",
    }
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


def test_far_away_without_an_end_is_refused_from_the_layer_on_where_it_begins(tmp_path: Path) -> None:
    """relu1 sees all of x, relu2 only x0 + x1: x0 - x1 may be anything."""
    eye, zeros = np.eye(2), np.zeros(2)
    layers = [(np.vstack([eye, -eye]), np.zeros(4)), (np.array([[1.0, 1, -1, -1]] * 2), zeros), (eye, zeros)]
    ur.Network.from_layers(layers).save(tmp_path / "net.unrelu")
    np.savez(tmp_path / "x.npz", x=np.array([[0.5, 0.25], [1.0, 2.0]]))
    asked = ("--index", 0, "--farthest", "--norm", "inf", "--search", "region", "--box", "-inf", "inf")
    result = _asked(tmp_path, *asked)
    assert result.exit_code == 1
    said = _said(result)
    assert "; the only allowed input with these features, proved" in said["relu1"]
    assert said["relu1"].startswith("stays the original, 0 from the original; ")
    _refused(_asked(tmp_path, *asked, "--layer", "relu2"), "arbitrarily far away, so there is no farthest", "domain")


def test_the_only_input_with_its_features_is_told(folder: Path) -> None:
    eye = np.vstack([np.eye(16), -np.eye(16)])
    ur.Network.from_layers([(eye, np.zeros(32)), (np.ones((2, 32)), np.zeros(2))]).save(folder / "net.unrelu")
    result = _asked(folder, "--index", 0, "--target", 1, "--box", "-inf", "inf")
    assert result.exit_code == 0, result.output
    said, rows = _said(result), _rows(folder / "out")
    assert said["relu1"].startswith("stays the original, ")
    assert ", 0 % of the way); features kept to 0 of the largest" in said["relu1"]
    assert said["relu1"].endswith("; the only allowed input with these features, proved")
    assert {name: row["unique"] for name, row in rows.items()} == {"relu1": "yes", "dense2": "no"}
    assert "of all inputs that are allowed, only the original has its features, proved" in _page(folder / "out").text


def test_values_outside_of_the_mask_and_the_domain_stay(folder: Path) -> None:
    mask = np.zeros((4, 4), dtype=bool)
    mask[1:3] = True
    np.save(folder / "mask.npy", mask.reshape(16))
    x = pictures()[0]
    lower, upper = x.min(axis=0), x.max(axis=0)
    (folder / "ranges.csv").write_text(
        "".join(f"{a!r},{b!r}\n" for a, b in zip(lower.tolist(), upper.tolist(), strict=True))
    )
    result = _asked(
        folder, "--index", 4, "--target", 5, "--mask", folder / "mask.npy", "--domain", folder / "ranges.csv"
    )
    assert result.exit_code == 0, result.output
    with np.load(folder / "out" / "metamers.npz") as arrays:
        for name in _rows(folder / "out"):
            found = arrays[f"metamer-{name}"]
            assert np.array_equal(found[~mask.reshape(16)], x[4][~mask.reshape(16)]), name
            assert ((found >= lower) & (found <= upper)).all(), name
    facts = _page(folder / "out").all("dl")[-1].text
    assert "8 of 16 values" in facts


def test_a_tolerance_lets_features_differ_and_says_by_how_much(folder: Path) -> None:
    exact = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu1")
    loose = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu1", "--tolerance", 0.5)
    assert exact.exit_code == loose.exit_code == 0
    row = _rows(folder / "out")["relu1"]
    assert 0.1 < float(row["feature error"]) <= 0.5 * (1 + 1e-9)
    assert row["tolerance"] == "0.5"
    assert float(row["distance"]) < float(_said(exact)["relu1"].split()[0]) - 1e-3
    assert "nearly the original's features" in _page(folder / "out").text
    assert "features may differ by0.500" in _page(folder / "out").text.replace("\n", "")


def test_no_time_leaves_the_original_and_says_so(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--target", 1, "--time-limit", 0)
    assert result.exit_code == 1
    for name, line in _said(result).items():
        assert line.startswith("stays the original, "), name
        assert "stopped at the time limit" in line, name
    assert {row["status"] for row in _rows(folder / "out").values()} == {"time limit"}


def test_the_region_gives_a_bound_for_the_region(folder: Path) -> None:
    result = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu2", "--search", "region")
    assert result.exit_code == 0, result.output
    row = _rows(folder / "out")["relu2"]
    assert "none in the original's linear region is nearer than " in _said(result)["relu2"]
    assert (row["search"], row["regional"]) == ("region", "yes")


def test_what_lies_past_the_features_may_see_the_metamer(folder: Path) -> None:
    branched_network().save(folder / "net.unrelu")
    result = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu-left", "--layer", "output")
    assert result.exit_code == 0, result.output
    said, rows = _said(result), _rows(folder / "out")
    assert "; still seen by right and 3 more nodes; " in said["relu-left"]
    assert rows["relu-left"]["seen by"].split() == ["right", "relu-right", "joined", "out"]
    assert {name: row["at cut"] for name, row in rows.items()} == {"relu-left": "no", "out": "yes"}
    assert "still seen by" not in said["out"]
    assert list(_said(_asked(folder, "--index", 0, "--target", 1))) == ["out"]  # no other ReLU decides the output


def test_a_layer_that_cannot_be_passed_is_told_and_the_next_one_follows(folder: Path) -> None:
    net = joined_network()
    last = net.node("out")
    nodes = (*net.nodes, Node("probabilities", Softmax(0), ("out",), last.shape))
    ur.Network(nodes, ("probabilities",)).save(folder / "net.unrelu")
    result = _asked(
        folder, "--index", 0, "--target", 1, "--layer", "probabilities", "--layer", "relu1", "--search", "region"
    )
    assert result.exit_code == 1
    said, rows = _said(result), _rows(folder / "out")
    assert said["probabilities"].startswith("no metamer: node 'probabilities' (Softmax) is smooth")
    assert rows["probabilities"]["refused"].startswith("node 'probabilities'")
    assert rows["relu1"]["refused"] == ""
    assert float(rows["relu1"]["distance"]) <= float(rows["relu1"]["distance before"])
    text = _page(folder / "out").text
    assert "refused: node 'probabilities' (Softmax)" in text
    assert "probabilities has no metamer here: node" in text
    options = ("--layer", "probabilities", "--search", "region", "--picture-shape", "4x4")
    alone = _asked(folder, "--index", 0, "--target", 1, *options)
    assert alone.exit_code == 1
    assert "refused: node" in _page(folder / "out").text


def test_a_layer_that_is_too_large_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unrelu.stability.jacobian.DENSE_LIMIT", 8 * 16 * 9)  # the output has 10 features
    options = ("--layer", "relu1", "--layer", "output", "--search", "region")
    result = _asked(folder, "--index", 0, "--target", 1, *options)
    assert result.exit_code == 1
    assert _said(result)["dense3"].startswith("no metamer: the Jacobian at 'dense3' (10 x 16) would take ")
    assert _rows(folder / "out")["relu1"]["refused"] == ""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """An ONNX file in float32 on pictures (1, 5, 4), with names that are paths."""
    rng = np.random.default_rng(1)
    tensors = {
        "w1": rng.standard_normal((8, 20)), "b1": rng.standard_normal(8),
        "w2": rng.standard_normal((6, 8)), "b2": rng.standard_normal(6),
        "w3": rng.standard_normal((3, 6)), "b3": rng.standard_normal(3),
    }  # fmt: skip
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"], name="/flatten"),
            helper.make_node("Gemm", ["flat", "w1", "b1"], ["pre1"], name="/dense1", transB=1),
            helper.make_node("Relu", ["pre1"], ["y1"], name="/relu1"),
            helper.make_node("Gemm", ["y1", "w2", "b2"], ["pre2"], name="/dense2", transB=1),
            helper.make_node("Relu", ["pre2"], ["y2"], name="/relu2"),
            helper.make_node("Gemm", ["y2", "w3", "b3"], ["scores"], name="/dense3", transB=1),
        ],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 5, 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in tensors.items()],
    )
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    np.save(tmp_path / "x.npy", rng.random((3, 1, 5, 4)).astype(np.float32))
    return path


def test_a_model_of_ones_own_is_asked_in_its_own_pass_too(model: Path, tmp_path: Path) -> None:
    layers = ("--layer", "/relu1", "--layer", "/relu2")
    result = _run("metamer", model, tmp_path / "x.npy", "--index", 0, "--target", 2, *layers, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("steps towards the target") == 1  # progress of the walk
    said, rows = _said(result), _rows(tmp_path / "out")
    assert list(said) == ["/relu1", "/relu2"]
    for name, row in rows.items():
        own = float(row["forward error"]) / float(row["largest feature"])
        assert 0 < own < 1e-5
        shown = float(said[name].split(" of the largest, ")[1].split(" in the model's own pass")[0])
        assert own <= shown <= 1.1 * own
        assert row["metamer says"] == row["original says"]
        assert f"; says {row['metamer says']}, in its own pass {row['metamer says, own']}; " in said[name]
        assert (tmp_path / "out" / row["picture"]).is_file()
    assert (tmp_path / "out" / "metamer-%2Frelu1.png").is_file()


def _refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()  # one sentence, no traceback
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def test_errors_are_one_sentence(folder: Path) -> None:
    pair = ("--index", 0, "--target", 1)
    _refused(
        _asked(folder, "--index", 24, "--target", 1), "has 24 inputs, numbered from 0, so --index can be at most 23"
    )
    _refused(_asked(folder, "--index", 0, "--target", 99), "--target can be at most 23, not 99")
    _refused(_asked(folder, *pair, model="none.onnx"), "none.onnx")
    _refused(_asked(folder, *pair, "--layer", "relu9"), "there is no node 'relu9'")
    _refused(_asked(folder, *pair, "--norm", 3), "3")
    _refused(_asked(folder, *pair, "--search", "luck"), "a search for a metamer is 'walk', 'region', 'exact' or None")
    _refused(_asked(folder, *pair, "--box", 0.9, 1), "the original lies outside the domain")
    _refused(_asked(folder, *pair, "--picture-shape", "5x5"), "(5, 5)")
    _refused(_asked(folder, *pair, "--mask", folder / "none.npy"), "none.npy", "cannot be read")
    np.save(folder / "mask.npy", np.ones(16))
    _refused(_asked(folder, *pair, "--mask", folder / "mask.npy"), "mask.npy holds float64, not bool")
    np.save(folder / "mask.npy", np.ones(15, dtype=bool))
    _refused(
        _asked(folder, *pair, "--mask", folder / "mask.npy"), "holds a mask of shape (15,), but the network takes (16,)"
    )
    (folder / "mask.npy").write_bytes(b"no array")
    _refused(_asked(folder, *pair, "--mask", folder / "mask.npy"), "is not an array in numpy's format")
    (folder / "out").rmdir() if (folder / "out").is_dir() else None
    (folder / "out").touch()
    _refused(_asked(folder, *pair), "cannot be made", "name another one")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--index", 0), "name an input to come near to by --target, or ask for the --farthest."),
        (("--index", 0, "--target", 1, "--picture-shape", "4,4"), "is no shape; write it as 28x28"),
        (("--target", 1), "Missing option '--index'"),
        (("--index", 0, "--target", 1, "--tolerance", -1), "greater than or equal to 0"),
        (("--index", -1, "--target", 1), "greater than or equal to 0"),
        (("--index", 0, "--target", 1, "--box", 0, 1, "--domain", "r.csv"), "--box LOW HIGH is for all inputs, RANGES"),
    ],
)
def test_wrong_options_are_told(folder: Path, options: tuple[object, ...], words: str) -> None:
    result = _asked(folder, *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


def test_what_cannot_be_written_is_one_sentence(folder: Path) -> None:
    (folder / "out" / "metamers.npz").mkdir(parents=True)
    result = _asked(folder, "--index", 0, "--target", 1, "--layer", "relu1")
    assert result.exit_code == 2
    assert "the metamers cannot be written to" in result.stderr


def test_ctrl_c_writes_what_is_known_and_stops(folder: Path) -> None:
    """The first layer takes no time, all of them a long one: it stops at one of those between."""
    rng = np.random.default_rng(0)
    sizes = [(10, 300), (260, 10), (260, 260), (250, 260), (10, 250)]
    layers = [(rng.standard_normal(s) * (2 / s[1]) ** 0.5, 0.2 * rng.standard_normal(s[0])) for s in sizes]
    ur.Network.from_layers(layers).save(folder / "large.unrelu")
    np.savez(folder / "x.npz", x=rng.random((2, 300)))
    command = ["metamer", "large.unrelu", "x.npz", "--index", "0", "--target", "1", "--out", "out", "--quiet"]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "unrelu", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell in the background ignores Ctrl-C, and so would whatever it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert stderr.splitlines() == ["stopped."]
    assert first.startswith("relu1: ")
    names = ["relu1", "relu2", "relu3", "relu4", "dense5"]
    kept = list(_rows(folder / "out"))
    assert kept == names[: len(kept)], "how many there are depends on when the signal comes"
    assert 1 <= len(kept) < len(names)
    assert f"Stopped before {', '.join(names[len(kept) :])}." in _page(folder / "out").text
    assert "The page is " in stdout
