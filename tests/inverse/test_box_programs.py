"""Batches of small linear programs, against SciPy and rational arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from unrelu.inverse.box_programs import proved_least, solve_box_programs

Given = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def programs(p: int, k: int, d: int, seed: int, scale: float = 1.0) -> Given:
    """Costs, rows, limits and boxes; every seventh of them has no point that keeps all rows, most likely."""
    rng = np.random.default_rng(seed)
    units = scale ** rng.uniform(-1, 1, (p, d))
    c, A = rng.standard_normal((p, d)) / units, rng.standard_normal((p, k, d)) / units[:, None]
    lower, upper = -rng.random((p, d)) * units, rng.random((p, d)) * units
    inside = lower + (upper - lower) * rng.random((p, d))
    b = (A @ inside[..., None])[..., 0] + 0.1 * rng.random((p, k)) * (rng.random((p, k)) < 0.7)
    b[::7] -= 0.5
    b[:, 0] = np.inf
    return (
        torch.from_numpy(c),
        torch.from_numpy(A),
        torch.from_numpy(b),
        torch.from_numpy(lower),
        torch.from_numpy(upper),
    )


@pytest.mark.parametrize(("k", "d", "scale"), [(1, 1, 1.0), (14, 3, 1.0), (20, 4, 1e6), (30, 6, 1e3)])
def test_programs_are_solved_and_bounds_are_proved(k: int, d: int, scale: float) -> None:
    given = programs(28, k, d, 0, scale)
    costs, rows, limits, low, high = given
    found = solve_box_programs(*given)
    least = proved_least(costs, rows, limits, found.weights, low, high)
    solved = 0
    for c, A, b, lower, upper, point, bound in zip(*(each.numpy() for each in given), found.points, least, strict=True):
        assert ((lower <= point.numpy()) & (point.numpy() <= upper)).all()
        truth = linprog(c, A[1:], b[1:], bounds=np.stack([lower, upper], axis=1))
        unit = np.abs(c * (upper - lower)).max()
        if truth.status == 2:
            assert float(bound) > np.maximum(c * lower, c * upper).sum()  # so no point is left
            continue
        solved += 1
        assert float(bound) <= truth.fun + 1e-9 * unit
        assert float(bound) >= truth.fun - 1e-6 * unit
        assert abs(c @ point.numpy() - truth.fun) <= 1e-6 * unit
    assert solved >= 20


def exactly(
    c: list[float], A: list[list[float]], b: list[float], w: list[float], lower: list[float], upper: list[float]
):
    """What weights prove, in rational arithmetic."""
    weights = [Fraction(max(v, 0.0)) if np.isfinite(limit) else Fraction(0) for v, limit in zip(w, b, strict=True)]
    total = sum((-v * Fraction(limit) for v, limit in zip(weights, b, strict=True) if v), Fraction(0))
    for j, cost in enumerate(c):
        slope = Fraction(cost) + sum((v * Fraction(row[j]) for v, row in zip(weights, A, strict=True)), Fraction(0))
        total += min(slope * Fraction(lower[j]), slope * Fraction(upper[j]))
    return total


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e100])
def test_any_weights_prove_no_more_than_they_do_exactly(scale: float) -> None:
    for seed in range(4):
        given = programs(8, 10, 3, seed, scale)
        weights = torch.from_numpy(np.random.default_rng(seed).standard_normal((8, 10)) * scale**0.1)
        costs, rows, limits, low, high = given
        least = proved_least(costs, rows, limits, weights, low, high)
        c, A, b, lower, upper = (each.tolist() for each in given)
        for k, bound in enumerate(least.tolist()):
            exact = exactly(c[k], A[k], b[k], weights[k].tolist(), lower[k], upper[k])
            assert Fraction(bound) <= exact
            size = float(np.abs(np.array(c[k]) * (np.array(upper[k]) - lower[k])).sum() + weights[k].abs().sum() * 9)
            assert float(exact) - bound <= 1e-10 * max(size, abs(bound))


def test_weights_that_overflow_prove_nothing() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    for weight in (torch.inf, torch.nan, -1.0):
        assert float(proved_least(one, one[:, None], 0 * one, weight * one, -one, one)) <= -1.0
    huge = proved_least(one, 1e300 * one[:, None], 0 * one, 1e300 * one, -one, one)
    assert float(huge) == -torch.inf
