"""Sums of squares of residuals: bounds of them on boxes, points at which they are small, and their exact values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.inverse.box_programs import proved_least
from unrelu.inverse.members import slopes_at
from unrelu.rigor.rounding import UNDERFLOW, UNIT
from unrelu.rigor.signs import nearest_float

if TYPE_CHECKING:
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement

STEPS = 24
"""Of Levenberg and Marquardt's method."""

SWEEPS = 12
"""Through all inputs, to find about the least of squares over a box."""


@dataclass(frozen=True, eq=False)
class Misfits:
    """`sum(((F(x) - y) / sigma)^2)` of the network and the measured outputs of a statement.

    Attributes:
        statement: the network, the box and y.
        sigma: (m,) float64, above 0.
    """

    statement: InverseStatement
    sigma: Tensor

    def exact(self, point: Tensor) -> float:
        """At a point (d,): at least the exact value, and next to it, unless exact outputs take too long."""
        outputs = self.statement.exact_outputs(point)
        if outputs is None:
            values, y = self.statement.values(point[None])[0], self.statement.features
            off = (values - y).abs() + self.statement.forward_error + 4 * UNIT * (values.abs() + y.abs()) + UNDERFLOW
            return float(((off / self.sigma) ** 2).sum() * (1 + 4 * (len(off) + 8) * UNIT) + len(off) * UNDERFLOW)
        total = Fraction(0)
        for value, y, sigma in zip(outputs, self.statement.features.tolist(), self.sigma.tolist(), strict=True):
            total += ((value - Fraction(y)) / Fraction(sigma)) ** 2
        return float(np.nextafter(nearest_float(total), np.inf)) if total else 0.0

    def about(self, points: Tensor) -> Tensor:
        """(n,) at points (n, d), in float64."""
        return (((self.statement.values(points) - self.statement.features) / self.sigma) ** 2).sum(dim=1)

    def descend(self, starts: Tensor) -> Tensor:
        """(n, d) points of the box whose misfit is smaller, by damped least squares in units of the box."""
        lower, upper = self.statement.lower, self.statement.upper
        widths = upper - lower
        x, misfit = starts, self.about(starts)
        damping = torch.full((len(x),), 1e-2, dtype=torch.float64)
        for _ in range(STEPS):
            off = (self.statement.values(x) - self.statement.features) / self.sigma
            J = slopes_at(self.statement, x) * widths / self.sigma[:, None]
            # An input at a side of the box that would leave it stays there.
            slope = (J.transpose(1, 2) @ off[..., None])[..., 0]
            held = ((x <= lower) & (slope > 0)) | ((x >= upper) & (slope < 0)) | (widths == 0)
            J = torch.where(held[:, None], 0.0, J)
            H = J.transpose(1, 2) @ J
            scale = H.diagonal(dim1=1, dim2=2).amax(dim=1).clamp(min=UNDERFLOW)
            H = H + torch.eye(len(lower), dtype=torch.float64) * (damping * scale)[:, None, None]
            step = torch.linalg.solve_ex(H, (J.transpose(1, 2) @ off[..., None]))[0][..., 0]
            moved = torch.minimum(torch.maximum(x - torch.nan_to_num(step) * widths, lower), upper)
            found = self.about(moved)
            better = found < misfit
            x, misfit = torch.where(better[:, None], moved, x), torch.where(better, found, misfit)
            damping = torch.where(better, damping / 4, damping * 4).clamp(1e-12, 1e12)
        return x

    def least(self, seen: Examined, lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
        """At most the least misfit on each of n boxes, (n,), and about where the bound is least, (n, d).

        Bounds give affine g with `|r| >= g` for the residuals r, in units of sigma, and
        `max(g, 0)^2 >= 2 w g - w^2` for any w: a sum that is affine in the input, least at a corner of the box.

        Args:
            seen: bounds of boxes, without fixed sides, of inputs whose residuals are no larger than the resolution.
            lower: (n, d) float64, of boxes in those.
            upper: (n, d) float64.
        """
        statement = self.statement
        d, m = lower.shape[1], len(self.sigma)
        rows = [*range(d, d + m), *range(2 * d + m, 2 * (d + m))]
        slopes, limits = seen.slopes[:, rows], seen.limits[:, rows]
        unit, rho = self.sigma.repeat(2), statement.resolution.repeat(2)
        # g = (slopes x + rho - limits) / unit, whose constant is rounded down
        offsets = rho - limits
        offsets = offsets - 4 * UNIT * (offsets.abs() + limits.abs() + rho) - UNDERFLOW
        usable = torch.isfinite(offsets) & torch.isfinite(slopes).all(dim=2)
        slopes, offsets = torch.where(usable[..., None], slopes, 0.0), torch.where(usable, offsets, 0.0)
        x = _least_squares(slopes / unit[:, None], offsets / unit, lower, upper)
        g = ((slopes @ x[..., None])[..., 0] + offsets) / unit
        w = g.clamp(min=0.0)
        # With p = w / unit as it is rounded: 2 min (p slopes x + p offsets) - sum (p unit)^2.
        p = w / unit
        linear = 2 * proved_least(torch.zeros_like(lower), slopes, -offsets, p, lower, upper)
        squares = ((p * unit) ** 2).sum(dim=1) * (1 + 4 * (2 * m + 8) * UNIT) + (2 * m + 4) * UNDERFLOW
        least = linear - squares - 4 * UNIT * (linear.abs() + squares)
        return torch.where(torch.isfinite(least), least, 0.0).clamp(min=0.0), x


def _least_squares(slopes: Tensor, offsets: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """About where `sum(max(slopes x + offsets, 0)^2)` is least on boxes: (n, d), one input after another."""
    x = lower / 2 + upper / 2
    g = (slopes @ x[..., None])[..., 0] + offsets
    for _ in range(SWEEPS):
        for k in range(x.shape[1]):
            s = slopes[:, :, k]
            active = (g > 0).to(torch.float64)
            slope, bend = (active * s * g).sum(dim=1), (active * s * s).sum(dim=1)
            step = torch.where(bend > 0, -slope / torch.where(bend > 0, bend, 1.0), 0.0)
            moved = torch.minimum(torch.maximum(x[:, k] + step, lower[:, k]), upper[:, k])
            g = g + s * (moved - x[:, k])[:, None]
            x = torch.cat([x[:, :k], moved[:, None], x[:, k + 1 :]], dim=1)
    return x
