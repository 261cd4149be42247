"""How far draws of several Markov chains can be trusted: effective sample size and R-hat."""

from __future__ import annotations

import numpy as np

from unrelu.errors import ShapeError

_BLOCK = 2**21
"""Numbers whose transforms are held at once: 16 MB, and a few times as much in transforms."""

LEAST_DRAWS = 4
"""Draws a chain needs so that its halves have a variance."""


def effective_sample_size(draws: np.ndarray) -> np.ndarray:
    """How many independent draws would give means as exact as these: `C N / (1 + 2 sum_t rho_t)`.

    Autocovariances are taken about the mean of all chains, so that chains which disagree show as correlation that
    does not die out, and are averaged over the chains. Their sum ends where Geyer's initial monotone sequence does
    (Practical Markov chain Monte Carlo, Statistical Science 7, 1992, section 3.3): sums of neighbours
    `rho_2k + rho_2k+1` are positive and decrease for a reversible chain. With C chains the estimate is never below C/2,
    however slow they are: chains are independent of each other, and R-hat tells whether they found the same place.

    Args:
        draws: (C, N, f), N successive draws of C chains, for each of f functions.

    Returns:
        (f,) float64; more than C N for draws that repel each other, at most `C N log10(C N)` (Vehtari et al. 2021);
        NaN where there are fewer than `LEAST_DRAWS` draws a chain, or where a function is constant.

    Raises:
        ShapeError: if the draws do not have three axes.
    """
    C, N, f = _shape(draws)
    sizes = np.full(f, np.nan)
    if N < LEAST_DRAWS:
        return sizes
    step = max(1, _BLOCK // (2 * C * N))
    for start in range(0, f, step):
        part = slice(start, start + step)
        sizes[part] = C * N / np.maximum(_correlation_time(draws[:, :, part]), 1 / np.log10(max(C * N, 10)))
    return sizes


def split_r_hat(draws: np.ndarray) -> np.ndarray:
    """The potential scale reduction factor of Gelman and Rubin on halves of chains: near 1 when they agree.

    `sqrt(((n - 1)/n W + B/n) / W)` with W the mean variance within the 2 C half chains of n draws, and B/n the variance
    of their means (Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4; Vehtari et al., Bayesian Analysis 16,
    2021, equations 1 to 4). Draws from a bounded set have no heavy tails, for which ranks would be taken first.

    Args:
        draws: (C, N, f), N successive draws of C chains, for each of f functions; of an odd number the middle is left
            out.

    Returns:
        (f,) float64; NaN where there are fewer than `LEAST_DRAWS` draws a chain, or where a function is constant.

    Raises:
        ShapeError: if the draws do not have three axes.
    """
    _, N, f = _shape(draws)
    if N < LEAST_DRAWS:
        return np.full(f, np.nan)
    n = N // 2
    halves = [draws[:, :n], draws[:, N - n :]]
    means = np.concatenate([half.mean(axis=1) for half in halves])
    within = np.concatenate([half.var(axis=1, ddof=1) for half in halves]).mean(axis=0)
    between = means.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt((n - 1) / n + between / within)
    return np.where(_constant(draws), np.nan, ratio)


def _shape(draws: np.ndarray) -> tuple[int, int, int]:
    if draws.ndim != 3 or 0 in draws.shape[:2]:
        raise ShapeError(f"diagnostics need draws of shape (chains, draws, functions), not {draws.shape}.")
    C, N, f = draws.shape
    return C, N, f


def _constant(draws: np.ndarray) -> np.ndarray:
    """(f,) bool: functions that vary by no more than rounding."""
    low, high = draws.min(axis=(0, 1)), draws.max(axis=(0, 1))
    return high - low <= 2.0**-48 * np.maximum(np.abs(low), np.abs(high))


def _correlation_time(draws: np.ndarray) -> np.ndarray:
    """`1 + 2 sum_t rho_t`: (f,)."""
    N = draws.shape[1]
    centred = draws - draws.mean(axis=(0, 1))
    transform = np.fft.rfft(centred, 2 * N, axis=1)
    power = np.mean(transform.real**2 + transform.imag**2, axis=0)
    covariance = np.fft.irfft(power, 2 * N, axis=0)[:N] / np.arange(N, 0, -1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = covariance / covariance[0]
    even = N - N % 2
    pairs = rho[0:even:2] + rho[1:even:2]
    positive = np.cumprod(pairs > 0, axis=0)
    monotone = np.minimum.accumulate(pairs, axis=0)
    time = 2 * (monotone * positive).sum(axis=0) - 1
    return np.where(_constant(draws), np.nan, time)
