"""Bounds of a volume by two concentric ellipsoids."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from unrelu.polyhedra.volumes.round_body import RoundBody


@dataclass(frozen=True)
class EllipsoidBounds:
    """Ellipsoids about the analytic centre, the unit ball in round coordinates scaled.

    Attributes:
        inner: the ball of this radius lies in the set; at least 1.
        outer: the set lies in the ball of this radius.
        log_lower: logarithm of the inner volume.
        log_upper: logarithm of the outer volume.
    """

    inner: float
    outer: float
    log_lower: float
    log_upper: float


def ellipsoid_bounds(body: RoundBody) -> EllipsoidBounds:
    """Bound the volume of a body of dimension n >= 1, m inequalities.

    With `y = A v`: `||v||^2 = ||y||^2`, `y <= 1`, and `sum y = 0` at the exact centre. These alone give
    `||y||^2 <= m (m - 1)` (Sonnevend, 1985; Boyd and Vandenberghe, Convex Optimization, section 8.5.3). Where a
    parallel row also gives `y_i >= -L_i`, convexity gives `y_i^2 <= L_i + (1 - L_i) y_i`, whose greatest sum subject to
    `sum y = 0` is a fractional knapsack: for a cube it is m, and the outer ball is the smallest one.
    """
    n, m = body.dimension, len(body.rows)
    inner = 1.0 / float(np.linalg.norm(body.rows, axis=1).max())
    # The sum is g.v with ||g|| the decrement, and ||v|| is a priori at most m + 1 for a small decrement.
    leeway = body.decrement * (m + 1)
    L = np.minimum(body.opposite, m - 1 + leeway)
    order = np.argsort(-L, kind="stable")
    room = 1.0 + L[order]
    spent = np.minimum(room, np.maximum(0.0, m + leeway - np.concatenate([[0.0], np.cumsum(room)[:-1]])))
    # All y = 1 gives m; taking y_i down costs 1 - L_i a unit, or gains where L_i > 1.
    total = m + float(spent @ (L[order] - 1.0)) + 2 * leeway
    outer = math.sqrt(max(total, 0.0))
    unit = 0.5 * n * math.log(math.pi) - float(gammaln(0.5 * n + 1)) + body.log_scale
    return EllipsoidBounds(inner, outer, unit + n * math.log(inner), unit + n * math.log(outer))
