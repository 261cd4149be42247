"""The cone test where most inequalities are signs of coordinates, by a semismooth Newton method.

For `K = { z : B z = 0, s_i z_i <= 0 for i in S }`, with `c = B' mu`, eliminating the multipliers of the signs
from the least-squares problem of `unrelu.solvers.cone_projection` leaves

    minimise over mu:   1/2 sum_{i not in S} c_i^2  +  1/2 sum_{i in S} max(0, 1 + s_i c_i)^2 ,

a convex, piecewise quadratic function without constraints. Its residual `r_i = -c_i` off S and
`r_i = -s_i max(0, 1 + s_i c_i)` on S is again the projection of `-G'1` onto K.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

MAX_STEPS = 100

SMALL = 1e-11
"""The gradient counts as zero below this times its size at the start."""

VANISHED = 1e-6
"""The residual counts as zero below this, multipliers being at least 1 there. Both only steer: certificates judge."""


@dataclass(frozen=True, eq=False)
class SignedProjection:
    """What was found; evidence, not proof.

    Attributes:
        equality_multipliers: (k,) mu.
        sign_multipliers: (|S|,) positive multipliers of the sign constraints, `-s_i c_i` where r vanishes.
        residual: (d,) r.
        is_trivial: whether r vanishes up to rounding, so that the multipliers prove `K = {0}`.
    """

    equality_multipliers: np.ndarray
    sign_multipliers: np.ndarray
    residual: np.ndarray
    is_trivial: bool


def project_signed(B: np.ndarray, signs: np.ndarray) -> SignedProjection | None:
    """Solve the problem above.

    Args:
        B: (k, d) equality rows.
        signs: (d,) s: 1 for `z_i <= 0`, -1 for `z_i >= 0`, 0 for a free coordinate.

    Returns:
        What was found, or None if Newton's method did not end.
    """
    k = len(B)
    signed = signs != 0
    mu, c = np.zeros(k), np.zeros(B.shape[1])
    start = 0.0
    for _ in range(MAX_STEPS):
        r = _residual(c, signs)
        gradient = B @ r  # minus the gradient of the function
        size = float(np.linalg.norm(gradient))
        start = max(start, size)
        free = ~signed | (r != 0)
        if size <= SMALL * start or not free.any():
            break
        part = B[:, free]
        H = part @ part.T
        H.flat[:: k + 1] += 1e-13 * float(np.trace(H)) + 1e-300
        try:
            step = scipy.linalg.cho_solve((np.linalg.cholesky(H), True), gradient, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        change = B.T @ step
        length = _line_search(c, change, signs)
        if length == 0.0:
            break
        mu = mu + length * step
        c = c + length * change
    else:
        return None
    c = B.T @ mu
    r = _residual(c, signs)
    multipliers = -(signs * c)[signed]
    trivial = float(np.linalg.norm(r)) <= VANISHED and bool((multipliers > 0.5).all())
    return SignedProjection(mu, multipliers, r, trivial)


def _residual(c: np.ndarray, signs: np.ndarray) -> np.ndarray:
    return np.where(signs == 0, -c, -signs * np.maximum(0.0, 1.0 + signs * c))


def _line_search(c: np.ndarray, change: np.ndarray, signs: np.ndarray) -> float:
    """The minimiser over t >= 0 of the function along `c + t change`, exactly up to rounding.

    Its derivative is piecewise linear and increasing; between breakpoints it is `slope0 + t slope1`.
    """
    signed = signs != 0
    base = float(c[~signed] @ change[~signed])
    curve = float(change[~signed] @ change[~signed])
    value, speed = 1.0 + signs[signed] * c[signed], signs[signed] * change[signed]
    inside = (value > 0) | ((value == 0) & (speed > 0))
    base += float(value[inside] @ speed[inside])
    curve += float(speed[inside] @ speed[inside])
    with np.errstate(divide="ignore", invalid="ignore"):
        times = -value / speed
    crossing = np.flatnonzero((speed != 0) & (times > 0) & np.isfinite(times))
    order = crossing[np.argsort(times[crossing])]
    for index in order:
        if curve > 0 and base + curve * times[index] >= 0:
            return max(0.0, -base / curve)
        sign = 1.0 if speed[index] > 0 else -1.0  # the term enters or leaves
        base += sign * float(value[index] * speed[index])
        curve += sign * float(speed[index] ** 2)
    return max(0.0, -base / curve) if curve > 1e-300 else 1.0
