"""A short run of the fuzzing, always of the same cases, and those that ended badly once or end as no other does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fuzzing.cases import outcome
from fuzzing.targets import TARGETS

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
