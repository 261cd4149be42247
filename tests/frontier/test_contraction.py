"""What linear inequalities leave of boxes: no point that keeps them is cut off, in rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from unrelu.frontier.contraction import Contracted, contract


def tensors(*arrays: object) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    a, b, c, d = (torch.tensor(array, dtype=torch.float64)[None] for array in arrays)
    return a, b, c, d


def keeps(point: list[Fraction], slopes: np.ndarray, limits: np.ndarray) -> bool:
    rows = zip(slopes.tolist(), limits.tolist(), strict=True)
    return all(times(row, point) <= Fraction(limit) for row, limit in rows if np.isfinite(limit))


def times(row: list[float], point: list[Fraction]) -> Fraction:
    return sum((Fraction(a) * x for a, x in zip(row, point, strict=True)), Fraction(0))


def holds(found: Contracted, point: list[Fraction]) -> bool:
    ends = zip(found.lower[0].tolist(), point, found.upper[0].tolist(), strict=True)
    return float(found.excess) <= 0 and all(Fraction(a) <= x <= Fraction(b) for a, x, b in ends)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e12, 1e150])
@pytest.mark.parametrize("seed", range(30))
def test_no_point_that_keeps_the_inequalities_is_cut_off(seed: int, scale: float) -> None:
    """Rows go through points of the box exactly, or as nearly as floats do, so that a rounding shows."""
    rng = np.random.default_rng(seed)
    d, k = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    low = rng.standard_normal(d) * scale
    high = low + rng.choice([0.0, 1.0, 1e-14, 3.0], d) * scale
    points = [[Fraction(float(v)) for v in np.clip(rng.uniform(low, high), low, high)] for _ in range(5)]
    slopes = rng.standard_normal((k, d)) * rng.choice([0.0, 1.0, 1e-3, 1e6], (k, d))
    tops = [max(times(row, point) for point in points[:2]) for row in slopes.tolist()]
    limits = np.array([float(top) for top in tops])
    limits = np.where(rng.random(k) < 0.2, np.inf, limits)
    found = contract(*tensors(low, high, slopes, limits))
    for point in points:
        if keeps(point, slopes, limits):
            assert holds(found, point)


def test_a_diagonal_leaves_its_corner() -> None:
    """x + y <= 1 and x >= 3/4 in [0, 1]^2: y <= 1/4."""
    found = contract(*tensors([0.0, 0.0], [1.0, 1.0], [[1.0, 1.0], [-1.0, 0.0]], [1.0, -0.75]))
    assert found.lower[0].tolist() == pytest.approx([0.75, 0.0])
    assert found.upper[0].tolist() == pytest.approx([1.0, 0.25])
    assert float(found.excess) <= 0


def test_what_is_broken_everywhere_is_told_and_what_holds_at_one_corner_is_not() -> None:
    box = [0.0, 0.0], [1.0, 1.0]
    assert float(contract(*tensors(*box, [[1.0, 1.0]], [-1e-12])).excess) > 0
    assert float(contract(*tensors(*box, [[1.0, 1.0]], [0.0])).excess) <= 0
    assert float(contract(*tensors(*box, [[-1.0, -1.0]], [-2.0])).excess) <= 0
    assert float(contract(*tensors(*box, [[-1.0, -1.0]], [-2.000000001])).excess) > 0


def test_caution_cuts_off_less() -> None:
    args = tensors([0.0, -1.0], [1.0, 1.0], [[3.0, 1.0], [-1.0, 0.3]], [1.1, -0.2])
    plain, careful = contract(*args), contract(*args, caution=1.0)
    assert bool((careful.lower <= plain.lower).all())
    assert bool((careful.upper >= plain.upper).all())
    assert not torch.equal(careful.lower, plain.lower) or not torch.equal(careful.upper, plain.upper)
