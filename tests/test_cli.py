"""The command line, on real files and once as a real process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from typer.testing import CliRunner, Result

from unrelu.cli import app
from unrelu.study.saving import load_study

_SOURCES = Path(__file__).parents[1] / "src"
_RNG = np.random.default_rng(0)


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network on pictures (1, 5, 4) with one ReLU layer of 30 features, of which none is removed at any input.

    [W; -W] with a positive bias: at each input at least one row of each pair is active, so 20 pixels are determined.
    """
    half = _RNG.standard_normal((15, 20)).astype(np.float32)
    first = np.concatenate([half, -half])
    tensors = {
        "w1": first,
        "b1": np.full(30, 100, np.float32),
        "w2": _RNG.standard_normal((3, 30)).astype(np.float32),
        "b2": np.zeros(3, np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"], name="flatten"),
            helper.make_node("Gemm", ["flat", "w1", "b1"], ["pre"], name="dense1", transB=1),
            helper.make_node("Relu", ["pre"], ["features"], name="relu1"),
            helper.make_node("Gemm", ["features", "w2", "b2"], ["scores"], name="dense2", transB=1),
        ],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 5, 4])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    )
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "inputs.npz"
    np.savez(path, x=_RNG.random((6, 5, 4)), y=np.array([0, 1, 2, 0, 1, 2]))
    return path


