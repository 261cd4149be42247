"""What is used on inverse problems with errors: least squares from many starts, nested sampling, an ensemble sampler.

All of them in the unit box, with a uniform prior and Gaussian errors. dynesty and emcee are imported where they run:
`pip install dynesty emcee`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from benchmarks.stacked_emulators import StackedEmulators

NORMAL_99 = 2.5758293035489004
"""Standard deviations from the middle of a normal distribution to the ends of its central 99 %."""


@dataclass(frozen=True, eq=False)
class Misfit:
    """The problem.

    Attributes:
        forward: of d inputs and m outputs.
        measured: (m,).
        off: (m,) how far each may be off; it is the central 99 % of the Gaussian error.
        d: how many inputs.
    """

    forward: StackedEmulators
    measured: np.ndarray
    off: np.ndarray
    d: int

    def residuals(self, v: np.ndarray) -> np.ndarray:
        """(n, d) -> (n, m), in standard deviations."""
        return (self.forward.values(v) - self.measured) * (NORMAL_99 / self.off)

    def consistent(self, v: np.ndarray) -> np.ndarray:
        """(n, d) -> (n,) bool: no output off by more than it may be."""
        return np.all(np.abs(self.residuals(v)) <= NORMAL_99, axis=1)

    def log_posterior(self, v: np.ndarray) -> np.ndarray:
        """(n, d) -> (n,), up to a constant; points outside of the box are not evaluated."""
        inside = ((v >= 0) & (v <= 1)).all(axis=1)
        log = np.full(len(v), -np.inf)
        if inside.any():
            log[inside] = -0.5 * (self.residuals(v[inside]) ** 2).sum(axis=1)
        return log

    def log_likelihood(self, v: np.ndarray) -> float:
        """(d,) of the unit box -> a number."""
        return float(-0.5 * (self.residuals(v[None]) ** 2).sum())


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a method gives.

    Attributes:
        points: (n, d) of the unit box: fits, or samples of equal weight.
        interval: (d, 2) central 99 % of each unknown; NaN where there is none.
        more: of the method.
    """

    points: np.ndarray
    interval: np.ndarray
    more: dict[str, Any]


def many_fits(misfit: Misfit, *, starts: int, seed: int) -> Sampled:
    """Least squares from uniformly random starts, with exact Jacobians, in the box.

    Levenberg-Marquardt itself knows no bounds; this is SciPy's trust-region method, which does the same in a box. The
    fits that are consistent with the measured numbers are kept. Each of them has an interval from the covariance
    `(J'J)^-1` there, cut off at the box; `interval` reaches from the least to the greatest end of them all.
    """
    scale = NORMAL_99 / misfit.off
    ends: list[np.ndarray] = []
    for start in np.random.default_rng(seed).random((starts, misfit.d)):
        fit = least_squares(
            lambda v: misfit.residuals(v[None])[0],
            start,
            jac=lambda v: misfit.forward.jacobian(v) * scale[:, None],  # pyright: ignore[reportArgumentType]
            bounds=(0.0, 1.0),
            method="trf",
        )
        ends.append(fit.x)
    points = np.stack(ends)
    points = points[misfit.consistent(points)]
    interval = np.full((misfit.d, 2), np.nan)
    for v in points:
        J = misfit.forward.jacobian(v) * scale[:, None]
        size = np.linalg.svd(J, compute_uv=False)
        known = size[-1] > 1e-12 * size[0]
        half = NORMAL_99 * np.sqrt(np.diag(np.linalg.inv(J.T @ J))) if known else np.ones(misfit.d)
        interval[:, 0] = np.fmin(interval[:, 0], np.maximum(v - half, 0.0))
        interval[:, 1] = np.fmax(interval[:, 1], np.minimum(v + half, 1.0))
    return Sampled(points=points, interval=interval, more={"starts": starts, "consistent_fits": len(points)})


def nested(misfit: Misfit, *, live: int, seed: int) -> Sampled:
    """Nested sampling by dynesty, until as little of the evidence is left as its default asks for.

    It proposes by random walks: of its default in few dimensions, uniform draws from ellipsoids, it warns here itself
    that they may be inefficient, and advises walks or slices.

    Raises:
        ImportError: without dynesty.
    """
    import dynesty  # pyright: ignore[reportMissingImports]

    sampler = dynesty.NestedSampler(
        misfit.log_likelihood,
        lambda v: v,
        misfit.d,
        nlive=live,
        sample="rwalk",
        rstate=np.random.default_rng(seed),
    )
    sampler.run_nested(print_progress=False)
    points = sampler.results.samples_equal(rstate=np.random.default_rng(seed))
    more = {"live": live, "iterations": int(sampler.results.niter)}
    return Sampled(points=points, interval=_central(points), more=more)


def ensemble(misfit: Misfit, *, walkers: int, steps: int, dropped: int, seed: int) -> Sampled:
    """The ensemble sampler emcee with its default moves, walkers started uniformly at random in the box.

    Raises:
        ImportError: without emcee.
    """
    import emcee  # pyright: ignore[reportMissingImports]

    sampler = emcee.EnsembleSampler(walkers, misfit.d, misfit.log_posterior, vectorize=True)
    # Its moves draw from a generator of its own.
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(np.random.default_rng(seed).random((walkers, misfit.d)), steps)
    points = np.asarray(sampler.get_chain(discard=dropped, flat=True))
    correlated = sampler.get_autocorr_time(discard=dropped, quiet=True, tol=0)
    more = {
        "walkers": walkers,
        "steps": steps,
        "dropped": dropped,
        "autocorrelation_steps": correlated.tolist(),
        "accepted": float(sampler.acceptance_fraction.mean()),
    }
    return Sampled(points=points, interval=_central(points), more=more)


def _central(points: np.ndarray) -> np.ndarray:
    return np.quantile(points, [0.005, 0.995], axis=0).T
