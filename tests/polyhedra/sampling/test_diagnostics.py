"""Effective sample sizes and R-hat against processes whose answers are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.errors import ShapeError
from unrelu.polyhedra.sampling.diagnostics import effective_sample_size, split_r_hat


def autoregressive(rho: float, chains: int, draws: int, functions: int) -> np.ndarray:
    """Stationary AR(1) chains with standard normal margins."""
    noise = np.random.default_rng(3).standard_normal((chains, draws, functions))
    x = noise.copy()
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
    return x


@pytest.mark.parametrize("rho", [-0.5, 0.0, 0.5, 0.9])
def test_first_order_autoregression(rho: float) -> None:
    # The variance of its mean is that of n (1 - rho) / (1 + rho) independent draws.
    x = autoregressive(rho, chains=16, draws=1000, functions=100)
    ratio = effective_sample_size(x) / (16000 * (1 - rho) / (1 + rho))
    assert 0.93 < np.median(ratio) < 1.09
    assert ratio.min() > 0.6
    assert ratio.max() < 1.4
    assert np.abs(split_r_hat(x) - 1).max() < 0.05  # (1 + 19/500)^(1/2) at rho = 0.9


@pytest.mark.parametrize(("rho", "draws", "ratio"), [(0.0, 16, 1.29), (0.0, 32, 1.13), (0.5, 16, 1.0), (0.8, 32, 0.83)])
def test_many_short_chains_are_judged_as_documented(rho: float, draws: int, ratio: float) -> None:
    # At rho = 0.8 the halves last less than two correlation times, and are called worse than they are.
    size = effective_sample_size(autoregressive(rho, chains=64, draws=draws, functions=300))
    assert np.median(size) / (64 * draws * (1 - rho) / (1 + rho)) == pytest.approx(ratio, abs=0.06)


def plain_effective_sample_size(x: np.ndarray) -> float:
    """For one function, (C, N), term by term, in the letters of Vehtari et al."""
    n = x.shape[1] // 2
    halves = [half for chain in x for half in (chain[:n], chain[-n:])]
    W = sum(half.var(ddof=1) for half in halves) / len(halves)
    var_plus = (n - 1) / n * W + np.var([half.mean() for half in halves], ddof=1)
    centred = [half - half.mean() for half in halves]
    rho = [1.0]
    for t in range(1, n):
        autocovariance = sum((z[: n - t] * z[t:]).sum() / n for z in centred) / len(halves)
        rho.append(1 - (W - autocovariance) / var_plus)
    total, least = 0.0, np.inf
    for k in range(n // 2):
        pair = rho[2 * k] + rho[2 * k + 1]
        if pair <= 0:
            total += max(rho[2 * k], 0.0) / 2
            break
        least = min(least, pair)
        total += least
    return len(halves) * n / (2 * total - 1)


def test_the_sum_ends_where_geyers_sequence_does() -> None:
    x = autoregressive(0.7, chains=3, draws=101, functions=50)
    expected = [plain_effective_sample_size(x[:, :, i]) for i in range(50)]
    np.testing.assert_allclose(effective_sample_size(x), expected, rtol=1e-9)


def test_means_are_as_exact_as_the_effective_sample_size_says() -> None:
    x = autoregressive(0.8, chains=8, draws=400, functions=2000)
    standardised = x.mean(axis=(0, 1)) * np.sqrt(effective_sample_size(x)) / x.std(axis=(0, 1))
    assert 0.93 < standardised.std() < 1.07


def test_chains_that_disagree_are_worth_about_one_draw_each() -> None:
    x = np.random.default_rng(0).standard_normal((8, 200, 40)) + 100 * np.arange(8)[:, None, None]
    size = effective_sample_size(x)
    assert size.min() >= 4
    assert size.max() < 20
    assert split_r_hat(x).min() > 50


def test_a_trend_within_each_chain_is_seen() -> None:
    x = np.random.default_rng(0).standard_normal((8, 200, 1))
    assert split_r_hat(x)[0] < 1.02
    assert split_r_hat(x + np.linspace(0, 3, 200)[:, None])[0] > 1.2


def test_r_hat_is_that_of_the_formula() -> None:
    x = np.random.default_rng(1).standard_normal((3, 9, 1)).cumsum(axis=1)
    halves = [chain[part, 0] for chain in x for part in (slice(0, 4), slice(5, 9))]
    W = sum(sum((half - half.mean()) ** 2) / 3 for half in halves) / 6
    means = [half.mean() for half in halves]
    B = 4 * sum((mean - sum(means) / 6) ** 2 for mean in means) / 5
    assert split_r_hat(x)[0] == pytest.approx(np.sqrt((0.75 * W + B / 4) / W), rel=1e-12)


def test_functions_do_not_depend_on_each_other() -> None:
    x = autoregressive(0.5, chains=64, draws=1000, functions=20)  # more than are transformed at once
    together = effective_sample_size(x)
    alone = np.concatenate([effective_sample_size(x[:, :, [i]]) for i in range(20)])
    np.testing.assert_allclose(together, alone, rtol=1e-9)


def test_constants_and_few_draws_say_nothing() -> None:
    x = np.random.default_rng(0).standard_normal((4, 50, 3))
    x[:, :, 1] = 0.1
    for found in (effective_sample_size(x), split_r_hat(x)):
        assert np.isnan(found).tolist() == [False, True, False]
    assert np.isnan(effective_sample_size(x[:, :3])).all()
    assert np.isnan(split_r_hat(x[:, :3])).all()
    assert np.isfinite(effective_sample_size(x[:, :4, :1])).all()


def test_draws_that_repel_each_other_are_not_worth_infinitely_many() -> None:
    x = np.tile([1.0, -1.0], 50)[None, :, None] * np.ones((4, 1, 1))
    assert effective_sample_size(x)[0] == pytest.approx(400 * np.log10(400))


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\(chains, draws, functions\), not \(4, 5\)"):
        effective_sample_size(np.zeros((4, 5)))
    with pytest.raises(ShapeError, match=r"not \(0, 5, 1\)"):
        split_r_hat(np.zeros((0, 5, 1)))
