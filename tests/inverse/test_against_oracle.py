"""Answers of `ur.invert` to small problems against all of their solutions, known exactly.

Thousands are asked by `python -m inverse_against_oracle`; what a search out of time says has to be true as well.
"""

from __future__ import annotations

import pytest

from inverse_against_oracle import faults
from inverse_cases import inverse_case
from known_preimages import Known, all_known

KNOWN = [case for case in all_known() if case.lower.size <= 3 and len(case.points) <= 32]


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.name)
def test_nothing_is_wrong_about_problems_in_closed_form(case: Known) -> None:
    wrong, _ = faults(case, time_limit=0.5)
    assert wrong == []


@pytest.mark.parametrize("exact", [False, True])
def test_nothing_is_wrong_about_random_problems(exact: bool) -> None:
    complete = 0
    for seed in range(12):
        wrong, found = faults(inverse_case(seed), exact=exact, time_limit=0.3)
        assert wrong == [], seed
        complete += found.complete
    assert complete > 0
