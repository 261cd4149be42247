"""The search for inputs far apart with nearly equal features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.optimize import minimize

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.stability.following.follow import follow

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.stability.following.path import RegionPath

_STEEP = 10.0  # how much more it costs to be nearer than asked than it can gain
_ROUNDING = 1e-9  # of a distance: by so much it is surely kept, whatever rounds on the way
_TINY = 1e-200  # keeps the logarithm of a distance of 0 finite


def best_on_path(path: RegionPath, apart: float, farthest: float) -> np.ndarray | None:
    """The point of a straight path where the features have moved least for the distance, between two distances.

    In each piece the squared ratio is `(a + 2 b t + c t^2) / t^2`, least at `t = -a / b` or at an end.
    """
    best, where = math.inf, None
    stops = [*(each.t for each in path.breakpoints), math.inf][: path.n_regions]
    for i, (start, stop) in enumerate(zip(path.starts.tolist(), stops, strict=True)):
        offset = path.features[i] - path.features[0] - start * path.velocities[i]
        low, high = max(start, (1 + _ROUNDING) * apart), min(stop, farthest)
        if low > high:
            continue
        turning = -float(offset @ offset) / (float(offset @ path.velocities[i]) or -math.inf)
        for t in (low, min(high, 2 * low + 1), high, turning):
            if low <= t <= high and 0 < t < math.inf:
                ratio = float(np.linalg.norm(offset + t * path.velocities[i])) / t
                if ratio < best:
                    best, where = ratio, path.points[i] + (t - start) * path.directions[i]
    return where


def room(domain: Polyhedron, x: np.ndarray, v: np.ndarray) -> float:
    """How far one can go from a point of a domain (d,) in a direction (d,) and surely stay in it, whatever rounds."""
    v_at = np.concatenate([domain.A_ub @ v, v, -v])
    slack = np.concatenate([domain.b_ub - domain.A_ub @ (x - domain.origin), domain.upper - x, x - domain.lower])
    if len(domain.A_eq) and float(np.abs(domain.A_eq @ v).max()) > 1e-12 * float(np.abs(domain.A_eq).max()):
        return 0.0
    toward = v_at > 0
    return (1 - _ROUNDING) * max(0.0, float((slack[toward] / v_at[toward]).min(initial=math.inf)))


def along_line(
    network: Network, x: np.ndarray, v: np.ndarray, domain: Polyhedron, apart: float, n_regions: int
) -> np.ndarray | None:
    """The best point on a line from x within the domain, at least `apart` away; None if there is none.

    Where the bounds end the line too early, as at pictures with black pixels, it is bent along them.
    """
    farthest = room(domain, x.ravel(), v.ravel() / np.linalg.norm(v))
    if farthest <= 0 or farthest < apart:
        return None if len(domain.A_ub) or len(domain.A_eq) else _along_bounds(x, v, domain, apart)
    found = best_on_path(follow(network, x, v, n_regions, progress=False), apart, farthest)
    return None if found is None else _clipped(found, domain)


def _along_bounds(x: np.ndarray, v: np.ndarray, domain: Polyhedron, apart: float) -> np.ndarray | None:
    """The first of the points `x + t v`, moved into the bounds, t doubling, that is far enough away."""
    for doubling in range(20):
        other = _clipped(x + max(apart, 1e-3) * 2.0**doubling * v / np.linalg.norm(v), domain)
        if np.linalg.norm(other - x) >= max(apart, 1e-6):
            return other
    return None


def _clipped(x: np.ndarray, domain: Polyhedron) -> np.ndarray:
    return np.clip(x, domain.lower.reshape(x.shape), domain.upper.reshape(x.shape))


def descend(
    network: Network, x: np.ndarray, other: np.ndarray, domain: Polyhedron, apart: float, *, both: bool, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move a pair to a smaller ratio by L-BFGS-B within the bounds of a domain; the better of before and after.

    Minimises `log ||F(x) - F(x')|| - log ||x - x'||`, plus a penalty where the two are nearer than asked.

    Args:
        network: the prefix.
        x: the first input.
        other: the second one.
        domain: its bounds count, its rows do not: where there are rows, the pair is left as it is.
        apart: the least distance.
        both: whether x moves too.
        steps: most iterations.
    """
    if len(domain.A_ub) or len(domain.A_eq):
        return x, other
    shape, d = x.shape, x.size
    fixed = torch.from_numpy(x.copy()).to(network.device)
    least, best = math.inf, (x, other)

    def objective(z: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal least, best
        moving = torch.from_numpy(z.reshape(-1, *shape).copy()).to(network.device).requires_grad_()
        first, second = (moving[0], moving[1]) if both else (fixed, moving[0])
        ratio, total = _logarithm(network, first, second, apart)
        (gradient,) = torch.autograd.grad(total, moving)
        distance = float((first - second).detach().norm())
        # Two inputs, not one twice; and the start is far enough already, or no point would do: what the search tries
        # next may be much worse.
        if distance > 0 and (distance >= apart or least == math.inf) and float(ratio.detach()) < least:
            least = float(ratio.detach())
            best = (first.detach().cpu().numpy().copy(), second.detach().cpu().numpy().copy())
        flat = gradient.cpu().numpy().reshape(-1)
        return float(total.detach()), np.where(np.isfinite(flat), flat, 0.0)

    bounds = list(zip(domain.lower.tolist(), domain.upper.tolist(), strict=True))
    start = np.concatenate([x.ravel(), other.ravel()]) if both else other.ravel()
    minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds * (start.size // d), options={"maxiter": steps}
    )
    return best


def _logarithm(
    network: Network, x: torch.Tensor, other: torch.Tensor, apart: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The logarithm of the ratio, and the same with the penalty."""
    values = network.values(torch.stack([x, other]), network.outputs)
    features = torch.cat([values[name].flatten(1) for name in network.outputs], dim=1)
    moved = (features[0] - features[1]).square().sum()
    distance = (x - other).square().sum()
    ratio = 0.5 * (torch.log(moved + _TINY) - torch.log(distance + _TINY))
    missing = torch.relu(math.log(apart) - 0.5 * torch.log(distance + _TINY)) if apart > 0 else 0.0
    return ratio, ratio + _STEEP * missing