def test_analyze_writes_a_report_and_results_that_can_be_read_again(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "results"
    result = _run(
        "analyze", model, data, "--out", out, "--limit", 5, "--workers", 1, "--ask", "verdicts", "--ask", "spectra",
        "--ask", "metamers:1,domain=-inf..2", "--ask", "uniqueness:0..inf", "--ask", "ranges:2",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"The report is {out / 'report.html'}"
    assert "<html" in (out / "report.html").read_text(encoding="utf-8")
    study = load_study(out)
    assert study.info.name == "small"
    assert study.info.n_inputs == 5
    assert study.question("metamers").about["domain"] == "x ≤ 2"
    assert study.question("uniqueness").about["domain"] == "0 ≤ x"
    assert study["kept"]["layer"].to_pylist() == ["relu1"]
    assert study["kept"]["cut"].to_pylist() == [True]
    # All features are positive and leave 5 dimensions: no input inside its bounds is alone.
    assert study["uniqueness"]["unique"].to_pylist() == [False] * 5
    assert study["ranges"].num_rows == min(2, sum(study["uniqueness"]["bounded"].to_pylist()))
    assert study["inputs"]["label"].to_pylist() == [0, 1, 2, 0, 1]
    # 30 rows of rank 15 with 30 active: 5 of 20 dimensions are free.
    assert study["spectra"].num_rows > 0
    assert set(study["spectra"]["rank"].to_pylist()[:1]) == {15}
    # What was done to the data is said, and the progress is a line a stage where there is no terminal.
    assert "inputs.npz: samples of shape (5, 4) were read as (1, 5, 4), in C order." in result.stderr
    assert any(line.startswith("spectra: 5 of 5, ") and line.endswith(" s") for line in result.stderr.splitlines())


def test_certificates_are_saved_where_asked_for_and_verify(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    result = _run("analyze", model, data, "--out", out, "--ask", "verdicts:verify=no,certificates=yes", "--quiet")
    assert result.exit_code == 0, result.output
    verified = _run("verify", out, "--quiet")
    assert verified.exit_code == 0, verified.output
    assert "relu1/0000000-0000005: layer relu1, 30 features of 20 inputs" in verified.stdout
    assert verified.stdout.splitlines()[-1] == "6 of 6 verdicts are proved."


def test_a_network_is_cut_where_asked_for_and_its_head_with_a_note(model: Path, data: Path, tmp_path: Path) -> None:
    whole = onnx.load(model)
    whole.graph.node.append(helper.make_node("Sin", ["features"], ["odd"], name="sine"))
    whole.graph.node.append(helper.make_node("Softmax", ["scores"], ["shares"], name="softmax"))
    whole.graph.output[0].name = "shares"
    onnx.save(whole, model)
    out = tmp_path / "results"
    options = ("--ask", "verdicts:verify=no,certificates=yes", "--quiet")
    result = _run("analyze", model, data, "--out", out, *options)
    assert result.exit_code == 0, result.output
    assert "note: the model ends in 'softmax', a Softmax, which is cut off" in result.stderr
    assert load_study(out).info.head == "softmax"
    assert ", the end of the model: the network gives the logits" in (out / "report.html").read_text()
    whole.graph.output[0].name = "odd"
    onnx.save(whole, model)
    _refused(_run("analyze", model, data, "--out", out, *options), "sine", "upto='relu1'")
    cut = _run("analyze", model, data, "--out", tmp_path / "cut", "--upto", "relu1", *options)
    assert cut.exit_code == 0
    assert "cut off" not in cut.stderr
    info = load_study(tmp_path / "cut").info
    assert (info.output_size, info.head) == (30, "")
    against = _run("verify", tmp_path / "cut", "--against", model, "--upto", "relu1", "--quiet")
    assert against.exit_code == 0, against.output
    assert _run("verify", out, "--upto", "relu1").exit_code == 2


def test_analyze_takes_a_folder_of_pictures(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for k in range(3):
        Image.fromarray(_RNG.integers(0, 256, (5, 4), dtype=np.uint8)).save(folder / f"{k}.png")
    out = tmp_path / "results"
    options = ("--ask", "metamers:1,layer=dense2", "--ask", "verdicts:relu1,verify=no", "--quiet")
    result = _run("analyze", model, folder, "--out", out, *options)
    assert result.exit_code == 0, result.output
    said = "if it was trained on normalised ones, give --mean and --std"
    assert [said in line for line in result.stderr.splitlines()] == [True]
    study = load_study(out)
    assert study.question("metamers").about["domain"] == "0 ≤ x ≤ 1"  # pictures have a natural range
    assert study.tables == ("layers", "inputs", "metamers", "verdicts", "kept", "failures")
    assert study["verdicts"]["proved"].null_count == 3
    assert set(study["metamers"]["layer"].to_pylist()) == {"dense2"}


def test_every_input_may_have_a_range_of_its_own(model: Path, data: Path, tmp_path: Path) -> None:
    """The same for all says what two numbers say; a range that leaves no room makes its input known."""
    same, own = tmp_path / "same.csv", tmp_path / "own.csv"
    same.write_text("from,to\n" + "0,1\n" * 20)
    with np.load(data) as arrays:
        first = arrays["x"][0].ravel()
    own.write_text("".join(f"x{k},{low!r},2\n" for k, low in enumerate(first.tolist())))
    asked = {
        "numbers": ("--ask", "uniqueness:0..1", "--ask", "metamers:1,domain=0..1", "--ask", "ranges:2", "--limit", 2),
        "same": (
            *("--ask", f"uniqueness:{same}", "--ask", f"metamers:1,domain={same}", "--ask", "ranges:2"),
            *("--limit", 2),
        ),
        "own": ("--ask", f"uniqueness:{own}", "--ask", "ranges:1", "--limit", 1),
    }
    studies = {}
    for name, more in asked.items():
        result = _run("analyze", model, data, "--out", tmp_path / name, "--quiet", *more)
        assert result.exit_code == 0, result.output
        studies[name] = load_study(tmp_path / name)
    for table in ("uniqueness", "ranges"):
        frames = (studies[name][table].to_pandas() for name in ("numbers", "same"))
        # A solver may end in another last bit, and one program more may be asked for it.
        one, other = (frame.drop(columns="n_programs", errors="ignore") for frame in frames)
        pd.testing.assert_frame_equal(one, other, rtol=1e-6, atol=1e-9)
    distances = [studies[name]["metamers"]["distance"].to_pylist() for name in ("numbers", "same")]
    np.testing.assert_allclose(*distances, rtol=1e-6)
    assert studies["own"]["uniqueness"]["n_at_bounds"].to_pylist() == [20]
    (tmp_path / "wrong.csv").write_text("0,1\n" * 19)
    wrong = _run("analyze", model, data, "--out", tmp_path / "out", "--ask", f"uniqueness:{tmp_path / 'wrong.csv'}")
    _refused(wrong, "wrong.csv has 19 rows of 2 numbers, but the network takes 20 inputs")


def test_the_same_command_goes_on_and_a_dry_run_does_nothing(model: Path, data: Path, tmp_path: Path) -> None:
    out, store = tmp_path / "out", tmp_path / "store"
    asked = ("analyze", model, data, "--out", out, "--store", store, "--quiet", "--ask", "spectra:4")
    dry = _run(*asked, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert not store.exists()
    assert not out.exists()
    assert [line.split()[:3] for line in dry.stdout.splitlines()[1:3]] == [["inputs", "1", "0"], ["spectra", "4", "0"]]
    none = _run(*asked, "--time-limit", 0)
    assert none.exit_code == 1
    assert "stopped (time limit); the same call goes on from here" in none.stdout
    first = _run(*asked)
    assert first.exit_code == 0, first.output
    assert "answered before" not in first.stdout
    part = next(store.glob("spectra/*/*.parquet"))
    part.write_bytes(part.read_bytes()[:-1])
    again = _run(*asked)
    assert again.exit_code == 0, again.output
    assert "4 tasks were answered before and kept." in again.stdout  # the predictions, and 3 of 4 spectra
    assert "spectra: a damaged file was set aside as damaged/spectra/" in again.stderr
    assert [line.split()[:3] for line in _run(*asked, "--dry-run").stdout.splitlines()[2:3]] == [["spectra", "4", "4"]]


def test_questions_are_told_and_wrong_ones_refused(model: Path, data: Path, tmp_path: Path) -> None:
    told = _run("analyze", "--questions")
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0].startswith("verdicts (layers, verify, certificates): ")
    for question, words in {
        "verdict": "there is no question 'verdict'; the questions are inputs, verdicts, ",
        "spectra:many": "'many' is no value for n of spectra; write a whole number.",
        "spectra:1,2,3": "spectra has no setting for '3'; its settings are n, layers.",
        "metamers": "metamers needs n; write metamers:n=VALUE.",
        "verdicts:verify=true": "'true' is no value for verify of verdicts; write yes or no.",
        "spectra:-1": "Spectra must be 0 or more, not -1.",
        "ranges:2": "ask them along with a Uniqueness",
    }.items():
        _refused(_run("analyze", model, data, "--out", tmp_path / "out", "--ask", question), words)
    both = _run("analyze", model, data, "--out", tmp_path / "out", "--workers", 1, "--processes", 1)
    assert both.exit_code == 2
    assert "exclude each other" in " ".join(both.stderr.replace("│", " ").split())


def _refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    *before, line = result.stderr.splitlines()  # one sentence, no traceback
    assert line.startswith("error: ")
    assert not [other for other in before if not other.startswith("note: ")]
    for word in words:
        assert word in line


def test_errors_are_one_sentence(model: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    _refused(_run("analyze", tmp_path / "none.onnx", data, "--out", out), "none.onnx")
    _refused(_run("analyze", model, tmp_path / "none.npz", "--out", out), "there is no file or folder", "none.npz")
    _refused(_run("analyze", model, data, "--out", out, "--ask", "verdicts:relu[9]"), "relu[9]", "relu1")
    _refused(
        _run("analyze", model, data, "--out", out, "--ask", "uniqueness:0.5..1"),
        "does not lie in the prior (0.5 ≤ x ≤ 1)",
    )
    assert not list(out.glob("**/*.json"))
    (tmp_path / "file").touch()
    _refused(_run("analyze", model, data, "--out", tmp_path / "file"), "cannot be made", "name another one")
    _refused(_run("demo", "--out", tmp_path / "file" / "below"), "cannot be made", "name another one")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_told_before_anything_is_computed(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    out = tmp_path / "results"
    for arguments in (("analyze", model, data), ("demo",)):
        _refused(_run(*arguments, "--out", out), f"a report needs {package}", 'pip install "unrelu[report]"')
        assert not out.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_told(model: Path, data: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    _refused(_run("analyze", model, data, "--out", locked), "nothing may be written to the folder")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--picture-shape", "28by28"), "write it as 28x28 or 3x32x32"),
        (("--limit", 0), "greater than or equal to 1"),
    ],
)
def test_wrong_options_are_told(model: Path, data: Path, tmp_path: Path, arguments: tuple, words: str) -> None:
    result = _run("analyze", model, data, "--out", tmp_path / "results", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.replace("│", " ").split())


def test_commands_that_exist_are_listed_and_no_others() -> None:
    result = _run("--help")
    assert result.exit_code == 0
    listed = re.findall(r"^│ (\w+)  ", result.stdout, flags=re.MULTILINE)
    assert listed == ["demo", "check", "analyze", "metamer", "invert", "verify"]


def _process(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "unrelu", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell in the background ignores Ctrl-C, and so would whatever it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_the_version_from_a_real_process() -> None:
    process = _process("--version")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0
    assert stdout.startswith("unrelu ")
    assert stderr == ""


def test_an_error_from_a_real_process(tmp_path: Path) -> None:
    process = _process("analyze", tmp_path / "none.onnx", tmp_path / "none.npz", "--out", tmp_path / "results")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 2
    assert stdout == ""
    assert stderr.startswith("error: ")
    assert "Traceback" not in stderr


def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    process = _process("demo", "--out", tmp_path / "demo")
    assert process.stderr is not None
    line = process.stderr.readline()  # the first stage is over, training has begun
    assert line.startswith("reading 5,000 MNIST pictures: 1 of 1"), line
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    # Both are 130 to a shell; Python 3.11 leaves by the signal itself where it met a running exec() of some import.
    assert process.returncode in (130, -signal.SIGINT)
    assert stderr.splitlines()[-1] == "stopped."
    assert "Traceback" not in stderr
