"""Whether a network gives a wanted output exactly, near a point."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.preimages.search.examined import Examined
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma
from unrelu.rigor.signs import nearest_float

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement


@dataclass(frozen=True, eq=False)
class ExactRoot:
    """What is known of exact solutions in a box.

    Attributes:
        holds: True if there is one, False if there is none, None where that is open.
        noise: at least and at most how far the worst output has to be off for one.
        residual: (m,) float64, the output at the point less the wanted one, rounded once.
        radius: (d,) float64, where there is one, at least how far it is from the point.
    """

    holds: bool | None
    noise: tuple[float, float]
    residual: np.ndarray
    radius: np.ndarray


def reach(point: Tensor, radius: Tensor) -> tuple[Tensor, Tensor]:
    """Ends of the box of all that is no farther from a point than a radius, rounded outward where that is not 0."""
    infinite = torch.full_like(point, torch.inf)
    low, high = torch.nextafter(point - radius, -infinite), torch.nextafter(point + radius, infinite)
    return torch.where(radius == 0, point, low), torch.where(radius == 0, point, high)


def exact_root(statement: InverseStatement, seen: Examined, point: Tensor, outputs: list[Fraction]) -> ExactRoot:
    """Prove or refute that a box holds a point at which the outputs are exactly the wanted ones.

    Proved, where there are no more outputs than unknowns: M a right inverse of the middle Jacobian,
    `|I - J M| <= q < 1` for all Jacobians J on the box and `|F(p) - y| <= (1 - q) r`, with the points within `|M| r`
    in the box: then a root is among them. Refuted, where there are more: along a combination w of outputs that no
    Jacobian changes, `w (F(x) - y)` keeps its sign on the whole box.

    Args:
        statement: what is asked.
        seen: bounds of one box in the domain, without fixed sides.
        point: (d,) p in the box.
        outputs: (m,) exact, F(p).
    """
    residuals = [value - y for value, y in zip(outputs, statement.wanted, strict=True)]
    rounded = np.array([nearest_float(value) for value in residuals])
    held = statement.held
    off = statement.away(outputs)
    most = float(np.nextafter(float(off.max()), np.inf)) if any(statement.off(outputs)) else 0.0
    nowhere = np.full(len(point), np.inf)
    if most == 0.0:
        return ExactRoot(True, (0.0, 0.0), rounded, np.zeros(len(point)))
    if not bool(held.any()):
        return ExactRoot(None, (0.0, most), rounded, nowhere)
    sizes = off[held]
    unit = torch.maximum(statement.resolution[held], sizes.max() * 2.0**-20).clamp(min=2.0**-900)  # that loses no bits
    hull, widths = seen.hull, seen.widths[0]
    J = hull.middle[0][held]
    M = seen.inverse(statement, 0)[:, held] * widths[:, None]
    room = 2 * gamma(len(sizes) + len(widths) + 8)
    radius = root_radius(seen, held, M, sizes, unit)
    if radius is not None:
        low, high = reach(point, radius)
        inside = bool(((low >= seen.problems.lower[0]) & (high <= seen.problems.upper[0])).all())
        if inside and _stay_below(statement, seen, outputs, torch.maximum(point - low, high - point) * (1 + 4 * UNIT)):
            return ExactRoot(True, (0.0, 0.0), rounded, radius.numpy())
    scaled = (J * widths / unit[:, None]).numpy()
    along = rounded[held.numpy()] / unit.numpy()
    rest = along - scaled @ np.linalg.lstsq(scaled, along, rcond=None)[0]
    w = torch.from_numpy(rest / unit.numpy())
    if not bool(torch.isfinite(w).all()) or not bool(w.any()):
        return ExactRoot(None, (0.0, most), rounded, nowhere)
    fixed = [value for value, is_held in zip(residuals, held.tolist(), strict=True) if is_held]
    total = sum((Fraction(a) * value for a, value in zip(w.tolist(), fixed, strict=True)), Fraction(0))
    change = (
        (w @ J).abs()
        + room * (w.abs() @ J.abs())
        + hull.distance((w @ torch.eye(len(off), dtype=torch.float64)[held])[None, None])[0, 0]
    )
    far = torch.maximum(point - seen.problems.lower[0], seen.problems.upper[0] - point) * (1 + 4 * UNIT)
    close = seen.apart[0]
    if float(close.max()) < 1:  # an exact root is as near as its output is
        step = (seen.multipliers[0][:, held].abs() @ sizes) * (1 + room) + UNDERFLOW
        near = (step + close * step.max() / (1 - close.max())) * widths * (1 + 1e-12) + UNDERFLOW
        far = torch.minimum(far, near)
    moved = float((change * far).sum()) * (1 + 1e-12) + UNDERFLOW
    left = abs(total) - Fraction(moved)
    if left <= 0:
        return ExactRoot(None, (0.0, most), rounded, nowhere)
    least = float(np.nextafter(nearest_float(left / Fraction(float(w.abs().sum()))), 0.0)) * (1 - 1e-12)
    return ExactRoot(False, (least, most), rounded, nowhere)


def root_radius(seen: Examined, chosen: Tensor, M: Tensor, sizes: Tensor, unit: Tensor) -> Tensor | None:
    """How far from a point of a box all chosen outputs are the wanted ones at once, if not farther than the box is.

    `|I - J M| <= q < 1` for all Jacobians J on the box and `|F(p) - y| <= (1 - q) r`: then they are within `|M| r` of
    p, at p moved by a vector of the range of M.

    Args:
        seen: bounds of one box, without fixed sides.
        chosen: (m,) bool, k outputs.
        M: (d, k) about a right inverse of their Jacobian.
        sizes: (k,) at least how far they are from the wanted ones at p.
        unit: (k,) positive, the units in which they are measured.

    Returns:
        (d,) float64, 0 where M does not move; None if q is not below 1.
    """
    J = seen.hull.middle[0][chosen]
    k, d = J.shape
    room = 2 * gamma(k + d + 8)
    spread = seen.hull.distance(torch.eye(len(chosen), dtype=torch.float64)[chosen][None])[0]
    apart = (torch.eye(k, dtype=torch.float64) - J @ M).abs() + spread @ M.abs()
    apart = apart + room * (J.abs() @ M.abs()) + UNDERFLOW
    q = float(((apart * unit).sum(dim=1) / unit).max()) * (1 + 1e-12)
    if not q < 1:
        return None
    r = float((sizes / unit).max()) / (1 - q) * (1 + 1e-12)
    radius = (M.abs() @ unit) * r * (1 + room) + UNDERFLOW
    return torch.where((M == 0).all(dim=1), 0.0, radius)  # coordinates that the root shares with the point


def _stay_below(statement: InverseStatement, seen: Examined, outputs: list[Fraction], radius: Tensor) -> bool:
    """Whether outputs that may fall are low enough everywhere within a radius (d,) of the point with these outputs."""
    if statement.falling is None:
        return True
    d = len(radius)
    rise = (seen.hull.steepest[0] @ radius) * (1 + 2 * gamma(d + 4)) + (d + 4) * UNDERFLOW
    ends = zip(outputs, rise.tolist(), statement.wanted, statement.resolution.tolist(), statement.held, strict=True)
    return all(bool(held) or value + Fraction(more) <= y + Fraction(rho) for value, more, y, rho, held in ends)
