"""The least misfit over a box, best first."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.inverse.best_fit import BestFit
from unrelu.inverse.covering import BATCH, Covering
from unrelu.inverse.misfits import Misfits
from unrelu.preimages.search.statement import InverseStatement
from unrelu.rigor.rounding import UNDERFLOW, UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from unrelu.preimages.search.examined import Examined

STARTS = 128
"""Random inputs that least squares begin at."""

NEGLIGIBLE = 1e-6
"""A difference of misfits, which are in units of squared errors, that nobody asks about."""

AGAIN = 0.25
"""Where a better fit than the first has less than this part of its misfit, boxes begin anew, with smaller residuals."""


def find_best_fit(
    asked: InverseStatement,
    sigma: Tensor,
    within: float,
    *,
    time_limit: float = math.inf,
    tell: Callable[[float], None] | None = None,
) -> BestFit:
    """The least of `sum(((F(x) - y) / sigma)^2)` over a box: damped least squares from many starts, and a proof.

    Inputs that fit as well as a known one have residuals of at most sigma times the root of its misfit: boxes are cut
    to that, and their misfit is bounded by the squares of affine bounds of the residuals.

    Args:
        asked: the network, the box and y; its resolution does not matter.
        sigma: (m,) float64, above 0.
        within: how much of the misfit may be open; differences below `NEGLIGIBLE` may always.
        time_limit: seconds.
        tell: is called with how near the least bound is.
    """
    start = time.monotonic()
    lower, upper = asked.lower, asked.upper
    rng = np.random.default_rng(0)
    starts = lower + (upper - lower) * torch.from_numpy(rng.random((STARTS, len(lower))))
    starts = torch.cat([(lower / 2 + upper / 2)[None], starts])
    plain = Misfits(asked, sigma)
    point, misfit = _better(plain, plain.descend(starts), lower / 2 + upper / 2, math.inf)
    covering, root = _begun(asked, sigma, misfit)
    stopped = ""
    try:
        while True:
            bounds = covering.claims[:, 0]
            allowed = max(within * misfit, NEGLIGIBLE)
            near = covering.alive & ~covering.stuck & (bounds < misfit - allowed)
            if not near.any():
                break
            if time.monotonic() - start >= time_limit:
                stopped = "time limit"
                break
            numbers = np.flatnonzero(near)
            numbers = numbers[np.argsort(bounds[numbers], kind="stable")[:BATCH]]
            count = len(covering.lower)
            covering.examine(numbers, np.zeros((len(numbers), len(covering.costs)), dtype=bool))
            new = np.flatnonzero(covering.alive[count:] & (covering.claims[count:, 0] < misfit - allowed)) + count
            new = new[np.argsort(covering.claims[new, 0], kind="stable")[:8]]
            middles = torch.from_numpy(covering.lower[new] / 2 + covering.upper[new] / 2)
            if len(new):
                point, misfit = _better(plain, plain.descend(middles), point, misfit)
            if misfit < AGAIN * root:
                covering, root = _begun(asked, sigma, misfit)
            if tell is not None:
                tell(_least(covering, misfit) / misfit if misfit > 0 else 1.0)
    except KeyboardInterrupt:
        stopped = "interrupted"
    least = _least(covering, misfit)
    kept = covering.alive & (covering.claims[:, 0] <= misfit)
    reached = misfit - least <= max(within * misfit, NEGLIGIBLE) * (1 + 1e-9)
    low = covering.lower[kept].min(axis=0, initial=np.inf)
    high = covering.upper[kept].max(axis=0, initial=-np.inf)
    return BestFit(
        point.numpy().copy(),
        misfit,
        least,
        np.minimum(low, point.numpy()),
        np.maximum(high, point.numpy()),
        reached,
        time.monotonic() - start,
        stopped or ("" if reached else "rounding"),
    )


def _least(covering: Covering, misfit: float) -> float:
    return max(0.0, min(misfit, float(covering.claims[covering.open, 0].min(initial=np.inf))))


def _begun(asked: InverseStatement, sigma: Tensor, misfit: float) -> tuple[Covering, float]:
    """A covering of all inputs that fit as well as the best one that is known."""
    rho = sigma * math.sqrt(misfit) * (1 + 8 * UNIT) + UNDERFLOW
    statement = InverseStatement(asked.network, asked.lower, asked.upper, asked.features, rho)
    misfits = Misfits(statement, sigma)

    def rate(seen: Examined, lower: Tensor, upper: Tensor) -> Tensor:
        return misfits.least(seen, lower, upper)[0]

    return Covering(statement, rate), misfit


def _better(misfits: Misfits, points: Tensor, point: Tensor, misfit: float) -> tuple[Tensor, float]:
    """The best of some points, by exact values, if it is better than a known one."""
    about = misfits.about(points)
    for k in torch.argsort(about)[:2].tolist():
        if float(about[k]) < misfit or misfit == math.inf:
            exact = misfits.exact(points[k])
            if exact < misfit:
                point, misfit = points[k], exact
    return point, misfit
