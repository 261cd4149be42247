"""Lower bounds of the distance to a polyhedron from multipliers, with every rounding accounted for."""

from __future__ import annotations

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, UNIT, combined, enlarged, gamma, lost, norm_above, sum_above


def distance_bound(
    polyhedron: Polyhedron,
    target: np.ndarray,
    norm: float,
    eq_duals: np.ndarray,
    ub_duals: np.ndarray,
    *,
    measured: int | None = None,
) -> float:
    """A proved lower bound of `min ||x - t||` over a polyhedron.

    For every w with `||w||_* <= 1` (the dual norm), mu free and lam >= 0 (weak duality, with
    `z = x - origin` and `r = w + A_eq'mu + A_ub'lam`):

        ||x - t|| >= w'(x - t) + mu'(A_eq z - b_eq) + lam'(A_ub z - b_ub)
                  >= sum_j min(r_j lower_j, r_j upper_j) + w'(origin - t) - mu'b_eq - lam'b_ub.

    The multipliers may come from anywhere: w is chosen here as well as they allow, and only the quality of the
    bound rests on the solver that found them. Each sum is reduced by a-priori bounds of its rounding, so that the
    result holds for exactly the stored numbers.

    Args:
        polyhedron: the set, of dimension d.
        target: t, (d,).
        norm: 1, 2 or inf.
        eq_duals: mu, (l,). For norm 2 these and `ub_duals` are the multipliers of `1/2 ||x - t||^2`.
        ub_duals: lam, (k,); negative ones count as 0.
        measured: how many coordinates, the first ones, the distance is of; all if None.

    Returns:
        A number in [0, distance]; 0 where the multipliers prove nothing.
    """
    if not is_ieee():
        return 0.0
    # Multipliers that overflow prove nothing, which is no reason to warn.
    with np.errstate(over="ignore", invalid="ignore"):
        n = polyhedron.n_coordinates if measured is None else measured
        bound = _bound(polyhedron, target, norm, np.asarray(eq_duals), np.maximum(ub_duals, 0.0), n)
    return bound if np.isfinite(bound) and bound > 0 else 0.0


def _bound(
    polyhedron: Polyhedron,
    target: np.ndarray,
    norm: float,
    mu: np.ndarray,
    lam: np.ndarray,
    n: int,
) -> float:
    """The bound with the best w for these multipliers; anything where they overflow."""
    slope = combined(polyhedron.A_eq, mu) + combined(polyhedron.A_ub, lam)
    at, lower, upper = target[:n], polyhedron.lower[:n], polyhedron.upper[:n]
    if norm == 2:
        # The minimiser of 1/2 ||x - t||^2 + c'x over the box; its distance turns the duals into those of the norm.
        moved = np.clip(at - slope[:n], lower, upper) - at
        length = norm_above(moved)
        if length == 0.0 or not np.isfinite(length):
            return 0.0
        found, mu, lam, slope = moved / length, mu / length, lam / length, slope / length
    elif norm == 1:
        found = _weights_l1(slope[:n], lower, upper, at)
    else:
        found = _weights_linf(slope[:n], lower, upper, at)
    weights = np.zeros_like(slope)
    weights[:n] = found
    return _checked(polyhedron, target, norm, weights, mu, lam)


