"""Exactly one side of Farkas' alternative, by integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrelu.exact.modular import PRIMES
from unrelu.exact.nonnegative import ExactAlternative, nonnegative_solution


def proves(answer: ExactAlternative, A: list[list[int]], b: list[int]) -> bool:
    """Whether an answer is what it says, by multiplication."""
    columns = list(zip(*A, strict=True))
    if answer.solution is not None:
        x = answer.solution
        products = [sum(a * value for a, value in zip(row, x, strict=True)) for row in A]
        meets = products == [answer.denominator * value for value in b]
        return answer.farkas is None and answer.denominator > 0 and min(x, default=0) >= 0 and meets
    y = answer.farkas
    assert y is not None
    below = all(sum(a * value for a, value in zip(column, y, strict=True)) <= 0 for column in columns)
    return below and sum(value * weight for value, weight in zip(b, y, strict=True)) > 0


@st.composite
def systems(draw: st.DrawFn) -> tuple[list[list[int]], list[int]]:
    """Small numbers, so that steps without progress are common, or large ones; half of them solvable."""
    n, k = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    number = st.integers(-2, 2) if draw(st.booleans()) else st.integers(-(10**30), 10**30)
    A = draw(st.lists(st.lists(number, min_size=k, max_size=k), min_size=n, max_size=n))
    if draw(st.booleans()):
        x = draw(st.lists(st.integers(0, 3), min_size=k, max_size=k))
        return A, [sum(a * value for a, value in zip(row, x, strict=True)) for row in A]
    return A, draw(st.lists(number, min_size=n, max_size=n))


@settings(max_examples=300)
@given(systems())
def test_every_answer_proves_itself(system: tuple[list[list[int]], list[int]]) -> None:
    A, b = system
    answer = nonnegative_solution(A, b)
    assert answer is not None
    assert proves(answer, A, b)


def test_both_sides() -> None:
    assert nonnegative_solution([[1, 1]], [2]) == ExactAlternative(solution=(2, 0))
    assert nonnegative_solution([[1, 1]], [-2]) == ExactAlternative(farkas=(-1,))
    assert nonnegative_solution([[0]], [0]) == ExactAlternative(solution=(0,))


@pytest.mark.parametrize("seed", range(3))
def test_systems_of_rounded_numbers(seed: int) -> None:
    # 53-bit numbers, a hundred unknowns: intermediate fractions are large, and the answer is still exact.
    rng = np.random.default_rng(seed)
    A = [[int(value) for value in row] for row in np.round(rng.standard_normal((8, 40)) * 2.0**52)]
    b = [int(value) for value in np.round(rng.standard_normal(8) * 2.0**52)]
    answer = nonnegative_solution(A, b)
    assert answer is not None
    assert proves(answer, A, b)


def test_it_gives_up_after_so_much_work() -> None:
    assert nonnegative_solution([[1, 0], [0, 1]], [1, 1], work=1.0) is None
    assert nonnegative_solution([[1, 0], [0, 1]], [1, 1], work=100.0) is not None


def test_a_free_unknown_that_a_prime_hides_still_counts() -> None:
    # Modulo the prime that picks independent columns the first one vanishes.
    n = 20
    A = [[PRIMES[0] if i == j == 0 else int(i == j) for j in range(n)] for i in range(n)]
    answer = nonnegative_solution(A, [-1] * n, free=range(n))
    assert answer is not None
    assert answer.solution is not None
    assert answer.solution[0] * PRIMES[0] == -answer.denominator
    bounded = nonnegative_solution(A, [-1] * n, free=range(1, n))
    assert bounded is not None
    assert bounded.farkas == (-1,) + (0,) * (n - 1)


@pytest.mark.parametrize("seed", range(20))
def test_free_unknowns_are_as_good_as_two_opposite_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k, n_free = int(rng.integers(1, 6)), int(rng.integers(1, 7)), int(rng.integers(1, 4))
    A, F = rng.integers(-2, 3, (n, k)), rng.integers(-2, 3, (n, n_free))
    b = rng.integers(-2, 3, n).tolist()
    found = nonnegative_solution(np.hstack([A, F]).tolist(), b, free=range(k, k + n_free))
    split = nonnegative_solution(np.hstack([A, F, -F]).tolist(), b)
    assert found is not None
    assert split is not None
    assert (found.solution is None) == (split.solution is None)
    if found.solution is not None:
        assert min(found.solution[:k]) >= 0
        assert (np.hstack([A, F]) @ found.solution == found.denominator * np.array(b)).all()
    else:
        y = np.array(found.farkas)
        assert (y @ A <= 0).all()
        assert not (y @ F).any()
        assert y @ b > 0
