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
    residuals = [value - Fraction(y) for value, y in zip(outputs, statement.features.tolist(), strict=True)]
    rounded = np.array([nearest_float(value) for value in residuals])
    most = float(np.nextafter(np.abs(rounded).max(initial=0.0), np.inf)) if any(residuals) else 0.0
    nowhere = np.full(len(point), np.inf)
    if most == 0.0:
        return ExactRoot(True, (0.0, 0.0), rounded, np.zeros(len(point)))
    sizes = torch.from_numpy(np.abs(rounded)) * (1 + 1e-15) + UNDERFLOW
    unit = torch.maximum(statement.resolution, sizes.max() * 2.0**-20).clamp(min=2.0**-900)  # that loses no bits
    hull, widths = seen.hull, seen.widths[0]
    J = hull.middle[0]
    M = seen.multipliers[0] * widths[:, None]
    m = len(sizes)
    room = 2 * gamma(m + len(widths) + 8)
    spread = hull.distance(torch.eye(m, dtype=torch.float64)[None])[0]
    apart = (torch.eye(m, dtype=torch.float64) - J @ M).abs() + spread @ M.abs()
    apart = apart + room * (J.abs() @ M.abs()) + UNDERFLOW
    q = float(((apart * unit).sum(dim=1) / unit).max()) * (1 + 1e-12)
    if q < 1:
        r = float((sizes / unit).max()) / (1 - q) * (1 + 1e-12)
        radius = (M.abs() @ unit) * r * (1 + room) + UNDERFLOW
        radius = torch.where((M == 0).all(dim=1), 0.0, radius)  # coordinates that the root shares with the point
        low, high = reach(point, radius)
        if bool(((low >= seen.problems.lower[0]) & (high <= seen.problems.upper[0])).all()):
            return ExactRoot(True, (0.0, 0.0), rounded, radius.numpy())
    scaled = (J * widths / unit[:, None]).numpy()
    along = rounded / unit.numpy()
    rest = along - scaled @ np.linalg.lstsq(scaled, along, rcond=None)[0]
    w = torch.from_numpy(rest / unit.numpy())
    if not bool(torch.isfinite(w).all()) or not bool(w.any()):
        return ExactRoot(None, (0.0, most), rounded, nowhere)
    total = sum((Fraction(a) * value for a, value in zip(w.tolist(), residuals, strict=True)), Fraction(0))
    change = (w @ J).abs() + room * (w.abs() @ J.abs()) + hull.distance(w[None, None])[0, 0]
    far = torch.maximum(point - seen.problems.lower[0], seen.problems.upper[0] - point) * (1 + 4 * UNIT)
    close = seen.apart[0]
    if float(close.max()) < 1:  # an exact root is as near as its output is
        step = (seen.multipliers[0].abs() @ sizes) * (1 + room) + UNDERFLOW
        near = (step + close * step.max() / (1 - close.max())) * widths * (1 + 1e-12) + UNDERFLOW
        far = torch.minimum(far, near)
    moved = float((change * far).sum()) * (1 + 1e-12) + UNDERFLOW
    left = abs(total) - Fraction(moved)
    if left <= 0:
        return ExactRoot(None, (0.0, most), rounded, nowhere)
    least = float(np.nextafter(nearest_float(left / Fraction(float(w.abs().sum()))), 0.0)) * (1 - 1e-12)
    return ExactRoot(False, (least, most), rounded, nowhere)
