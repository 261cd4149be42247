"""How far draws of several Markov chains can be trusted: effective sample size and R-hat."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from unrelu.errors import SamplingWarning, ShapeError

_BLOCK = 2**21
"""Numbers whose transforms are held at once: 16 MB, and a few times as much in transforms."""

LEAST_DRAWS = 4
"""Draws a chain needs so that its halves have a variance."""

R_HAT_LIMIT = 1.05
"""The greatest R-hat of any coordinate that is not warned of.

Vehtari et al. (2021) ask for 1.01, of single quantities and for final work, and 1.1 was usual before. The greatest of
hundreds of coordinates, each with chains of about 32 draws, exceeds 1.01 by chance even where draws are independent."""


def effective_sample_size(draws: np.ndarray) -> np.ndarray:
    """How many independent draws would give means as exact as these: `S = C N / (1 + 2 sum_t rho_t)`.

    The estimate of Vehtari, Gelman, Simpson, Carpenter and Bürkner (Rank-normalization, folding, and localization: an
    improved R-hat, Bayesian Analysis 16, 2021, section 3.2) without ranks, as Stan and ArviZ give it for means: on
    halves of chains, `rho_t = 1 - (W - mean of the halves' autocovariances at lag t) / var+` with W and var+ as in
    R-hat, so that chains which disagree show as correlation that does not die out. The sum ends where Geyer's initial
    monotone sequence does (Practical Markov chain Monte Carlo, Statistical Science 7, 1992, section 3.3): sums of
    neighbours `rho_2k + rho_2k+1` are positive and decrease for a reversible chain.

    Halves that are short make it too large by chance: of nearly independent draws by 30, 15 and 10 percent for halves
    of 8, 16 and 32. Many chains that do not move at all still count as one draw or so each; R-hat tells of those.

    Args:
        draws: (C, N, f), N successive draws of C chains, for each of f functions; of an odd number the middle is left
            out.

    Returns:
        (f,) float64; more than C N for draws that repel each other, at most `C N log10(C N)`, as in the reference;
        NaN where there are fewer than `LEAST_DRAWS` draws a chain, or where a function is constant.

    Raises:
        ShapeError: if the draws do not have three axes.
    """
    C, N, f = _shape(draws)
    sizes = np.full(f, np.nan)
    if N < LEAST_DRAWS:
        return sizes
    total = 2 * C * (N // 2)
    step = max(1, _BLOCK // (2 * C * N))
    for start in range(0, f, step):
        part = slice(start, start + step)
        sizes[part] = total / np.maximum(_correlation_time(_Halves.of(draws[:, :, part])), 1 / np.log10(max(total, 10)))
    return np.where(_constant(draws), np.nan, sizes)


def split_r_hat(draws: np.ndarray) -> np.ndarray:
    """The potential scale reduction factor of Gelman and Rubin on halves of chains: near 1 when they agree.

    `sqrt(var+ / W)`, `var+ = (n - 1)/n W + B/n`, with W the mean variance within the 2 C half chains of n draws, and
    B/n the variance of their means (Gelman et al., Bayesian Data Analysis, 3rd ed., section 11.4; Vehtari et al. 2021,
    equations 1 to 4). Draws from a bounded set have no heavy tails, for which ranks would be taken first.

    Args:
        draws: (C, N, f), as above.

    Returns:
        (f,) float64; NaN where there are fewer than `LEAST_DRAWS` draws a chain, or where a function is constant.

    Raises:
        ShapeError: if the draws do not have three axes.
    """
    _, N, f = _shape(draws)
    if N < LEAST_DRAWS:
        return np.full(f, np.nan)
    halves = _Halves.of(draws)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(_constant(draws), np.nan, np.sqrt(halves.total / halves.within))


def warn_of_disagreement(r_hat: np.ndarray, n: int, stacklevel: int) -> None:
    """Warn (`SamplingWarning`) where the greatest R-hat exceeds `R_HAT_LIMIT`; NaN says nothing.

    Args:
        r_hat: of each coordinate.
        n: number of points drawn.
        stacklevel: as of `warnings.warn`, counted from the caller of this function.
    """
    worst = float(np.max(r_hat, initial=0.0, where=~np.isnan(r_hat)))
    if worst > R_HAT_LIMIT:
        warnings.warn(
            f"R-hat of these {n} points reaches {worst:.3f}, where the chains that drew them should agree to within "
            f"{R_HAT_LIMIT} (1.01 for final work), so means over them cannot be trusted; draw more, say "
            f"{max(2000, 4 * n)}.",
            SamplingWarning,
            stacklevel=stacklevel + 1,
        )


@dataclass(frozen=True, eq=False)
class _Halves:
    """The first and second halves of chains.

    Attributes:
        centred: (2 C, n, f) draws less the mean of their half.
        within: W, (f,) the mean variance in a half.
        total: var+, (f,) the variance that these and the variance of the means suggest.
    """

    centred: np.ndarray
    within: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, draws: np.ndarray) -> _Halves:
        N = draws.shape[1]
        n = N // 2
        halves = np.concatenate([draws[:, :n], draws[:, N - n :]])
        means = halves.mean(axis=1)
        within = halves.var(axis=1, ddof=1).mean(axis=0)
        return cls(halves - means[:, None], within, (n - 1) / n * within + means.var(axis=0, ddof=1))


def _shape(draws: np.ndarray) -> tuple[int, int, int]:
    if draws.ndim != 3 or 0 in draws.shape[:2]:
        raise ShapeError(f"diagnostics need draws of shape (chains, draws, functions), not {draws.shape}.")
    C, N, f = draws.shape
    return C, N, f


def _constant(draws: np.ndarray) -> np.ndarray:
    """(f,) bool: functions that vary by no more than rounding."""
    low, high = draws.min(axis=(0, 1)), draws.max(axis=(0, 1))
    return high - low <= 2.0**-48 * np.maximum(np.abs(low), np.abs(high))


def _correlation_time(halves: _Halves) -> np.ndarray:
    """`1 + 2 sum_t rho_t`: (f,)."""
    n = halves.centred.shape[1]
    # Padded to twice the length, products of transforms are correlations that do not wrap around.
    transform = np.fft.rfft(halves.centred, 2 * n, axis=1)
    power = np.mean(transform.real**2 + transform.imag**2, axis=0)
    covariance = np.fft.irfft(power, 2 * n, axis=0)[:n] / n
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = 1 - (halves.within - covariance) / halves.total
    rho[0] = 1.0
    even = n - n % 2
    pairs = rho[0:even:2] + rho[1:even:2]
    positive = np.cumprod(pairs > 0, axis=0)
    monotone = np.minimum.accumulate(pairs, axis=0)
    # Of the first pair left out, the even lag still counts where it is positive; without, draws that repel each other
    # would look better than they are.
    following = np.append(rho[0:even:2], np.zeros((1, rho.shape[1])), axis=0)
    last = np.take_along_axis(following, positive.sum(axis=0)[None], axis=0)[0]
    return 2 * (monotone * positive).sum(axis=0) - 1 + np.maximum(last, 0.0)
