"""What the commands are told about data by their options: real digits, as files and folders that really lie there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import unrelu as ur
from unrelu.cli import app
from unrelu.datasets import mnist_sample
from unrelu.network.graph import Network

NAMES = ("nil", "one", "two")

# no progress, and nothing that takes long
FEW = ("--ask", "verdicts:verify=no", "--quiet")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def done(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Four zeros, ones and twos, (12, 7, 7) uint8, and their classes."""
    sample = mnist_sample()
    chosen = np.concatenate([np.flatnonzero(sample.labels == k)[:4] for k in range(3)])
    small = sample.images[chosen].reshape(12, 7, 4, 7, 4).mean(axis=(2, 4))
    return np.round(small * 255).astype(np.uint8), sample.labels[chosen]


@pytest.fixture(scope="module")
def network() -> Network:
    rng = np.random.default_rng(0)
    return Network.from_layers(
        [(rng.normal(size=(20, 49)), rng.normal(size=20)), (rng.normal(size=(3, 20)), np.zeros(3))]
    )


@pytest.fixture
def folder(network: Network, tmp_path: Path) -> Path:
    """The network, and the digits as an archive with several arrays and as pictures in a folder for each class."""
    network.save(tmp_path / "net.unrelu")
    pictures, labels = digits()
    np.savez(tmp_path / "d.npz", train=np.zeros((2, 49)), test=pictures, kinds=labels)
    for k, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
        (tmp_path / "digits" / NAMES[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "digits" / NAMES[label] / f"{k:02}.png")
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    return tmp_path


def test_the_same_study_from_an_archive_and_from_folders_of_classes(folder: Path):
    model = folder / "net.unrelu"
    archive = ("--array", "test", "--labels", "kinds", "--scale", 255, "--classes", "nil,one,two")
    done("analyze", model, folder / "d.npz", "--out", folder / "a", *archive, *FEW)
    result = done("analyze", model, folder / "digits", "--out", folder / "b", "--classes", folder / "names.txt", *FEW)
    assert "note: pictures are given to the network in [0, 1]" in result.stderr
    first, second = (ur.load_study(folder / name) for name in ("a", "b"))
    assert second["inputs"]["label"].to_pylist() == digits()[1].tolist()
    assert (first.info.classes, second.info.classes) == (NAMES, NAMES)
    assert first.info.data_sha256 == second.info.data_sha256
    assert first["verdicts"].equals(second["verdicts"])
    assert first["inputs"].equals(second["inputs"])
    assert second.info.picture_shape == (7, 7)


def test_normalised_pictures_are_asked_about_as_pictures(folder: Path, network: Network):
    usual = ("--scale", 255, "--array", "test", "--labels", "none", "--limit", 3)
    data = ("analyze", folder / "net.unrelu", folder / "d.npz", "--out", folder / "a")
    result = done(*data, *usual, "--mean", "0.13", "--std", "0.31", *FEW, "--ask", "uniqueness:0..1")
    assert "trained on normalised ones" not in result.stderr
    study = ur.load_study(folder / "a")
    pictures = digits()[0][:3].reshape(3, 49).astype(np.float32) / np.float32(255)
    said = network((pictures.astype(float) - 0.13) / 0.31).argmax(axis=1)
    assert study["inputs"]["predicted"].to_pylist() == said.tolist()
    assert study["inputs"]["label"].to_pylist() == [None] * 3
    assert study.question("uniqueness").about["domain"] == "0 ≤ x ≤ 1"
    assert [node.name for node in study.info.nodes][:3] == ["input", "normalized.center", "normalized"]


def test_certificates_are_about_the_network_with_its_normalisation(folder: Path):
    data = ("--scale", 255, "--array", "test")
    mean = ("--mean", "0.13", "--std", "0.31")
    model = folder / "net.unrelu"
    options = ("--labels", "none", "--quiet", "--ask", "verdicts:certificates=yes")
    done("analyze", model, folder / "d.npz", "--out", folder / "a", *data, *mean, *options)
    against = ("verify", folder / "a", "--against", model, "--data", folder / "d.npz", "--quiet", *data)
    assert "about net.unrelu and d.npz" in done(*against, *mean).stdout
    without = run(*against)
    assert without.exit_code == 1
    assert "NOT about" in without.stdout


def test_metamers_of_pictures_of_other_sizes_stay_between_black_and_white(folder: Path):
    Image.fromarray(np.full((9, 14), 7, np.uint8)).save(folder / "digits" / "two" / "large.png")
    model, out = folder / "net.unrelu", folder / "out"
    asked = ("metamer", model, folder / "digits", "--index", 0, "--target", 12, "--out", out, "--quiet")
    refused = run(*asked)
    assert refused.exit_code == 2
    assert "large.png is 9 x 14 but " in refused.stderr
    assert "bring all to one size, with --resize 7x7 (resize=(7, 7))" in refused.stderr
    result = done(*asked, "--resize", "7x7", "--mean", 0.13, "--std", 0.31, "--layer", "relu1")
    assert "pictures of 2 sizes, from 7 x 7 to 9 x 14, were brought to 7 x 7" in result.stderr
    with np.load(out / "metamers.npz") as arrays:
        assert set(arrays) == {"original", "target", "metamer-relu1"}
        for name in arrays:
            assert 0 <= arrays[name].min() <= arrays[name].max() <= 1


def test_a_rounding_beyond_the_bounds_is_clipped_and_said(folder: Path):
    x = np.full((2, 49), 0.5, dtype=np.float32)
    x[0, :2] = np.nextafter(np.float32(1), np.float32(2)), -3e-8
    np.save(folder / "x.npy", x)
    asked = (
        "metamer",
        folder / "net.unrelu",
        folder / "x.npy",
        "--index",
        0,
        "--target",
        1,
        "--quiet",
        "--layer",
        "relu1",
    )
    assert "note: 2 numbers were outside of their bounds by rounding" in done(*asked, "--out", folder / "o").stderr
    x[0, 0] = 1.00001
    np.save(folder / "x.npy", x)
    refused = run(*asked, "--out", folder / "o")
    assert refused.exit_code == 2
    assert "outside of their bounds by rounding, by 3e-08" in refused.stderr  # which is not what it is refused for


def test_an_input_of_a_forward_model_is_asked_for_in_its_own_units(tmp_path: Path):
    layers = [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))]  # |x|
    Network.from_layers(layers).save(tmp_path / "abs.unrelu")
    (tmp_path / "y.csv").write_text("2\n")
    (tmp_path / "box.csv").write_text("t,50,150\n")
    result = done(
        "invert", tmp_path / "abs.unrelu", tmp_path / "y.csv", "--domain", tmp_path / "box.csv", "--quiet",
        "--mean", 100, "--std", 10,
    )  # fmt: skip
    assert "t = 80 " in result.stdout
    assert "t = 120 " in result.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mean", "0.1"), "go together"),
        (("--mean", "a,b", "--std", "1"), "no mean"),
        (("--mean", "0", "--std", "1;2"), "no std"),
        (("--mean", "0,1", "--std", "1"), r"the mean has shape (2,)"),
        (("--std", "0", "--mean", "0"), "std must be positive"),
        (("--resize", "7"), "no height and width"),
        (("--resize", "3x7x7"), "no height and width"),
        (("--resize", "axb"), "is no shape"),
        (("--resize", "9x9"), "resize asks for 9 x 9, which does not fit"),
        (("--array", "test"), "only arrays in a .npz file have names"),
        (("--scale", "0"), "cannot be divided by 0"),
    ],
)
def test_options_that_cannot_be_followed_are_one_sentence(folder: Path, options: tuple[str, ...], message: str):
    result = run(
        "metamer", folder / "net.unrelu", folder / "digits", "--index", 0, "--farthest", "--out", folder, *options
    )
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr


def test_labels_that_do_not_fit_are_one_sentence(folder: Path):
    asked = ("analyze", folder / "net.unrelu", folder / "digits", "--out", folder / "a")
    for options, message in [
        (("--classes", "nil,one"), "2 classes are named, but the network has 3 outputs"),
        (("--classes", "nil,one,three"), "two is the folder of no class: nil, one, three are named"),
        (("--labels", "kinds"), "only arrays in a .npz file have names; leave the name 'kinds' out"),
        (("--classes", folder / "none.txt"), "no classes can be read from"),
    ]:
        result = run(*asked, *options)
        assert result.exit_code == 2
        assert message in result.stderr
