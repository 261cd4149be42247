"""The command that verifies saved certificates, on real files and once as a real process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from network.onnx_builder import OnnxBuilder
from unrelu.cli import app
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.layer import ReLULayer
from unrelu.network.load import load
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissible_sets import admissible_sets
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.questions import classify, preimage

_SOURCES = Path(__file__).parents[1] / "src"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Certificates of two layers: an interval and two points, and three half-lines."""
    both = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]), name="both")
    one = ReLULayer(np.array([[1.0]]), np.array([-1.0]))
    save_certificates(classify(both, np.array([[0.0], [3.0], [-4.0]]), progress=False), tmp_path / "a", progress=False)
    save_certificates(classify(one, np.array([[0.0], [1.0], [-4.0]]), progress=False), tmp_path / "b", progress=False)
    return tmp_path


def test_the_last_line_says_how_many_verdicts_are_proved(folder: Path) -> None:
    result = _run("verify", folder)
    assert result.exit_code == 0, result.output
    first, kinds, digest, second, *others, last = result.stdout.splitlines()
    assert kinds == f"{folder / 'a'}: 2 singleton, 1 bounded. Domain: all of space. Tolerance: 0."
    assert digest.startswith(f"{folder / 'a'}: digest ")
    assert len(digest.split()[-1]) == 64
    assert others[0] == f"{folder / 'b'}: 3 unbounded. Domain: all of space. Tolerance: 0."
    assert first.startswith(f"{folder / 'a'}: layer both, 2 features of 1 inputs, weight SHA-256 ")
    assert first.endswith(": 3 of 3 verdicts about 3 inputs are proved, 0 were left undecided.")
    assert second.startswith(f"{folder / 'b'}: the layer, 1 features of 1 inputs")
    assert last == "6 of 6 verdicts are proved."
    assert "proofs of layer both: 3 of 3, " in result.stderr


def test_a_verdict_that_is_not_proved_is_named_and_fails(folder: Path) -> None:
    path = folder / "a" / "certificates.parquet"
    table = pq.read_table(path)
    kinds = table["kind"].to_pylist()
    kinds[1] = "bounded"
    pq.write_table(table.set_column(1, table.schema.field("kind"), [kinds]), path, use_dictionary=False)
    index = folder / "a" / "certificates.json"
    record = json.loads(index.read_text())
    record["table"] = hashlib.sha256(path.read_bytes()).hexdigest()
    record.pop("sha256")
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    index.write_text(json.dumps({**record, "sha256": hashlib.sha256(text.encode()).hexdigest()}))
    result = _run("verify", folder, "--quiet", "--workers", 1)
    assert result.exit_code == 1
    assert result.stderr == ""
    assert f"{folder / 'a'}: not proved for 1." in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == "5 of 6 verdicts are proved."


def test_damage_is_one_sentence(folder: Path) -> None:
    empty = folder / "empty"
    empty.mkdir()
    weight = folder / "a" / "weight.npy"
    weight.write_bytes(weight.read_bytes()[:-1])
    for where, words in ((empty, "there are no certificates in"), (folder, "does not hold the array that was saved")):
        result = _run("verify", where)
        assert result.exit_code == 2
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("error: ")
        assert words in line