def _weights_l1(slope: np.ndarray, lower: np.ndarray, upper: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The best w in `[-1, 1]^d`: each coordinate by itself."""
    weights = np.clip(-slope, -1.0, 1.0)
    weights[target < lower] = 1.0
    weights[target > upper] = -1.0
    return weights


def _weights_linf(slope: np.ndarray, lower: np.ndarray, upper: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The best w with `||w||_1 <= 1`.

    As a function of `w_j` alone the bound is concave and piecewise linear, with a break at `-c_j`, below which
    it rises by `upper_j - t_j` and above which by `lower_j - t_j`. A budget of 1 is spent on the steepest
    pieces first, as in a fractional knapsack.
    """
    above, below = upper - target, target - lower
    # Upwards from 0 (sign 1) a piece up to -c_j, then one beyond it; downwards the same, mirrored.
    gains, lengths, signs = [], [], []
    for sign, towards, beyond in ((1.0, above, -below), (-1.0, below, -above)):
        lengths += [np.maximum(-sign * slope, 0.0), np.full(slope.size, np.inf)]
        gains += [towards, beyond]
        signs += [sign, sign]
    gain, length = np.concatenate(gains), np.concatenate(lengths)
    useful = np.flatnonzero((gain > 0) & (length > 0))
    order = useful[np.argsort(-gain[useful], kind="stable")]
    spent_before = np.minimum(np.concatenate([[0.0], np.cumsum(length[order])[:-1]]), 1.0) if order.size else order
    spent = np.minimum(length[order], 1.0 - spent_before)
    weights = np.zeros(slope.size)
    np.add.at(weights, order % slope.size, np.repeat(signs, slope.size)[order] * spent)
    return weights


def _checked(
    polyhedron: Polyhedron,
    target: np.ndarray,
    norm: float,
    weights: np.ndarray,
    mu: np.ndarray,
    lam: np.ndarray,
) -> float:
    """The weak-duality bound for these multipliers, rounded down."""
    A_eq, A_ub = polyhedron.A_eq, polyhedron.A_ub
    greatest = max(float(np.abs(mu).max(initial=0.0)), float(lam.max(initial=0.0)))
    rows, d = len(mu) + len(lam), polyhedron.n_coordinates
    slope = combined(A_eq, mu) + combined(A_ub, lam)
    magnitude = combined(np.abs(A_eq), np.abs(mu)) + combined(np.abs(A_ub), lam)
    slope_error = 2 * gamma(rows + 4) * magnitude + lost(rows, greatest)
    reduced = weights + slope
    reduced_error = slope_error * (1 + 2 * UNIT) + UNIT * np.abs(reduced)
    # Rounded outwards: a wider box has a lower minimum.
    low = np.nextafter(polyhedron.lower - polyhedron.origin, -np.inf)
    high = np.nextafter(polyhedron.upper - polyhedron.origin, np.inf)
    side = np.where(reduced > 0, low, high)
    # Where the minimum over the box would be infinite, w_j is -c_j exactly, and r_j is 0.
    fixed = ((reduced - reduced_error <= 0) & np.isinf(high)) | ((reduced + reduced_error >= 0) & np.isinf(low))
    w = np.where(fixed, -slope, weights)
    w_error = np.where(fixed, slope_error, 0.0)
    offset = polyhedron.origin - target
    terms = np.concatenate([(reduced * side)[~fixed], w * offset, -mu * polyhedron.b_eq, -lam * polyhedron.b_ub])
    reach = np.maximum(np.abs(np.where(np.isinf(low), 0.0, low)), np.abs(np.where(np.isinf(high), 0.0, high)))
    losses = (
        sum_above((reduced_error * reach)[~fixed])
        + sum_above(w_error * np.abs(offset))
        + sum_above(lam * polyhedron.ub_error)
        + sum_above(np.abs(mu) * polyhedron.eq_error)
        # Each term has at most three roundings before it is summed.
        + gamma(terms.size + 4) * sum_above(np.abs(terms))
        + (4 * d + 2 * rows) * UNDERFLOW
    )
    total = float(np.sum(terms)) - enlarged(losses, 8)
    size = _dual_norm_above(np.abs(w) + w_error, norm)
    return total / max(1.0, size) * (1 - 8 * UNIT)


def _dual_norm_above(magnitudes: np.ndarray, norm: float) -> float:
    """At least the dual norm of a vector of such magnitudes."""
    if norm == 1:
        return float(magnitudes.max(initial=0.0)) * (1 + 4 * UNIT)
    if norm == 2:
        return norm_above(magnitudes) * (1 + 4 * UNIT)
    return sum_above(magnitudes) * (1 + 4 * UNIT)
