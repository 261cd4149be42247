"""The command that verifies saved certificates, on real files and once as a real process."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from unrelu.cli import app
from unrelu.network.layer import ReLULayer
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.classification import classify

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
    first, second, last = result.stdout.splitlines()
    assert first.startswith(f"{folder / 'a'}: both, 2 features of 1 inputs, weight SHA-256 ")
    assert first.endswith(": 3 of 3 verdicts about 3 inputs are proved, 0 were left undecided.")
    assert second.startswith(f"{folder / 'b'}: the layer, 1 features of 1 inputs")
    assert last == "6 of 6 verdicts are proved."
    assert "proofs of both: 3 of 3, " in result.stderr


def test_a_verdict_that_is_not_proved_is_named_and_fails(folder: Path) -> None:
    path = folder / "a" / "certificates.parquet"
    table = pq.read_table(path)
    kinds = table["kind"].to_pylist()
    kinds[1] = "bounded"
    pq.write_table(table.set_column(1, table.schema.field("kind"), [kinds]), path)
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
