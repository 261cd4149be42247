"""How near an exact member of a polyhedron is to a float point that nearly lies in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, enlarged, gamma, lost, norm_above, row_norms_above
from unrelu.rigor.singular import smallest_singular_value_bound

_ROUNDS = 8

_BLOCK = 2**20
"""Residuals of points and rows that are held at once: 8 MB, and a few times as much besides."""


def member_radius(polyhedron: Polyhedron, point: np.ndarray) -> float:
    """A proved radius (L2) around a point within which an exact member of the polyhedron lies.

    Let C be the equality rows and the inequality rows E that are tight, broken or nearly so, on the
    coordinates F that may move (strictly inside their bounds). If C has full row rank with `s <= sigma_min(C)` and
    the residual at the point is at most e, then `x - C^+ (C z - b)` keeps all rows of C exactly and lies within
    `r = e / s`; it keeps every other row that has `||a_i|| r` of slack, and every bound with r of room. Rows and
    coordinates that have less are moved to E or out of F until none is left. All roundings are bounded.

    Args:
        polyhedron: the set.
        point: (d,), within the bounds.

    Returns:
        r >= 0; 0 where the point itself is proved to be a member; inf where nothing could be proved.
    """
    return float(member_radii(polyhedron, point[None])[0])


def member_radii(polyhedron: Polyhedron, points: np.ndarray) -> np.ndarray:
    """`member_radius` of many points, (n, d): (n,) float64.

    Points with the same rows in C and the same coordinates in F share the bound of the smallest singular value.
    """
    if not is_ieee():
        return np.full(len(points), math.inf)
    bounds: dict[bytes, float] = {}
    norms = row_norms_above(polyhedron.A_ub)
    sizes = np.abs(polyhedron.A_eq), np.abs(polyhedron.A_ub)
    step = max(1, _BLOCK // (len(norms) + len(polyhedron.A_eq) + 1))
    radii: list[float] = []
    for start in range(0, len(points), step):
        block = points[start : start + step]
        # What overflows proves nothing, which is no reason to warn.
        with np.errstate(over="ignore", invalid="ignore"):
            residuals = _Residuals.at(polyhedron, sizes, block)
            radii += [_radius(polyhedron, x, residuals.of(index), norms, bounds) for index, x in enumerate(block)]
    return np.array(radii, dtype=np.float64)


def _radius(
    polyhedron: Polyhedron, point: np.ndarray, residuals: _Residuals, norms: np.ndarray, bounds: dict[bytes, float]
) -> float:
    outside = bool(np.any(point < polyhedron.lower) or np.any(point > polyhedron.upper))
    if outside or not residuals.finite:
        return math.inf
    free = (point > polyhedron.lower) & (point < polyhedron.upper)
    room = np.minimum(point - polyhedron.lower, polyhedron.upper - point) * (1 - 2.0**-50)
    tight = residuals.slack_below < 0
    for _ in range(_ROUNDS):
        radius = _correction_radius(polyhedron, residuals, free, tight, bounds)
        if not math.isfinite(radius):
            return math.inf
        # A norm may be infinite, and a product of two small numbers 0.
        reach = np.where(norms > 0, _up(norms * radius) + UNDERFLOW, 0.0) if radius > 0 else np.zeros_like(norms)
        short = ~tight & (residuals.slack_below < reach)
        cramped = free & (room < radius)
        if not short.any() and not cramped.any():
            return radius
        tight, free = tight | short, free & ~cramped
    return math.inf


@dataclass(frozen=True, eq=False)
class _Residuals:
    """What is known about the rows at n points, or at one, with rounding accounted for.

    Attributes:
        eq: (n, l) at least the magnitude of each equality's residual.
        ub: (n, k) at least the magnitude of each inequality's residual as an equality.
        slack_below: (n, k) at most each inequality's slack.
    """

    eq: np.ndarray
    ub: np.ndarray
    slack_below: np.ndarray

    @property
    def finite(self) -> bool:
        """Whether none overflowed."""
        return bool(np.isfinite(self.eq).all() and np.isfinite(self.ub).all())

    def of(self, index: int) -> _Residuals:
        """Those of one point."""
        return _Residuals(self.eq[index], self.ub[index], self.slack_below[index])

    @classmethod
    def at(cls, P: Polyhedron, sizes: tuple[np.ndarray, np.ndarray], points: np.ndarray) -> _Residuals:
        z = points - P.origin
        eq, eq_rounding = _residual(P.A_eq, sizes[0], P.b_eq, z)
        ub, ub_rounding = _residual(P.A_ub, sizes[1], P.b_ub, z)
        return cls(
            eq=_up(np.abs(eq) + eq_rounding + P.eq_error),
            ub=_up(np.abs(ub) + ub_rounding + P.ub_error),
            slack_below=-_up(ub + _up(ub_rounding + P.ub_error)),
        )


def _residual(rows: np.ndarray, sizes: np.ndarray, right: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`rows z - right` at many z, (n, len(rows)), and a bound on its rounding error, that of z included."""
    d = rows.shape[1]
    magnitude = np.abs(z) @ sizes.T + np.abs(right)
    underflow = lost(d) * (1 + np.abs(z).max(axis=1, keepdims=True) + sizes.max(axis=1, initial=0.0))
    return z @ rows.T - right, 2 * gamma(d + 4) * magnitude + underflow


def _up(values: np.ndarray) -> np.ndarray:
    """Rounded up by more than one operation can have lost."""
    return values + np.abs(values) * 2.0**-51


def _correction_radius(
    polyhedron: Polyhedron, residuals: _Residuals, free: np.ndarray, tight: np.ndarray, bounds: dict[bytes, float]
) -> float:
    matrix = np.vstack([polyhedron.A_eq[:, free], polyhedron.A_ub[tight][:, free]])
    if not len(matrix):
        return 0.0
    if matrix.shape[0] > matrix.shape[1]:
        return math.inf
    # Where an inequality held as an equality has an inexact right-hand side, any value within the error will do.
    residual = norm_above(np.concatenate([residuals.eq, residuals.ub[tight]]))
    key = free.tobytes() + tight.tobytes()
    if key not in bounds:
        bounds[key] = smallest_singular_value_bound(matrix)
    least = bounds[key]
    return enlarged(residual / least, 2) if least > 0 else math.inf
