"""A study that is killed goes on with what it has; benchmarks/study_kills.py does so fifty times."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import unrelu as ur
from benchmarks import study_kills
from odd_question import Odd, asked
from unrelu.study.scratch import PREFIX

N = 60

SCRIPT = f"""
import sys
import unrelu as ur
from odd_question import Odd, asked
found = asked(Odd(seconds=0.1), {N}, store=sys.argv[1], executor=ur.executors.Processes(2))
print(found.stopped)
"""


@pytest.fixture
def running(tmp_path: Path) -> subprocess.Popen[str]:
    """A study in processes of its own, some of whose parts are there."""
    (tmp_path / "scratch").mkdir()
    place = {"TMPDIR": str(tmp_path / "scratch"), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "store")],
        env=os.environ | place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    ends = time.monotonic() + 100
    while process.poll() is None and len(parts(tmp_path)) < 3 and time.monotonic() < ends:
        time.sleep(0.02)
    return process


def parts(folder: Path) -> list[Path]:
    return list((folder / "store" / "odd").rglob("[0-9]*.parquet"))


def test_after_a_kill_no_process_and_no_folder_stays_and_nothing_is_answered_twice(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    workers = study_kills.children(running.pid)
    assert len(workers) == 2
    assert list((tmp_path / "scratch").glob(f"{PREFIX}*"))
    running.kill()
    running.communicate()
    ends = time.monotonic() + 20
    while any(map(study_kills.alive, workers)) and time.monotonic() < ends:
        time.sleep(0.02)
    assert not any(map(study_kills.alive, workers))
    assert not list((tmp_path / "scratch").glob(f"{PREFIX}*"))
    kept = len(parts(tmp_path))
    assert 3 <= kept < N
    found = asked(Odd(seconds=0.1), N, store=tmp_path / "store", executor=ur.executors.Threads(16))
    assert (found.accounts["odd"].found, found.accounts["odd"].computed) == (kept, N - kept)
    assert found["odd"].equals(asked(Odd(), N)["odd"])


def test_ctrl_c_in_a_terminal_ends_the_processes_without_a_word(running: subprocess.Popen[str], tmp_path: Path) -> None:
    workers = study_kills.children(running.pid)
    os.killpg(running.pid, signal.SIGINT)
    said, complained = running.communicate(timeout=60)
    assert (said, complained, running.returncode) == ("interrupted\n", "", 0)
    assert not any(map(study_kills.alive, workers))
    assert 3 <= len(parts(tmp_path)) < N


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [["parent", "flip", "full"], ["worker", "truncate"]], ids=str)
def test_what_is_disturbed_ends_as_what_was_left_alone(tmp_path: Path, kinds: list[str]) -> None:
    wanted = study_kills.finish(study_kills.start(tmp_path / "undisturbed", "threads"))
    assert wanted is not None
    done = study_kills.chain(kinds, tmp_path / "chain", wanted, "processes", random.Random(0))
    assert done["equal"]
    assert done["computed_twice"] == 0
