"""An unbiased Monte Carlo estimate of a volume, with a confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, stdtrit

from unrelu.polyhedra.volumes.gibbs import GibbsChains
from unrelu.polyhedra.volumes.round_body import RoundBody
from unrelu.progress import Progress

GROUPS = 20
"""Independent estimates, whose scatter gives the confidence interval."""

CHAINS = 32
"""Chains in each group."""

DRAWS = 1024
"""Draws of each group for the first Gaussian's share of the body."""

STEP = 0.35
"""Standard deviation of the logarithm of the weight that one step of the first cooling adds."""

_PILOT = 128


@dataclass(frozen=True)
class AnnealedVolume:
    """A volume estimated by annealing.

    Attributes:
        log_estimate: logarithm of the estimate, whose expectation is the volume exactly.
        half_width: half the width of the confidence interval of the logarithm.
        sweeps: Gibbs sweeps of each chain in the last run.
    """

    log_estimate: float
    half_width: float
    sweeps: int


def annealed_volume(
    body: RoundBody, *, accuracy: float, confidence: float, seed: int, max_updates: float, progress: Progress
) -> AnnealedVolume:
    """Estimate the volume of a round body by sequential Monte Carlo (Del Moral, Doucet, Jasra, 2006).

    The Gaussians `exp(-a ||v||^2 / 2)` restricted to the body lead from a sharp one, whose integral is known up to the
    share of its draws that lie inside, to a = 0, the volume. A group of chains starts with such draws; while a falls,
    the chains are weighted by the ratio of the densities, resampled, and moved by a Gibbs sweep. The product of the
    mean weights times the first integral is an unbiased estimate *however badly the chains mix*; bad mixing shows as
    scatter between groups, that is, as a wide interval. Student's interval is taken over the independent groups. The
    cooling is slowed down until the interval is narrow enough.

    Args:
        body: the body, in n >= 1 dimensions.
        accuracy: half-width of the interval of the logarithm at which to stop.
        confidence: of the interval.
        seed: of the random numbers.
        max_updates: no run that updates more slacks than this is begun but the first; a sweep updates every slack of
            every chain once for each coordinate, some 4e8 in a second.
        progress: where to show progress.
    """
    rng = np.random.default_rng(seed)
    first = _first_precision(body, rng)
    schedule = _pilot_schedule(body, first, rng, progress)
    sweep_updates = body.rows.size * GROUPS * CHAINS
    quantile = float(stdtrit(GROUPS - 1, 0.5 + 0.5 * confidence))
    while True:
        logs = _run(body, schedule, rng, progress)
        center = float(logsumexp(logs)) - math.log(GROUPS)
        spread = float(np.exp(logs - center).std(ddof=1)) / math.sqrt(GROUPS)
        found = AnnealedVolume(center + body.log_scale, quantile * spread, len(schedule) - 2)
        # The variance falls as one over the number of sweeps; a guess from few groups is not followed too far.
        factor = min(4, max(2, math.ceil((found.half_width / accuracy) ** 2)))
        if found.half_width <= accuracy or factor * len(schedule) * sweep_updates > max_updates:
            return found
        schedule = _slower(schedule, factor)


def _first_precision(body: RoundBody, rng: np.random.Generator) -> float:
    """A precision at which half of the Gaussian or more lies inside."""
    precision = 1.0
    while _inside(body, precision, DRAWS, rng)[1] < 0.5:
        precision *= 1.3
    return precision


def _inside(body: RoundBody, precision: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Draws of a Gaussian that lie in the body, as columns, and their share of all."""
    points = rng.standard_normal((body.dimension, count)) / math.sqrt(precision)
    inside = (body.rows @ points < 1.0).all(axis=0)
    return points[:, inside], float(inside.mean())


def _pilot_schedule(body: RoundBody, first: float, rng: np.random.Generator, progress: Progress) -> np.ndarray:
    """Precisions from the first to 0, each as far from the last as the weights of a few chains allow."""
    chains = GibbsChains(body, _starts(body, first, _PILOT, rng)[0], rng)
    schedule = [first]
    with progress.stage("volume: cooling schedule", 1) as advance:
        while schedule[-1] > 0.0:
            squares = (chains.points**2).sum(axis=0)
            step = 2.0 * STEP / max(float(squares.std()), np.finfo(np.float64).tiny)
            schedule.append(max(0.0, schedule[-1] - step))
            if schedule[-1] > 0.0:
                logs = 0.5 * (schedule[-2] - schedule[-1]) * squares
                chains.points = chains.points[:, _resampled(logs, rng)]
                chains.sweep(schedule[-1])
        advance(1)
    return np.array(schedule)


def _starts(body: RoundBody, precision: float, count: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """So many draws that lie in the body, and the share of all draws that do."""
    parts, shares = [], []
    while sum(part.shape[1] for part in parts) < count:
        inside, share = _inside(body, precision, DRAWS, rng)
        parts.append(inside)
        shares.append(share)
    return np.concatenate(parts, axis=1)[:, :count], float(np.mean(shares))


def _slower(schedule: np.ndarray, factor: int) -> np.ndarray:
    """The schedule with every step cut into so many."""
    at = np.arange(len(schedule))
    return np.interp(np.arange((len(schedule) - 1) * factor + 1) / factor, at, schedule)


def _run(body: RoundBody, schedule: np.ndarray, rng: np.random.Generator, progress: Progress) -> np.ndarray:
    """The logarithm of each group's estimate of the round body's volume: (GROUPS,)."""
    n, first = body.dimension, float(schedule[0])
    starts = [_starts(body, first, CHAINS, rng) for _ in range(GROUPS)]
    logs = 0.5 * n * math.log(2 * math.pi / first) + np.log([share for _, share in starts])
    chains = GibbsChains(body, np.concatenate([points for points, _ in starts], axis=1), rng)
    offsets = CHAINS * np.arange(GROUPS)[:, None]
    with progress.stage("volume: annealing", len(schedule) - 1) as advance:
        for before, after in zip(schedule[:-1].tolist(), schedule[1:].tolist(), strict=True):
            weights = 0.5 * (before - after) * (chains.points**2).sum(axis=0).reshape(GROUPS, CHAINS)
            logs = logs + logsumexp(weights, axis=1) - math.log(CHAINS)
            if after > 0.0:
                chosen = np.stack([_resampled(group, rng) for group in weights])
                chains.points = chains.points[:, (chosen + offsets).reshape(-1)]
                chains.sweep(after)
            advance(1)
    return logs


def _resampled(log_weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices drawn in proportion to weights, by one uniform number for all (systematic resampling)."""
    weights = np.exp(log_weights - log_weights.max())
    edges = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(edges, (rng.random() + np.arange(edges.size)) / edges.size), edges.size - 1)
