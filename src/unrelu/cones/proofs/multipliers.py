"""Proof by positive multipliers (Stiemke)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.cones.cone import Cone
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.column_units import in_units
from unrelu.rigor.rounding import gamma, lost, norm_above, sum_above

SPREAD = 10
"""Powers of two between the coordinates' sizes from which on other units are worth trying."""


@dataclass(frozen=True, eq=False)
class Multipliers:
    """K is {0}, since `G' lam + B' mu` is nearly 0 for some lam that are positive by more than the error.

    With `||G' lam_hat + B' mu_hat|| <= rho` and `s <= sigma_d([B; G])` there is a change of the multipliers of norm
    at most `rho / s` that makes the sum exactly 0. If `rho / s < min lam_hat`, they stay positive, so every z in K has
    `G z = 0`; and `[B; G]` has full column rank, so `z = 0`. All this may be done in other units of the coordinates,
    see `in_units`.

    Attributes:
        values: (m,) one multiplier a (scaled) row: lam on the rows of G, mu on the rows of B.
    """

    values: np.ndarray
    trivial: ClassVar[bool] = True

    @proof
    def verify(self, cone: Cone) -> bool:
        """Bound the residual and the singular value."""
        used = cone.equalities | cone.inequalities
        if self.values.shape != used.shape or not np.isfinite(self.values).all():
            return False
        lam = self.values[cone.inequalities]
        if lam.size and float(lam.min()) <= 0:
            return False
        if not cone.inequalities.any():
            return False  # nothing for the multipliers to say; FullRank is the proof then
        return _prove(cone, self.values) or _prove_in_units(cone, self.values)


def _prove(cone: Cone, values: np.ndarray) -> bool:
    used = cone.equalities | cone.inequalities
    rho = residual_bound(cone, np.where(used, values, 0.0))
    if not math.isfinite(rho):
        return False
    least = float(values[cone.inequalities].min())
    bounds = (cone.rows.column_bound_of, cone.rows.sharper_column_bound_of)
    # The product is rounded once.
    return any((s := bound(used)) > 0 and rho * (1 + 2.0**-50) < s * least for bound in bounds)


def _prove_in_units(cone: Cone, values: np.ndarray) -> bool:
    """The same where a coordinate's unit is such that its products with the multipliers are of sizes of about 1."""
    used = cone.equalities | cone.inequalities
    with np.errstate(over="ignore", invalid="ignore"):  # where a size is infinite, the unit stays
        sizes = np.abs(np.where(used, values, 0.0)) @ abs(cone.rows.matrix)
    exponents = np.where(np.isfinite(sizes), -np.frexp(sizes)[1], 0)
    rows = in_units(cone.rows, exponents) if np.ptp(exponents) >= SPREAD else None
    if rows is None:
        return False
    # Any multipliers would do, but those of the sums that were found are these.
    with np.errstate(over="ignore", under="ignore"):
        moved = values / rows.scales
    lam = moved[cone.inequalities]
    if not np.isfinite(moved).all() or float(lam.min()) <= 0:
        return False
    return _prove(Cone(rows, cone.equalities, cone.inequalities), moved)


def residual_bound(cone: Cone, multipliers: np.ndarray) -> float:
    """An upper bound of `||G' lam + B' mu||` in exact arithmetic."""
    with np.errstate(over="ignore", invalid="ignore"):  # infinite then, or not a number, which proves nothing
        computed = multipliers @ cone.rows.matrix
    # |fl(A'v) - A'v| <= gamma_m |A|'|v|, and || |A|'|v| || <= sum_i |v_i| ||a_i||; m counts products.
    terms, norms, sizes = cone.rows.column_terms, cone.rows.norms, np.abs(multipliers)
    with np.errstate(over="ignore", invalid="ignore"):
        error = gamma(terms + 2) * sum_above(sizes * norms)
    underflow = cone.dimension * lost(terms, float(norms.max(initial=0.0)), float(sizes.max(initial=0.0)))
    return (norm_above(computed) + error) * (1 + 2.0**-50) + underflow
