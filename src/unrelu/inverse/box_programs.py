"""Many small linear programs over boxes at once, and what their multipliers prove."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.rigor.rounding import UNDERFLOW, gamma

STEPS = 40
"""Steps of the interior point method at most; 12 to 20 are usual."""

CLOSE = 1e-8
"""Gap at which it stops, in units of what the cost changes over the box, if nothing else is asked."""

RIDGE = 1e-14
"""Added to matrices whose diagonal is 1, so that they have a Cholesky factor."""

LESS = 0.995
"""Of the longest step that leaves all multipliers positive."""

SMALLEST = 1e-300

PENALTY = 1e4
"""What a row's unit of violation costs, in the same unit: multipliers are at most that."""


@dataclass(frozen=True, eq=False)
class BoxPrograms:
    """About the least of p costs over boxes and inequalities, with multipliers.

    Nothing of it is proved; `proved_least` tells what the multipliers are worth.

    Attributes:
        points: (p, d) float64, in the boxes; where no point keeps the inequalities, one that breaks them least.
        weights: (p, k) float64 of at least 0, multipliers of the inequalities.
        broken: (p,) float64, by how much the worst inequality is broken there, in units of what it changes on the box.
    """

    points: Tensor
    weights: Tensor
    broken: Tensor


def solve_box_programs(
    costs: Tensor, slopes: Tensor, limits: Tensor, lower: Tensor, upper: Tensor, *, close: float = CLOSE
) -> BoxPrograms:
    """Minimise `costs x` subject to `slopes x <= limits` and `lower <= x <= upper`, p programs side by side.

    All are stepped together by a primal-dual interior point method (predictor and corrector of Mehrotra, On the
    Implementation of a Primal-Dual Interior Point Method, 1992); inequalities are elastic, with one slack for all.
    With few unknowns a step is a handful of products of small matrices, whatever p is.

    Args:
        costs: (p, d) float64.
        slopes: (p, k, d) float64.
        limits: (p, k) float64; what is not finite is no inequality.
        lower: (p, d) float64.
        upper: (p, d) float64.
        close: the gap at which to stop, in units of what the cost changes over the box.
    """
    p, k, d = slopes.shape
    half, middle = (upper - lower) / 2, lower / 2 + upper / 2
    A = slopes * half[:, None]
    b = limits - (slopes @ middle[..., None])[..., 0]
    size = torch.maximum(A.abs().sum(dim=2), 1e-9 * b.abs())
    used = torch.isfinite(b) & torch.isfinite(A).all(dim=2) & (size > 0)
    size = torch.where(used, size, 1.0)
    A = torch.where(used[..., None], A / size[..., None], 0.0)
    b = torch.where(used, b / size, 1.0).clamp(min=-1e9, max=2.0)  # a row that nothing on the box breaks
    c = costs * half
    unit = c.abs().amax(dim=1).clamp(min=SMALLEST)
    c = c / unit[:, None]
    # x in [-1, 1]^d and the slack t: rows, box, t >= 0.
    eye = torch.eye(d, dtype=torch.float64).expand(p, d, d)
    one, zero = A.new_ones(p, 1, 1), A.new_zeros(p, 1, 1)
    G = torch.cat(
        [
            torch.cat([A, -one.expand(p, k, 1)], dim=2),
            torch.cat([eye, zero.expand(p, d, 1)], dim=2),
            torch.cat([-eye, zero.expand(p, d, 1)], dim=2),
            torch.cat([zero.expand(p, 1, d), -one], dim=2),
        ],
        dim=1,
    )
    h = torch.cat([b, b.new_ones(p, 2 * d), b.new_zeros(p, 1)], dim=1)
    cost = torch.cat([c, c.new_full((p, 1), PENALTY)], dim=1)
    x, z = _interior(cost, G, h, close)
    points = middle + x[:, :d].clamp(-1.0, 1.0) * half
    points = torch.minimum(torch.maximum(points, lower), upper)
    return BoxPrograms(points, torch.where(used, z[:, :k] / size, 0.0) * unit[:, None], x[:, d].clamp(min=0.0))


