"""The command that finds every input behind measured outputs, on real files and once as a real process."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import unrelu as ur
from unrelu.cli import app
from unrelu.study.number_table import read_table

_SOURCES = Path(__file__).parents[1] / "src"


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _said(result: Result) -> list[str]:
    """What was printed, but where the page is."""
    return [line for line in result.stdout.splitlines() if not line.startswith("The page is ")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The magnitudes of two inputs and their sum: four solutions, two where one of them is 0, none, a flat."""
    first = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    last = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]])
    ur.Network.from_layers([(first, np.zeros(4)), (last, np.zeros(3))]).save(tmp_path / "net.unrelu")
    (tmp_path / "y.csv").write_text("case,a,b,sum\nfour,0.5,0.25,0.75\ntwo,0,1,1\nnone,1,1,1\n")
    (tmp_path / "ranges.csv").write_text("input,from,to\nheat,-2,2\nlight,-2,2\n")
    return tmp_path


def _asked(folder: Path, *options: object) -> Result:
    return _run("invert", folder / "net.unrelu", folder / "y.csv", "--domain", folder / "ranges.csv", *options)


def test_each_target_is_told_with_its_solutions_and_written_down(folder: Path) -> None:
    result = _asked(folder, "--out", folder / "new" / "out")
    assert result.exit_code == 0, result.output
    lines = _said(result)
    assert [line for line in lines if not line.startswith("  ")] == [
        line for line in lines if line.startswith(("four: 4 sol", "two: 2 sol", "none: no sol", "The sol"))
    ]
    four = next(line for line in lines if line.startswith("four"))
    assert four.startswith("four: 4 solutions, proved complete to ")
    assert four.endswith(" in the outputs; not unique.")
    assert lines[1].startswith("  1: heat = -0.5 ± ")
    assert ", light = -0.25 ± " in lines[1]
    assert lines[-1] == "The solutions of 3 of 3 targets are proved complete."
    assert result.stderr.count("share of the domain settled") == 3
    solutions, targets = _rows(folder / "new" / "out" / "solutions.csv"), _rows(folder / "new" / "out" / "targets.csv")
    assert [(row["target"], row["solutions"], row["complete"], row["unique"]) for row in targets] == [
        ("four", "4", "yes", "no"), ("two", "2", "yes", "no"), ("none", "0", "yes", "no"),
    ]  # fmt: skip
    assert [row["target"] for row in solutions] == ["four"] * 4 + ["two"] * 2
    found = ur.invert(ur.load(folder / "net.unrelu"), np.array([0.5, 0.25, 0.75]), domain=ur.Box(-2, 2), progress=False)
    for row, each in zip(solutions[:4], found.solutions, strict=True):  # to the last bit
        assert [float(row[name]) for name in ("heat", "light")] == each.center.tolist()
        assert [float(row[f"{name} lower"]) for name in ("heat", "light")] == each.lower.tolist()
        assert [float(row[f"{name} upper"]) for name in ("heat", "light")] == each.upper.tolist()
        assert (row["flat"], row["holds"], row["exact"]) == ("no", "yes", "yes")


