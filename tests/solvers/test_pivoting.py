"""Small non-negative least-squares problems against all choices of their positive unknowns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from unrelu.solvers import pivoting
from unrelu.solvers.pivoting import nonnegative_quadratic


def by_all_choices(S: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The minimiser, by trying every set of positive unknowns."""
    n, best, least = q.size, np.zeros(q.size), 0.0
    for inside in itertools.chain.from_iterable(itertools.combinations(range(n), k) for k in range(1, n + 1)):
        chosen, values = np.array(inside), np.zeros(n)
        values[chosen] = np.linalg.solve(S[np.ix_(chosen, chosen)], q[chosen])
        if (values >= 0).all() and (cost := 0.5 * values @ S @ values - q @ values) < least:
            best, least = values, cost
    return best


def problem(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n + int(rng.integers(0, 3)), n))
    return A.T @ A + 10.0 ** -rng.integers(2, 5) * np.eye(n), rng.standard_normal(n)


@pytest.mark.parametrize("patience", [0, 3])
@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_the_minimiser_is_found(monkeypatch: pytest.MonkeyPatch, n: int, patience: int) -> None:
    monkeypatch.setattr(pivoting, "_PATIENCE", patience)
    for seed in range(40 if n < 8 else 10):
        S, q = problem(seed, n)
        found = nonnegative_quadratic(S, q)
        assert found is not None
        np.testing.assert_allclose(found, by_all_choices(S, q), rtol=1e-6, atol=1e-9)


# Found by a search: exchanging blocks returns to where it was, again and again.
CYCLING = [
    (
        [
            [4, -2, -4, 0, -6, -6],
            [-2, 5, 8, 4, -3, 1],
            [-4, 8, 14, 4, -2, 1],
            [0, 4, 4, 9, -7, 2],
            [-6, -3, -2, -7, 21, 7],
            [-6, 1, 1, 2, 7, 27],
        ],
        [3, -3, 0, 3, 1, -1],
    ),
    (
        [
            [1, 2, 0, -3, 2, 1],
            [2, 5, 3, -3, 4, 5],
            [0, 3, 13, 11, 0, 3],
            [-3, -3, 11, 20, -9, 3],
            [2, 4, 0, -9, 14, 5],
            [1, 5, 3, 3, 5, 29],
        ],
        [1, 1, 2, -3, -3, 2],
    ),
]


@pytest.mark.parametrize(("S", "q"), CYCLING)
def test_one_index_at_a_time_settles_what_blocks_do_not(
    monkeypatch: pytest.MonkeyPatch, S: list[list[int]], q: list[int]
) -> None:
    matrix, right = np.array(S, dtype=float), np.array(q, dtype=float)
    found = nonnegative_quadratic(matrix, right)
    assert found is not None
    np.testing.assert_allclose(found, by_all_choices(matrix, right), atol=1e-9)
    monkeypatch.setattr(pivoting, "_PATIENCE", 10**6)
    assert nonnegative_quadratic(matrix, right) is None


def test_no_index_is_better_than_rounding_allows() -> None:
    S, q = np.eye(2), np.array([1.0, 0.0])
    found = nonnegative_quadratic(S, q)
    assert found is not None
    assert found.tolist() == [1.0, 0.0]
    assert nonnegative_quadratic(S, np.array([1.0, -1e-14])) is not None
    assert nonnegative_quadratic(np.zeros((2, 2)), q) is None
    assert nonnegative_quadratic(np.zeros((0, 0)), np.zeros(0)) is not None
    for tiny in (1e-200, 1e200):
        found = nonnegative_quadratic(S, np.array([-tiny, 3 * tiny]))
        assert found is not None
        assert found.tolist() == [0.0, 3 * tiny]


def test_rounding_at_the_kink_changes_no_sides() -> None:
    """Unknowns that are 0 with a gradient of 0, and one of which all numbers are 0 but its own."""
    for seed in range(60):
        S, _ = problem(seed, 6)
        values = np.random.default_rng(seed).random(6) * (np.arange(6) % 2)
        whole, right = np.eye(7), np.zeros(7)
        whole[:6, :6], right[:6] = S, S @ values
        found = nonnegative_quadratic(whole, right)
        assert found is not None
        np.testing.assert_allclose(found[:6], values, atol=1e-7)


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**600])
def test_the_scale_of_the_right_hand_side_does_not_matter(scale: float) -> None:
    for seed in range(60):
        S, q = problem(seed, 6)
        found, scaled = nonnegative_quadratic(S, q), nonnegative_quadratic(S, q * scale)
        assert found is not None
        assert scaled is not None
        assert scaled.tolist() == (found * scale).tolist()
