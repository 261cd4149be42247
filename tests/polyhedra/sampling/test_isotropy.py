"""Covariances from few draws."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.polyhedra.sampling.isotropy import shrunken_covariance


def normal(covariance: np.ndarray, draws: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    return rng.standard_normal((draws, len(covariance))) @ np.linalg.cholesky(covariance).T


@pytest.mark.parametrize("draws", [100, 400, 2000])
def test_noise_alone_becomes_one_level(draws: int) -> None:
    sizes, vectors = shrunken_covariance(normal(3.0 * np.eye(300), draws), draws)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(300), atol=1e-12)
    # The outermost eigenvalues fluctuate about the edge, and then count as barely more or less than the level.
    assert np.median(sizes) == pytest.approx(3.0, rel=0.05)
    assert (np.abs(sizes / np.median(sizes) - 1) < 1e-12).mean() > 0.97
    assert sizes.max() < 3 * np.median(sizes)


def test_a_long_direction_is_found_among_more_dimensions_than_draws() -> None:
    spread = np.ones(300)
    spread[7] = 100.0
    sizes, vectors = shrunken_covariance(normal(np.diag(spread), 150), 150)
    longest = int(np.argmax(sizes))
    assert 60 < sizes[longest] < 140
    assert abs(vectors[7, longest]) > 0.95
    assert np.sort(sizes)[-2] < 3
    assert np.median(sizes) == pytest.approx(1.0, rel=0.1)


def test_many_draws_give_their_covariance() -> None:
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    truth = Q * np.array([0.05, 0.3, 1.0, 1.5, 10.0, 100.0]) @ Q.T
    sizes, vectors = shrunken_covariance(normal(truth, 20000), 20000)
    relative = np.linalg.solve(truth, (vectors * sizes) @ vectors.T)
    assert np.linalg.eigvals(relative).real.min() > 0.8
    assert np.linalg.eigvals(relative).real.max() < 1.25


def test_one_draw_says_nothing() -> None:
    assert shrunken_covariance(np.ones((1, 4)), 1.0)[0].tolist() == [1, 1, 1, 1]