def _interior(c: Tensor, G: Tensor, h: Tensor, close: float) -> tuple[Tensor, Tensor]:
    """`min c x, G x <= h`: x and multipliers z, from a point inside; the last column of G is the slack's."""
    p, n, d = G.shape
    x = c.new_zeros(p, d)
    x[:, -1] = (-h).amax(dim=1).clamp(min=0.0) + 1.0
    s = h - _times(G, x)
    z = 1 / s
    Gt = G.transpose(1, 2).contiguous()
    ridge = RIDGE * torch.eye(d, dtype=torch.float64)
    for _ in range(STEPS):
        dual = c + _times(Gt, z)
        gap = (s * z).sum(dim=1) / n
        if bool(((gap * n <= close) & (dual.abs().amax(dim=1) <= 10 * close)).all()):
            break
        H = Gt @ ((z / s)[..., None] * G)
        scale = H.diagonal(dim1=1, dim2=2).clamp(min=SMALLEST).rsqrt()
        factor, _ = torch.linalg.cholesky_ex(scale[:, :, None] * H * scale[:, None] + ridge)
        step = _Step(G, Gt, s, z, dual, h - _times(G, x) - s, scale, factor)
        dx, ds, dz = step.towards(s * z)
        a, b = _longest(s, ds), _longest(z, dz)
        after = ((s + a[:, None] * ds) * (z + b[:, None] * dz)).sum(dim=1) / n
        sigma = (after / gap.clamp(min=SMALLEST)).clamp(0.0, 1.0) ** 3
        dx, ds, dz = step.towards(s * z + ds * dz - (sigma * gap)[:, None])
        # Those that have ended, or of which numbers overflow, stay where they are.
        going = torch.isfinite(dx).all(dim=1) & torch.isfinite(dz).all(dim=1) & (gap * n > 1e-3 * close)
        dx, ds, dz = (torch.where(going[:, None], each, 0.0) for each in (dx, ds, dz))
        a, b = LESS * _longest(s, ds)[:, None], LESS * _longest(z, dz)[:, None]
        x, s, z = x + a * dx, (s + a * ds).clamp(min=SMALLEST), (z + b * dz).clamp(min=SMALLEST)
    return x, z


@dataclass(frozen=True, eq=False)
class _Step:
    """Newton steps for `s z = wanted`, `G x + s = h`, `c + G' z = 0` from one point, by one factorisation."""

    G: Tensor
    Gt: Tensor
    s: Tensor
    z: Tensor
    dual: Tensor
    primal: Tensor
    scale: Tensor
    factor: Tensor

    def towards(self, excess: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Changes of x, s and z that take away the excess of `s z`, to first order."""
        rhs = _times(self.Gt, (excess + self.z * self.primal) / self.s) - self.dual
        dx = self.scale * torch.cholesky_solve((self.scale * rhs)[..., None], self.factor)[..., 0]
        ds = self.primal - _times(self.G, dx)
        return dx, ds, (-excess - self.z * ds) / self.s


def _times(A: Tensor, x: Tensor) -> Tensor:
    return (A @ x[..., None])[..., 0]


def _longest(values: Tensor, steps: Tensor) -> Tensor:
    """(p,) how much of the steps keeps all values at least 0, at most all."""
    ratio = torch.where(steps < 0, -values / torch.where(steps < 0, steps, -1.0), torch.inf)
    return ratio.amin(dim=1).clamp(max=1.0)


def proved_least(
    costs: Tensor, slopes: Tensor, limits: Tensor, weights: Tensor, lower: Tensor, upper: Tensor
) -> Tensor:
    """At most the least of `costs x` over the points of boxes that keep inequalities: (p,) float64, by weak duality.

    For weights of at least 0, `costs x >= (costs + weights slopes) x - weights limits` at each of them, and the right
    side is least at a corner of the box. Every rounding error is on the safe side.

    Args:
        costs: (p, d) float64.
        slopes: (p, k, d) float64.
        limits: (p, k) float64; what is not finite is no inequality.
        weights: (p, k) float64, any numbers; negative ones count as 0.
        lower: (p, d) float64.
        upper: (p, d) float64.
    """
    _, k, d = slopes.shape
    fine = torch.isfinite(limits) & torch.isfinite(slopes).all(dim=2) & torch.isfinite(weights) & (weights > 0)
    w = torch.where(fine, weights, 0.0)
    A, b = torch.where(fine[..., None], slopes, 0.0), torch.where(fine, limits, 0.0)
    c = costs + (w[:, None] @ A)[:, 0]
    value = torch.where(c >= 0, c * lower, c * upper).sum(dim=1) - (w * b).sum(dim=1)
    largest = torch.maximum(lower.abs(), upper.abs())
    sizes = ((costs.abs() + (w[:, None] @ A.abs())[:, 0]) * largest).sum(dim=1) + (w * b.abs()).sum(dim=1)
    lost = (k + d + 4) * UNDERFLOW * (1 + w.sum(dim=1)) * (1 + largest.sum(dim=1))
    found = value - 4 * gamma(2 * k + 2 * d + 16) * sizes - 2 * lost
    return torch.where(torch.isnan(found), -torch.inf, found)
