"""Lower bounds of linear functionals over a polyhedron from multipliers, with every rounding accounted for."""

from __future__ import annotations

import math

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, combined, enlarged, gamma, lost, norm_above, sum_above


def functional_bound(
    polyhedron: Polyhedron,
    functional: np.ndarray,
    eq_duals: np.ndarray,
    ub_duals: np.ndarray,
    *,
    radius: float = math.inf,
) -> float:
    """A proved lower bound of `c'(x - origin)` over a polyhedron.

    For every mu and every lam >= 0 (weak duality, with `z = x - origin` and `r = c + A_eq'mu + A_ub'lam`)

        c'z >= sum_j min(r_j lower_j, r_j upper_j) - mu'b_eq - lam'b_ub.

    The multipliers may come from anywhere. A coordinate that has no bound needs `r_j = 0`, which rounding seldom
    grants; there a known radius of the set makes up for it. For c = 0, a positive bound proves that the set is empty.

    Args:
        polyhedron: the set, of dimension d.
        functional: c, (d,).
        eq_duals: mu, (l,).
        ub_duals: lam, (k,); negative ones count as 0.
        radius: every member is known to lie within this of the origin (L2); see `radius_bound`.

    Returns:
        At most the infimum of `c'(x - origin)`; -inf where the multipliers prove nothing.
    """
    if not is_ieee():
        return -math.inf
    mu = np.asarray(eq_duals, dtype=np.float64)
    lam = np.maximum(ub_duals, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        bound = _checked(polyhedron, np.asarray(functional, dtype=np.float64), mu, lam, radius)
    return bound if not math.isnan(bound) else -math.inf


def _checked(
    polyhedron: Polyhedron,
    c: np.ndarray,
    mu: np.ndarray,
    lam: np.ndarray,
    radius: float,
) -> float:
    A_eq, A_ub, n_rows = polyhedron.A_eq, polyhedron.A_ub, len(mu) + len(lam)
    r = c + (combined(A_eq, mu) + combined(A_ub, lam))
    sizes = combined(np.abs(A_eq), np.abs(mu)) + combined(np.abs(A_ub), lam)
    # No error where there is nothing to add; otherwise that of the products and of the addition of c.
    greatest = max(float(np.abs(mu).max(initial=0.0)), float(lam.max(initial=0.0)))
    error = 2 * gamma(n_rows + 6) * (np.abs(c) + sizes) + lost(n_rows, greatest)
    error[_adds_nothing(polyhedron, mu, lam, sizes)] = 0.0
    # Rounded outwards: a wider box has a lower minimum.
    low = _moved(polyhedron.lower - polyhedron.origin, -np.inf)
    high = _moved(polyhedron.upper - polyhedron.origin, np.inf)
    vanishes = (r == 0.0) & (error == 0.0)
    meets_infinity = ((r - error < 0) & np.isinf(high)) | ((r + error > 0) & np.isinf(low))
    open_ended = meets_infinity & ~vanishes
    closed = ~open_ended & ~vanishes
    side = np.where(r > 0, low, high)[closed]
    # Where the sign of r is certain the minimum lies at that side; where it is not, at one of two finite ones.
    certain = np.abs(r[closed]) > error[closed]
    reach = np.where(certain, np.abs(side), np.maximum(np.abs(low[closed]), np.abs(high[closed])))
    terms = np.concatenate([r[closed] * side, -mu * polyhedron.b_eq, -lam * polyhedron.b_ub])
    losses = (
        sum_above(error[closed] * reach)
        + sum_above(lam * polyhedron.ub_error)
        + sum_above(np.abs(mu) * polyhedron.eq_error)
        + gamma(terms.size + 4) * sum_above(np.abs(terms))
        + (2 * terms.size + 8) * UNDERFLOW
    )
    if open_ended.any():
        if not math.isfinite(radius):
            return -math.inf
        losses += enlarged(norm_above((np.abs(r) + error)[open_ended] * (1 + 2.0**-51)) * radius, 2)
    total = float(np.sum(terms)) - enlarged(losses, 8)
    return float(np.nextafter(total, -np.inf))


def _adds_nothing(polyhedron: Polyhedron, mu: np.ndarray, lam: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(d,) bool: no row with a multiplier uses the coordinate. A computed sum of 0 may be one that underflowed."""
    nothing = sizes == 0.0
    for matrix, multipliers in ((polyhedron.A_eq, mu), (polyhedron.A_ub, lam)):
        columns = np.flatnonzero(nothing)
        if columns.size:
            nothing[columns] = ~matrix[np.ix_(np.flatnonzero(multipliers), columns)].any(axis=0)
    return nothing


def _moved(differences: np.ndarray, towards: float) -> np.ndarray:
    """By more than a subtraction can have lost; a difference of 0 is exact."""
    return np.where(differences == 0.0, 0.0, np.nextafter(differences, towards))
