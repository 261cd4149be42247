"""Exact metamers of small networks against all of their solutions, known exactly.

Hundreds are asked by `python -m metamers_against_oracle`; what a search out of time says has to be true as well.
"""

from __future__ import annotations

import math

import pytest

from metamers_against_oracle import faults, metamer_case, solutions
from unrelu.solvers.status import Status

ASKED = [(objective, norm) for objective in ("nearest", "farthest") for norm in (1, 2, math.inf)]


@pytest.mark.parametrize(("objective", "norm"), ASKED)
def test_nothing_is_wrong_about_random_networks(objective: str, norm: float) -> None:
    optimal = 0
    for seed in range(16):
        case = metamer_case(seed)
        truth = solutions(case)
        for time_limit in (5.0, 0.005, 0.0):
            wrong, found = faults(case, objective, norm, time_limit=time_limit, truth=truth)
            assert wrong == [], (seed, time_limit)
            optimal += time_limit == 5.0 and found.status is Status.OPTIMAL
    assert optimal >= 12  # on a machine that many share


def test_a_constant_clamp_bends_nowhere() -> None:
    """Its two kinks are one place, and between them there is nothing."""
    wrong, _ = faults(metamer_case(447), "nearest", 1)
    assert wrong == []
