"""A short run of the fuzzing, always of the same cases, and those that ended badly once or end as no other does."""

from __future__ import annotations

import json
import os
import resource
import signal
from pathlib import Path
from random import Random

import pytest

from fuzzing.apart import read_apart
from fuzzing.cases import outcome
from fuzzing.targets import TARGETS, Target

CORPUS: dict[str, list[int]] = json.loads((Path(__file__).parent / "corpus.json").read_text())
"""Numbers of cases."""

CASES = 60


@pytest.mark.parametrize("target", TARGETS)
def test_files_changed_at_random_are_read_or_refused_in_a_sentence(target: str, tmp_path: Path) -> None:
    ends = {outcome(target, number, tmp_path) for number in [*range(CASES), *CORPUS[target]]}
    assert "read" in ends  # some changes change nothing, or nothing that matters
    assert len(ends) > 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_case_is_made_from_its_number_alone(target: str, tmp_path: Path) -> None:
    ends = [[outcome(target, number, tmp_path / name) for number in (7, 8, 9)] for name in "ab"]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("first", range(CASES, 1000, 188))
def test_a_thousand_spliced_models_are_read_or_refused(first: int, tmp_path: Path) -> None:
    assert "read" in {outcome("splice", number, tmp_path) for number in range(first, first + 188)}


def test_a_case_that_ends_badly_ends_its_own_process_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them fails, one crashes, one takes what it is not given, and one hangs."""

    def read(folder: Path) -> object:
        number = int(folder.joinpath("number").read_text())
        if number == 1:
            raise KeyError("raw")
        if number == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        if number == 3:
            return b"x" * 2**29
        while number == 4:
            pass
        return number

    def make(folder: Path, chance: Random) -> None:
        folder.joinpath("number").write_text("0")

    def change(folder: Path, chance: Random) -> None:
        folder.joinpath("number").write_text(folder.parent.joinpath("at").read_text())

    monkeypatch.setitem(TARGETS, "bad", Target(make, change, read))
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    held = pages * resource.getpagesize() // 2**20
    ends = []
    for number in range(6):
        (tmp_path / "at").write_text(str(number))
        ends += list(read_apart("bad", range(number, number + 1), tmp_path, 1.0, held + 50))
    assert [case.end for case in ends] == ["read", "FAILED", "CRASHED", "TOO LARGE", "TOO SLOW", "read"]
    assert "KeyError: 'raw'" in ends[1].said
