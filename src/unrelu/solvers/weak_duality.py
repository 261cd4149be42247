"""Lower bounds of linear objectives from multipliers, whoever found them."""

from __future__ import annotations

import numpy as np

from unrelu.solvers.row_system import RowSystem


def lower_bound(costs: np.ndarray, system: RowSystem, row_duals: np.ndarray, *, negligible: float = 0.0) -> float:
    """A lower bound of `c'x` over `{ x : row_lower <= A x <= row_upper, lower <= x <= upper }`.

    For every y, `c'x = y'A x + r'x` with `r = c - A'y`, so that (weak duality)

        c'x >= sum_i min(y_i row_lower_i, y_i row_upper_i) + sum_j min(r_j lower_j, r_j upper_j).

    The numbers y may come from anywhere; only the quality of the bound depends on them. It is computed in
    float64 without directed rounding.

    Args:
        costs: c, (n,).
        system: the constraints.
        row_duals: y, (m,).
        negligible: a multiplier of at most this magnitude that meets an absent bound counts as 0. The result
            is then a bound for costs that differ by that much.

    Returns:
        The bound; -inf where a multiplier meets an absent bound.
    """
    reduced = costs - system.matrix.T @ row_duals
    return _support(row_duals, system.row_lower, system.row_upper, negligible) + _support(
        reduced, system.lower, system.upper, negligible
    )


def _support(multipliers: np.ndarray, lower: np.ndarray, upper: np.ndarray, negligible: float) -> float:
    """`sum_i min over v in [lower_i, upper_i] of multipliers_i v`."""
    side = np.where(multipliers > 0, lower, upper)
    absent = ~np.isfinite(side)
    if bool(np.any(absent & (np.abs(multipliers) > negligible))):
        return -np.inf
    return float(multipliers[~absent] @ side[~absent])