def test_as_a_process_it_loads_no_solver(folder: Path) -> None:
    script = """
import sys
from unrelu.cli import main
try:
    main()
finally:
    solvers = ("unrelu.solvers", "highspy", "clarabel", "scipy.optimize")
    print([name for name in sys.modules if name.startswith(solvers)])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, "verify", str(folder)],
        env={**os.environ, "PYTHONPATH": str(_SOURCES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["6 of 6 verdicts are proved.", "[]"]


def _model(folder: Path) -> Path:
    """Two ReLU layers, 3 to 4 to 2, as an ONNX file."""
    rng = np.random.default_rng(0)
    builder = OnnxBuilder((3,))
    hidden = "x"
    for number, (m, d) in enumerate(((4, 3), (2, 4)), start=1):
        weight, bias = rng.standard_normal((m, d)), rng.standard_normal(m)
        affine = builder.node("Gemm", hidden, builder.weight(weight), builder.weight(bias), transB=1)
        hidden = builder.node("Relu", affine, name=f"relu{number}")
    return builder.save(folder, hidden)


def test_against_a_network_and_its_data(tmp_path: Path) -> None:
    model = _model(tmp_path)
    data = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
    np.save(tmp_path / "x.npy", data)
    np.save(tmp_path / "others.npy", data + 1)
    done = _run("analyze", model, tmp_path / "x.npy", "--out", tmp_path / "out", "--ask", "verdicts:certificates=yes")
    assert done.exit_code == 0, done.output
    result = _run("verify", tmp_path / "out", "--against", model, "--data", tmp_path / "x.npy", "--quiet")
    assert result.exit_code == 0, result.output
    said = [line for line in result.stdout.splitlines() if " about model.onnx and x.npy: " in line]
    assert len(said) == 2
    for line in said:
        assert line.endswith("weight and bias are the network's; the inputs are the first 5 of the 5 in the data.")
    # The same question of other inputs: proved, consistent, and not the one asked.
    result = _run("verify", tmp_path / "out", "--against", model, "--data", tmp_path / "others.npy", "--quiet")
    assert result.exit_code == 1
    assert "NOT about model.onnx and others.npy: number 0 of its inputs is " in result.stdout
    assert result.stdout.splitlines()[-1] == "10 of 10 verdicts are proved."
    (tmp_path / "elsewhere").mkdir()
    builder = OnnxBuilder((3,))
    other = builder.save(
        tmp_path / "elsewhere",
        builder.node("Relu", builder.node("MatMul", "x", builder.weight(np.eye(3))), name="relu1"),
    )
    result = _run("verify", tmp_path / "out", "--against", other, "--quiet")
    assert result.exit_code == 1
    assert "NOT about model.onnx: the layer's output shape is (4,) where the network has (3,)." in result.stdout
    assert "NOT about model.onnx: the network has no ReLU layer 'relu2'; it has relu1." in result.stdout


def test_a_prefix_is_verified_with_its_network(tmp_path: Path) -> None:
    model = _model(tmp_path)
    data = np.random.default_rng(1).standard_normal((3, 3))
    np.save(tmp_path / "x.npy", data)
    net = load(model)
    net.save(tmp_path / "net.unrelu")
    save_certificates(classify(net.upto("relu2"), data, progress=False), tmp_path / "c", progress=False)
    for against in (model, tmp_path / "net.unrelu"):
        result = _run("verify", tmp_path / "c", "--against", against, "--data", tmp_path / "x.npy", "--quiet")
        assert result.exit_code == 0, result.output
        first, *_, about, last = result.stdout.splitlines()
        assert first.startswith(
            f"{tmp_path / 'c'}: the network up to relu2, 2 features of 3 inputs, network SHA-256 "
            f"{weights_sha256(net.upto('relu2'))[:16]}: 3 of 3 verdicts about 3 inputs are proved"
        )
        assert about == (
            f"{tmp_path / 'c'}: about {against.name} and x.npy: the network up to relu2: every number is the network's"
            "; the inputs are the first 3 of the 3 in the data."
        )
        assert last == "3 of 3 verdicts are proved."
    result = _run("verify", tmp_path / "c", "--against", model, "--upto", "relu1", "--quiet")
    assert result.exit_code == 1
    assert "NOT about model.onnx: the network has no node 'relu2', in which the prefix of the certificates ends." in (
        result.stdout
    )


def test_given_features_are_compared_with_data_of_their_own_shape(tmp_path: Path) -> None:
    layer = load(_model(tmp_path)).layer("relu1")
    save_certificates(preimage(layer, features=np.array([0.0, 1.0, 0.0, 2.0])), tmp_path / "c", progress=False)
    for number, code in ((2.0, 0), (3.0, 1)):
        np.save(tmp_path / "y.npy", np.array([[0.0, 1.0, 0.0, number]]))
        result = _run("verify", tmp_path / "c", "--against", tmp_path / "model.onnx", "--data", tmp_path / "y.npy")
        assert result.exit_code == code, result.output
    assert "1 vectors of features are proved" in result.stdout


def test_data_without_a_network_is_misuse(folder: Path) -> None:
    result = _run("verify", folder, "--data", folder)
    assert result.exit_code == 2
    assert "--data needs --against MODEL" in " ".join(result.stderr.replace("│", " ").split())


def test_a_domain_that_was_moved_is_said_to_be(tmp_path: Path) -> None:
    simplex = Polyhedron(np.vstack([np.ones((1, 3)), -np.ones((1, 3))]), np.array([1.0, -1.0]), lower=0.0)
    layer = ReLULayer(np.array([[1.0, -1.0, 0.0]]), np.ones(1))
    thirds = np.full((1, 3), 1 / 3, dtype=np.float32)
    found = classify(layer, thirds, domain=simplex, progress=False)
    save_certificates(found, tmp_path, progress=False)
    result = _run("verify", tmp_path, "--quiet")
    assert result.exit_code == 0
    shift = found[0].largest_shift
    assert f"Domain: 0 ≤ x and 2 inequalities, with up to 2 rows moved through 1 inputs, by at most {shift:.2g}." in (
        result.stdout
    )


def test_sets_of_features_are_said_to_be_all_or_not(tmp_path: Path) -> None:
    found = admissible_sets(ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0])))
    save_certificates(found, tmp_path, progress=False)
    result = _run("verify", tmp_path, "--quiet")
    assert result.exit_code == 0
    assert "4 of 4 verdicts about 4 sets of features are proved" in result.stdout
    assert f"{tmp_path}: 3 admissible, 1 excluded. Domain: all of space.\n" in result.stdout
    assert f"{tmp_path}: each of the 2^2 sets of all features begins with exactly one of these." in result.stdout
    save_certificates(replace(found, found=found.found[1:]), tmp_path, progress=False)
    result = _run("verify", tmp_path, "--quiet")
    assert result.exit_code == 1
    assert "it is NOT true, as claimed, that each of the 2^2 sets" in result.stdout
    assert result.stdout.splitlines()[-1] == "3 of 3 verdicts are proved."


def test_a_name_cannot_write_lines_of_its_own(tmp_path: Path) -> None:
    name = "relu\n6 of 6 verdicts are proved.\x1b[2J\u202e\r"
    layer = ReLULayer(np.array([[1.0]]), np.array([-1.0]), name=name)
    where = tmp_path / "a\x1b[31m\nfolder"
    save_certificates(classify(layer, np.array([[0.0]]), progress=False), where, progress=False)
    for arguments in (("verify", tmp_path), ("verify", tmp_path, "--against", _model(tmp_path))):
        result = _run(*arguments)
        for stream in (result.stdout, result.stderr):
            assert all(char.isprintable() or char == "\n" for char in stream)
        assert r"relu\n6 of 6 verdicts are proved.\x1b[2J\u202e\r, 1 features" in result.stdout
        assert r"a\x1b[31m\nfolder" in result.stdout
        assert [line for line in result.stdout.splitlines() if line.startswith("6 of 6")] == []
    assert result.exit_code == 1
    (where / "weight.npy").unlink()
    result = _run("verify", tmp_path, "--quiet")
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.isprintable()