def test_some_outputs_a_fixed_input_and_exact_numbers(folder: Path) -> None:
    (folder / "y.csv").write_text("0.75,0.25\n0.75,0.3\n")
    (folder / "ranges.csv").write_text("0.5,0.5\n-2,2\n")
    result = _asked(folder, "--outputs", "2,1", "--exact", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    first, *solutions, second, last = _said(result)
    assert first == "target 1: 2 solutions, proved complete to 0.0e+00 in the outputs; not unique."
    assert [line.split(" ±")[0] for line in solutions] == ["  1: x0 = 0.5", "  2: x0 = 0.5"]
    assert all("; an exact root, condition " in line for line in solutions)
    assert second == "target 2: no solution, proved complete to 0.0e+00 in the outputs."
    assert last == "The solutions of 2 of 2 targets are proved complete."


def test_a_resolution_of_ones_own_and_sets_of_solutions(folder: Path) -> None:
    (folder / "y.csv").write_text("0.1\n")
    result = _asked(folder, "--outputs", "0", "--resolution", 0, "--quiet", "--out", folder / "out")
    assert result.exit_code == 0, result.output
    first, one, two, _ = _said(result)
    assert first == "target 1: 2 solutions, proved complete to 0.0e+00 in the outputs; not unique."
    for line, sign in ((one, "-"), (two, "")):
        assert "light in -2 to 2" in line
        assert f"heat in {sign}0.1 to {sign}0.1" in line
        assert "; several inputs that hang together, of dimension " in line
        assert line.endswith("1")
    assert [row["flat"] for row in _rows(folder / "out" / "solutions.csv")] == ["yes", "yes"]
    (folder / "y.csv").write_text("0.5,0.25,0.75001\n")
    assert "no solution, proved complete" in _asked(folder, "--quiet").stdout
    coarse = _asked(folder, "--resolution", 1e-5, "--quiet", "--time-limit", 20)
    assert "4 solutions, proved complete to 1.0e-05 in the outputs" in coarse.stdout


@pytest.mark.parametrize("limit", ["time", "memory"])
def test_out_of_time_or_memory_is_told_and_is_no_proof(folder: Path, limit: str) -> None:
    result = _asked(folder, f"--{limit}-limit", 0.5**20 * (limit == "memory"), "--quiet", "--out", folder / "out")
    assert result.exit_code == 1
    assert _said(result) == [
        *(
            f"{name}: no solution so far, 0 % of the domain settled, 1 part left ({limit} limit)."
            for name in ("four", "two", "none")
        ),
        "The solutions of 0 of 3 targets are proved complete.",
    ]
    assert [(row["complete"], row["unique"], row["left"]) for row in _rows(folder / "out" / "targets.csv")] == [
        ("no", "", "1")
    ] * 3
    assert read_table(folder / "ranges.csv").rows == ("heat", "light")


def _refused(result: Result, *words: str) -> None:
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()  # one sentence, no traceback
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def test_errors_are_one_sentence(folder: Path) -> None:
    _refused(_asked(folder, "--outputs", "0,1"), "3 numbers were measured, but there are 2 outputs")
    _refused(_asked(folder, "--outputs", "0,1,3"), "whole numbers from 0 to 2")
    _refused(_asked(folder, "--exact", "--resolution", 0.1), "leave noise and resolution out")
    _refused(_run("invert", folder / "none.onnx", folder / "y.csv", "--domain", folder / "ranges.csv"), "none.onnx")
    (folder / "file").touch()
    _refused(_asked(folder, "--out", folder / "file"), "cannot be made", "name another one")
    (folder / "y.csv").write_text("a,b,c\n1,2,x\n")
    _refused(_asked(folder), "y.csv has 'x' where a number is expected")
    (folder / "y.csv").write_text("1,2,inf\n")
    _refused(_asked(folder, "--quiet"), "the measured output")
    (folder / "ranges.csv").write_text("heat,-2,2\n")
    _refused(_asked(folder), "ranges.csv has 1 rows of 2 numbers, but the network takes 2 inputs")
    (folder / "y.csv").write_text("1,2,3\n")
    (folder / "ranges.csv").write_text("heat,-2,inf\nlight,-2,2\n")
    _refused(_asked(folder, "--quiet"), "in a bounded box only")
    (folder / "ranges.csv").write_text("heat,2,-2\nlight,-2,2\n")
    _refused(_asked(folder, "--quiet"), "empty")
    wrong = _asked(folder, "--outputs", "0;1")
    assert wrong.exit_code == 2
    assert "write their numbers as 0,2" in " ".join(wrong.stderr.replace("│", " ").split())


def test_ctrl_c_tells_what_is_known_and_stops(folder: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = [(64, 6), (64, 64), (64, 64), (6, 64)]
    layers = [(rng.standard_normal(s) * (2 / s[1]) ** 0.5, 0.2 * rng.standard_normal(s[0])) for s in sizes]
    net = ur.Network.from_layers(layers)
    net.save(folder / "large.unrelu")
    y = np.asarray(net(np.zeros((1, 6))))[0]
    (folder / "y.csv").write_text("\n".join([",".join(map(repr, y.tolist()))] * 2))
    (folder / "ranges.csv").write_text("-1,1\n" * 6)
    files = [str(folder / name) for name in ("large.unrelu", "y.csv", "ranges.csv", "out")]
    process = subprocess.Popen(
        [sys.executable, "-m", "unrelu", "invert", *files[:2], "--domain", files[2], "--out", files[3], "--quiet"],
        env={**os.environ, "PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(600):  # until the search has begun
        if (folder / "out" / "targets.csv").exists():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.splitlines() == ["stopped."]
    assert stdout.startswith("target 1: ")
    assert stdout.rstrip().splitlines()[0].split("(")[1].startswith("interrupted)")
    assert [(row["complete"], row["stopped"]) for row in _rows(folder / "out" / "targets.csv")] == [
        ("no", "interrupted")
    ]


def test_noise_asks_for_ranges(folder: Path) -> None:
    (folder / "y.csv").write_text("case,a,b,sum\nfour,0.5,0.25,0.75\nnone,1,1,-1\n")
    result = _asked(folder, "--noise", 0.25, "--out", folder / "out", "--quiet")
    assert result.exit_code == 0, result.output
    first, heat, light, second, last = _said(result)
    assert first == "four: every consistent input lies in"
    assert heat.startswith("  heat: -0.750001 to 0.750001; attained -0.75 to 0.75, ")  # outward
    assert light.startswith("  light: -0.500001 to 0.500001; attained -0.5 to 0.5, ")
    assert second == "none: no input is consistent, proved."
    assert last == "The ranges of 2 of 2 targets are known to 5 %."
    rows = _rows(folder / "out" / "ranges.csv")
    assert [(row["target"], row["input"], row["reached"], row["consistent"]) for row in rows] == [
        ("four", "heat", "yes", "yes"), ("four", "light", "yes", "yes"),
        ("none", "heat", "yes", "no"), ("none", "light", "yes", "no"),
    ]  # fmt: skip
    found = ur.invert(ur.load(folder / "net.unrelu"), np.array([0.5, 0.25, 0.75]), domain=ur.Box(-2, 2), noise=0.25)
    told = found.ranges(progress=False)
    assert [float(rows[0][name]) for name in ("outer lower", "inner lower", "inner upper", "outer upper")] == [
        told.outer[0, 0], told.inner[0, 0], told.inner[0, 1], told.outer[0, 1]
    ]  # fmt: skip
    assert rows[2]["outer lower"] == ""
    checked = _run("verify", folder / "out")
    assert checked.exit_code == 0, checked.output
    assert "all of them lie in -0.75 ≤ x1 ≤ 0.75, -0.5 ≤ x2 ≤ 0.5, proved" in checked.stdout
    assert "proved complete: no input in the box has these features to within the resolution" in checked.stdout


def test_noise_is_a_share_or_a_table(folder: Path) -> None:
    (folder / "y.csv").write_text("0.5,0.25,0.75\n")
    share = _asked(folder, "--noise", "50%", "--quiet")
    (folder / "noise.csv").write_text("0.25\n0.125\n0.375\n")
    one = _asked(folder, "--noise", folder / "noise.csv", "--quiet")
    (folder / "noise.csv").write_text("output,below,above\na,0.25,0.25\nb,0.125,0.125\nsum,0.375,0.375\n")
    two = _asked(folder, "--noise", folder / "noise.csv", "--quiet")
    assert share.exit_code == one.exit_code == two.exit_code == 0
    assert share.stdout == one.stdout == two.stdout
    assert "heat: -0.750001 to 0.750001" in share.stdout
    late = _asked(folder, "--noise", "50%", "--quiet", "--time-limit", 0)
    assert late.exit_code == 1
    assert late.stdout.startswith("target 1: no consistent input is known so far (time limit); if there are any, they")
    assert late.stdout.endswith("The ranges of 0 of 1 target are known to 5 %.\n")
    for wrong in ("-1", "none", "nan%"):
        assert "is no noise; write a number" in " ".join(
            _asked(folder, "--noise", wrong).stderr.replace("│", " ").split()
        )
    both = _asked(folder, "--noise", "1", "--exact")
    assert both.exit_code == 2
    assert "takes the place of a resolution" in " ".join(both.stderr.replace("│", " ").split())
    _refused(_asked(folder, "--noise", "1", "--within", 0), "within is a share above 0")


@pytest.mark.parametrize("noise", [(), ("--noise", 0.1)], ids=["solutions", "ranges"])
def test_the_page_is_written_beside_the_tables(folder: Path, noise: tuple[object, ...]) -> None:
    """With what another method has found, on the page only where it is asked for, and checked before the search."""
    (folder / "y.csv").write_text("case,a,b,sum\nfour,0.5,0.25,0.75\n")
    (folder / "chain.csv").write_text("0.5,0.25\n0.4,0.2\n")
    (folder / "wrong.csv").write_text("0.5\n0.4\n")
    out = folder / "out"
    result = _asked(folder, *noise, "--out", out, "--samples", folder / "chain.csv", "--show", "1", "--quiet")
    assert result.exit_code == 0, result.output
    assert f"The page is {out / 'solutions.html'}" in result.stdout
    text = (out / "solutions.html").read_text(encoding="utf-8")
    assert "four" in text
    assert "points of the sampler are" in text
    assert "Over light" in text or "solutions over light" in text
    assert (out / "figures" / "answer1.png").is_file()
    plain = _asked(folder, *noise, "--out", folder / "plain", "--no-page", "--quiet")
    assert plain.exit_code == 0
    assert not (folder / "plain" / "solutions.html").exists()
    (folder / "turned.csv").write_text("light,heat\n0.25,0.5\n0.2,0.4\n")
    turned = _asked(
        folder, *noise, "--out", folder / "turned", "--samples", folder / "turned.csv", "--show", 1, "--quiet"
    )
    assert turned.exit_code == 0
    of_page = [line for line in text.splitlines() if "<td>" in line]
    again = (folder / "turned" / "solutions.html").read_text(encoding="utf-8")
    assert [line for line in again.splitlines() if "<td>" in line] == of_page
    (folder / "named.csv").write_text("light,hot\n0.25,0.5\n")
    refused = {
        "call them the same, in any order": ("--out", out, "--samples", folder / "named.csv"),
        "has 1 numbers a row, but the network takes 2 inputs": ("--out", out, "--samples", folder / "wrong.csv"),
        "at most 4 different inputs of 0 to 1": ("--out", out, "--show", "0,2"),
        "name its folder by --out": ("--show", "0"),
        "without --no-page": ("--out", out, "--no-page", "--samples", folder / "chain.csv"),
        "names no inputs; write their numbers": ("--out", out, "--show", "heat"),
    }
    for words, options in refused.items():
        wrong = _asked(folder, *noise, *options, "--quiet")
        assert wrong.exit_code == 2, words
        assert words in " ".join(wrong.stderr.replace("│", " ").split())
    (folder / "y.csv").write_text("0.5,0.25,0.75\n1,1,2\n")
    two = _asked(folder, *noise, "--out", out, "--samples", folder / "chain.csv", "--quiet")
    assert two.exit_code == 2
    assert "belong to one target, but there are 2" in two.stderr


def test_a_page_that_cannot_be_drawn_is_told_before_anything_is_computed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = _asked(folder, "--out", folder / "out", "--quiet")
    assert result.exit_code == 2
    assert "a report needs matplotlib" in result.stderr
    assert "--no-page" in result.stderr
    assert not (folder / "out").exists()
    assert _asked(folder, "--out", folder / "out", "--no-page", "--quiet").exit_code == 0
