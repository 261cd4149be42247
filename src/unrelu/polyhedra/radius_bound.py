"""A proved radius of a bounded polyhedron, from the multipliers that prove it bounded."""

from __future__ import annotations

import math

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_multipliers import RowMultipliers
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, enlarged, gamma, lost, norm_above, sum_above
from unrelu.rigor.singular import smallest_singular_value_bound


def radius_bound(polyhedron: Polyhedron, multipliers: RowMultipliers) -> float:
    """A proved radius around the origin of a polyhedron within which all of its members lie.

    Let B be the equality rows and G the inequalities, bounds included, that have positive multipliers lam >= l, with
    `sigma_d([B; G]) >= s` and `rho >= ||G'lam + B'mu||`. Every member z has slacks `y = h - G z >= 0` with
    `l ||y||_1 <= lam'y = lam'h + mu'b_eq - (G'lam + B'mu)'z`, hence

        s ||z|| <= ||[b_eq; h]|| + (lam'h + mu'b_eq + rho ||z||) / l,

    which bounds z where `rho < s l`. Coordinates T with two bounds, `|z_j| <= c_j`, need no multipliers: their unit
    rows join [B; G], with `||c_T||` on the right, and their part of `(G'lam + B'mu)'z` is at most that of c. The
    multipliers are those of a proof of boundedness (`recession`).

    Args:
        polyhedron: the set, of dimension d.
        multipliers: mu and lam; inequalities with multipliers of 0 are not used.

    Returns:
        The radius (L2); inf where the multipliers prove nothing.
    """
    P, d = polyhedron, polyhedron.n_coordinates
    both = np.isfinite(P.lower) & np.isfinite(P.upper)
    used, above, below = multipliers.ub > 0, (multipliers.upper > 0) & ~both, (multipliers.lower > 0) & ~both
    if not (is_ieee() and np.isfinite(P.upper[above]).all() and np.isfinite(P.lower[below]).all()):
        return math.inf
    units = np.eye(d)
    rows = np.vstack([P.A_eq, P.A_ub[used], units[above], -units[below]])
    all_rows = np.vstack([rows, units[both]])
    lam = np.concatenate([multipliers.ub[used], multipliers.upper[above], multipliers.lower[below]])
    v = np.concatenate([multipliers.eq, lam])
    if len(all_rows) < d or not np.isfinite(v).all():
        return math.inf
    s = smallest_singular_value_bound(all_rows)
    if not s > 0:
        return math.inf
    # Bounds relative to the origin, rounded outwards.
    high = np.nextafter((P.upper - P.origin)[above], np.inf)
    low = np.nextafter((P.origin - P.lower)[below], np.inf)
    ub = P.b_ub[used] + P.ub_error[used]
    right = np.concatenate([P.b_eq, np.nextafter(ub, np.inf), high, low])
    n = len(rows)
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = np.abs(rows)
        underflow = lost(n, float(sizes.max(initial=0.0)), float(np.abs(v).max(initial=0.0)))
        errors = 2 * gamma(n + 4) * (sizes.T @ np.abs(v)) + underflow
        residual = (np.abs(rows.T @ v) + errors) * (1 + 2.0**-51)
        rho = norm_above(residual[~both])
        reach = np.nextafter(np.maximum(np.abs(P.upper - P.origin), np.abs(P.origin - P.lower))[both], np.inf)
        products = v * right
        rounding = enlarged(2 * gamma(n + 4) * sum_above(np.abs(products)) + (2 * n + 8) * UNDERFLOW, 2)
        least = float(lam.min()) if lam.size else math.inf
        of_errors = enlarged(sum_above(np.abs(multipliers.eq) * P.eq_error), 2)
        of_errors += enlarged(sum_above(residual[both] * reach), 2)
        total = (float(products.sum()) + rounding + of_errors) * (1 + 2.0**-50)
        if not math.isfinite(total):  # products that overflow with both signs leave no number, which is not 0
            return math.inf
        slacks = max(0.0, total) / least
        # `right` holds the greatest right-hand sides; the least are two errors away.
        size = norm_above(np.concatenate([right, reach])) + 2 * (norm_above(P.ub_error[used]) + norm_above(P.eq_error))
        left = (s - rho / least * (1 + 2.0**-50)) * (1 - 2.0**-50) - UNDERFLOW
        bound = enlarged((size + slacks) * (1 + 2.0**-50), 6) / left * (1 + 2.0**-50) if left > 0 else math.inf
    return bound if math.isfinite(bound) else math.inf
