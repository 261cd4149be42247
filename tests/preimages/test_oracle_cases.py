"""Two thousand random questions of every kind against exact arithmetic; more by `python -m against_oracle`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from against_oracle import faults, run
from exact_oracle import cone_is_trivial, fractions
from exact_sets import exact_set
from oracle_cases import oracle_case

CASES, SHARE = 2000, 100

HARD = (1077, 1835, 3883, 8929, 9064, 9442, 11802, 13740, 14682, 15957, 16339, 18676)
"""Of the first 20,000: once unproved, sparse rows whose columns differ by 2^60, or rows that are moved by rounding."""


@pytest.mark.parametrize("start", range(0, CASES, SHARE))
def test_nothing_is_wrong_unproved_or_open(start: int) -> None:
    found = run(range(start, start + SHARE))
    assert found["faults"] == {}
    assert found["undecided"] == []


@pytest.mark.parametrize("seed", HARD)
def test_nothing_is_wrong_where_it_once_was(seed: int) -> None:
    found = run(range(seed, seed + 1))
    assert found["faults"] == {}
    assert found["undecided"] == []


def test_the_cases_hold_what_they_should() -> None:
    cases = [oracle_case(seed) for seed in range(300)]
    kinds = {"outside" if case.truth is None else case.truth.kind for case in cases}
    assert kinds == {"outside", "empty", "singleton", "bounded", "unbounded"}
    ways = {way for case in cases for way in case.what}
    assert ways >= {"dense", "sparse", "convolution", "at", "features", "rows scaled", "columns scaled", "an ulp"}
    assert any(case.system.tolerance.any() for case in cases)
    assert sum(case.exact for case in cases) > 30


def test_a_wrong_verdict_would_be_seen() -> None:
    seen = 0
    for seed in range(40):
        case = oracle_case(seed)
        n = case.layer.n_inputs
        everything = exact_set(n, [], [])
        if case.truth is None or case.truth.kind == everything.kind:
            continue
        wrong, _ = faults(replace(case, truth=everything))
        assert wrong, case
        seen += 1
    assert seen > 10


def test_two_oracles_agree() -> None:
    """Double description, and every set of rows that could leave an extreme ray."""
    trivial = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(1, 4))
        B, G = rng.integers(-2, 3, (int(rng.integers(0, 3)), d)), rng.integers(-2, 3, (int(rng.integers(0, 6)), d))
        at_least = [([-v for v in row], Fraction(0)) for row in fractions(G)]
        cone = exact_set(d, at_least, [(row, Fraction(0)) for row in fractions(B)])
        expected = cone_is_trivial(fractions(B), fractions(G), d)
        assert (not cone.rays and not cone.lines) is expected
        assert (cone.dimension == 0) is expected
        trivial += expected
    assert 30 < trivial < 270
