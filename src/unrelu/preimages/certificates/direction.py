"""Proof by a direction inside the cone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.preimages.certificates.cone import Cone
from unrelu.rigor.rounding import UNDERFLOW, frobenius_above, gamma, norm_above, norm_below
from unrelu.rigor.singular import smallest_singular_value_bound


@dataclass(frozen=True, eq=False)
class Direction:
    """K is not {0}, since a non-zero vector near this one lies in it.

    Let E be inequality rows held as equalities and `C = [B; E]` with `p < d` rows and `s <= sigma_p(C)`, `s > 0`. If
    `||C z|| <= e`, `||z|| > e / s` and `g.z + ||g|| e / s <= 0` for all other rows of G, then `z - C^+ C z` is not
    zero and lies in K. Zero rows and copies of rows are dropped from C, which they do not change. A z with a single
    non-zero coordinate has exact products, and no C is needed.

    Attributes:
        direction: (d,) z.
        held: indices of the rows of E.
    """

    direction: np.ndarray
    held: np.ndarray
    trivial: ClassVar[bool] = False

    def verify(self, cone: Cone) -> bool:
        """Bound the products and the singular value."""
        z = self.direction
        if z.shape != (cone.dimension,) or not np.isfinite(z).all() or not z.any():
            return False
        held = np.zeros(len(cone.equalities), dtype=bool)
        if not np.isin(self.held, np.arange(held.size)).all():
            return False
        held[self.held] = True
        if bool((held & ~cone.inequalities & ~cone.equalities).any()):
            return False
        # A power of two, so that no product overflows.
        z = np.ldexp(z, -math.frexp(float(np.abs(z).max()))[1])
        if np.count_nonzero(z) == 1:
            return _lies_inside_exactly(cone, z)
        distance = _distance_to_null_space(cone, z, cone.equalities | held)
        if not math.isfinite(distance) or not norm_below(z) > distance:
            return False
        others = cone.inequalities & ~held & ~cone.equalities & ~cone.rows.is_zero
        A, norms = cone.rows.matrix[others], cone.rows.norms[others]
        rounding = gamma(z.size + 4) * norms * norm_above(z) + z.size * UNDERFLOW
        above = A @ z + (norms * distance * (1 + 2.0**-50) + rounding * (1 + 2.0**-50))
        return bool((above + 2.0**-50 * np.abs(above) <= 0).all())


def _lies_inside_exactly(cone: Cone, z: np.ndarray) -> bool:
    """Whether a multiple of a unit vector lies in K; signs of products are exact."""
    coordinate = int(np.flatnonzero(z)[0])
    signs = np.sign(cone.rows.matrix[:, coordinate]) * np.sign(z[coordinate])
    return not bool(signs[cone.equalities].any()) and not bool((signs[cone.inequalities] > 0).any())


def _distance_to_null_space(cone: Cone, z: np.ndarray, selected: np.ndarray) -> float:
    """An upper bound of the distance of z from the null space of the selected rows; inf where none is proved."""
    C = cone.rows.matrix[selected & ~cone.rows.is_zero]
    if len(C) == 0:
        return 0.0
    s = smallest_singular_value_bound(C) if len(C) < cone.dimension else 0.0
    if s == 0.0:
        C = _without_copies(C)
        s = smallest_singular_value_bound(C) if len(C) < cone.dimension else 0.0
    if s == 0.0:
        return math.inf
    # ||fl(C z) - C z|| <= gamma_d || |C||z| || <= gamma_d ||C||_F ||z||.
    error = gamma(z.size + 2) * frobenius_above(C) * norm_above(z) + len(C) * z.size * UNDERFLOW
    return (norm_above(C @ z) + error) / s * (1 + 2.0**-50)


def _without_copies(rows: np.ndarray) -> np.ndarray:
    """The rows without those that equal an earlier one or its negative."""
    first = rows[np.arange(len(rows)), (rows != 0).argmax(axis=1)]
    return np.unique(rows * np.sign(first)[:, None] + 0.0, axis=0)  # + 0.0 makes one zero of two
