"""Proof by a direction inside the cone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.cones.blocks import of_blocks
from unrelu.cones.cone import Cone
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.column_units import in_units
from unrelu.rigor.matrices import Matrix, column, most_terms, touches, without_copies
from unrelu.rigor.rounding import UNDERFLOW, frobenius_above, gamma, lost, norm_above, norm_below
from unrelu.rigor.singular import smallest_singular_value_bound

SPREAD = 10
"""Powers of two between the numbers of z from which on other units are worth trying."""


@dataclass(frozen=True, eq=False)
class Direction:
    """K is not {0}, since a non-zero vector near this one lies in it.

    Let E be inequality rows held as equalities and `C = [B; E]` with `p < d` rows and `s <= sigma_p(C)`, `s > 0`. If
    `||C z|| <= e`, `||z|| > e / s` and `g.z + ||g|| e / s <= 0` for all other rows of G, then `z - C^+ C z` is not
    zero and lies in K. Zero rows and copies of rows are dropped from C, which they do not change. All this may be done
    within the coordinates where z is not zero: other columns are dropped, and rows that are left without numbers hold
    exactly. Units of the coordinates may be others, see `in_units`. A z with a single non-zero coordinate has exact
    products, and no C is needed.

    Attributes:
        direction: (d,) z.
        held: indices of the rows of E.
    """

    direction: np.ndarray
    held: np.ndarray
    trivial: ClassVar[bool] = False

    @proof
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
        return _prove(cone, z, held) or _prove_in_units(cone, z, held)


def _prove(cone: Cone, z: np.ndarray, held: np.ndarray) -> bool:
    return any(_has_member_nearby(cone, z, held, within) for within in _supports(cone, z))


def _prove_in_units(cone: Cone, z: np.ndarray, held: np.ndarray) -> bool:
    """The same where the unit of a coordinate is about its size in z."""
    exponents = np.frexp(z)[1]
    exponents = np.where(z == 0, int(np.median(exponents[z != 0])), exponents)
    rows = in_units(cone.rows, exponents) if np.ptp(exponents) >= SPREAD else None
    return rows is not None and _prove(Cone(rows, cone.equalities, cone.inequalities), np.ldexp(z, -exponents), held)


def _supports(cone: Cone, z: np.ndarray) -> Iterator[np.ndarray]:
    """Coordinates (d,) bool, fewest first, within which a member may be looked for: z is zero elsewhere."""
    if not z.all():
        yield z != 0
        yield of_blocks(cone, z != 0)
    yield np.ones(z.size, dtype=bool)


def _has_member_nearby(cone: Cone, z: np.ndarray, held: np.ndarray, support: np.ndarray) -> bool:
    """Whether a member of K near z is proved that is zero off the support, outside of which z is."""
    within = ~cone.rows.is_zero if support.all() else touches(cone.rows.matrix, support)
    equal = (cone.equalities | held) & within
    C = cone.rows.matrix[equal]
    distance = _distance_to_null_space(C if support.all() else C[:, np.flatnonzero(support)], z[support])
    if not math.isfinite(distance) or not norm_below(z) > distance:
        return False
    others = cone.inequalities & ~held & ~cone.equalities & within
    A, norms = cone.rows.matrix[others], cone.rows.norms[others]
    # lost(terms, norms, 1), as no number of z exceeds 1
    terms = most_terms(A)
    rounding = gamma(terms + 4) * norms * norm_above(z) + lost(terms, 1.0) * (1 + norms)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows proves nothing
        # A sum of two floats has the sign of the exact one.
        return bool((A @ z + (norms * distance * (1 + 2.0**-50) + rounding * (1 + 2.0**-50)) <= 0).all())


def _lies_inside_exactly(cone: Cone, z: np.ndarray) -> bool:
    """Whether a multiple of a unit vector lies in K; signs of products are exact."""
    coordinate = int(np.flatnonzero(z)[0])
    signs = np.sign(column(cone.rows.matrix, coordinate)) * np.sign(z[coordinate])
    return not bool(signs[cone.equalities].any()) and not bool((signs[cone.inequalities] > 0).any())


def _distance_to_null_space(C: Matrix, z: np.ndarray) -> float:
    """An upper bound of the distance of z from the null space of non-zero rows; inf where none is proved."""
    p, n = C.shape
    if p == 0:
        return 0.0
    s = smallest_singular_value_bound(C) if p < n else 0.0
    if s == 0.0:
        C = without_copies(C)
        p = C.shape[0]
        s = smallest_singular_value_bound(C) if p < n else 0.0
    if s == 0.0:
        return math.inf
    # ||fl(C z) - C z|| <= gamma_d || |C||z| || <= gamma_d ||C||_F ||z||.
    size, terms = frobenius_above(C), most_terms(C)
    error = gamma(terms + 2) * size * norm_above(z) + p * lost(terms, size, 1.0)
    with np.errstate(over="ignore", invalid="ignore"):  # infinite then, or not a number
        return (norm_above(C @ z) + error) / s * (1 + 2.0**-50) + UNDERFLOW
