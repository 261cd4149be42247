"""A polyhedron of extreme size in units of its own size, which solvers with absolute tolerances can tell apart."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import UNDERFLOW, UNIT, norm_above, sum_above

ORDINARY = (2.0**-20, 2.0**20)
"""Sets of a size in between are left as they are: solvers keep rows of unit size to 1e-9."""


@dataclass(frozen=True, eq=False)
class Normalised:
    """A polyhedron P in the coordinates `w = 2^-exponent (x - origin)`.

    Attributes:
        whole: P.
        polyhedron: P in w; where a difference of bound and origin is not a float, its bounds are a little wider, so
            that it holds P.
        exponent: of the unit.
    """

    whole: Polyhedron
    polyhedron: Polyhedron
    exponent: int

    @property
    def unit(self) -> float:
        """`2^exponent`."""
        return math.ldexp(1.0, self.exponent)

    def lost(self, x: np.ndarray, norm: float) -> float:
        """At least the norm (1, 2 or inf) of what `brought` rounds, in units of P: one rounding of each difference."""
        off = UNIT * np.abs(x - self.whole.origin) + math.ldexp(UNDERFLOW, max(self.exponent, 0))
        return sum_above(off) if norm == 1 else norm_above(off) if norm == 2 else float(off.max(initial=0.0))

    def reaches(self, x: np.ndarray) -> bool:
        """Whether a point is near the set in its units, so that numbers there are of ordinary size."""
        return float(np.abs(self.brought(x)).max(initial=0.0)) <= ORDINARY[1]

    def restored(self, w: np.ndarray) -> np.ndarray:
        """Points x within the bounds of P, for w: (d,) or (n, d)."""
        return np.clip(self.whole.origin + np.ldexp(w, self.exponent), self.whole.lower, self.whole.upper)

    def brought(self, x: np.ndarray) -> np.ndarray:
        """The coordinates w of a point, rounded."""
        return np.ldexp(x - self.whole.origin, -self.exponent)


def normalised(polyhedron: Polyhedron, size: float) -> Normalised | None:
    """The polyhedron in units of its size; None where its size is ordinary, or not known.

    Args:
        polyhedron: P.
        size: about how far P reaches from its origin.
    """
    P = polyhedron
    if not (0.0 < size < math.inf) or ORDINARY[0] <= size <= ORDINARY[1]:
        return None
    exponent = math.frexp(size)[1]
    low, high = _outward(P.lower, P.origin, -np.inf), _outward(P.upper, P.origin, np.inf)
    scaled = Polyhedron(
        A_ub=P.A_ub,
        b_ub=np.ldexp(P.b_ub, -exponent),
        A_eq=P.A_eq,
        b_eq=np.ldexp(P.b_eq, -exponent),
        lower=np.ldexp(low, -exponent),
        upper=np.ldexp(high, -exponent),
        origin=np.zeros(P.origin.size),
        ub_error=_scaled_error(P.ub_error, P.b_ub, exponent),
        eq_error=_scaled_error(P.eq_error, P.b_eq, exponent),
    )
    return Normalised(P, scaled, exponent)


def size_of(polyhedron: Polyhedron) -> float:
    """About how far a polyhedron reaches from its origin at most, as its right-hand sides tell; inf where they do not.

    Where every coordinate has two bounds, the farthest of these; otherwise the distance of the farthest constraint.
    """
    P = polyhedron.unit_rows
    with np.errstate(over="ignore"):
        low, high = P.origin - P.lower, P.upper - P.origin
    if np.isfinite(low).all() and np.isfinite(high).all():
        return float(np.maximum(np.abs(low), np.abs(high)).max(initial=0.0))
    right = np.abs(np.concatenate([P.b_ub, P.b_eq, low[np.isfinite(low)], high[np.isfinite(high)]]))
    return float(right.max(initial=0.0)) or math.inf


def nearest_constraint(polyhedron: Polyhedron) -> float:
    """About how far the nearest constraint that is not tight at the origin is from it; inf if there is none."""
    P = polyhedron.unit_rows
    right = np.abs(np.concatenate([P.b_ub, P.b_eq, P.origin - P.lower, P.upper - P.origin]))
    return float(right[right > 0].min(initial=math.inf))


def _outward(bounds: np.ndarray, origin: np.ndarray, towards: float) -> np.ndarray:
    """`bounds - origin`, rounded outwards where it is not exact."""
    difference = bounds - origin
    with np.errstate(invalid="ignore"):
        # What a subtraction of floats loses is a float (Knuth's two-sum).
        part = difference - bounds
        lost = (bounds - (difference - part)) - (origin + part)
    inexact = np.isfinite(bounds) & (lost != 0)
    return np.where(inexact, np.nextafter(difference, towards), difference)


def _scaled_error(errors: np.ndarray, values: np.ndarray, exponent: int) -> np.ndarray:
    """Errors in the new unit, and what the values lose where they underflow."""
    lossy = np.ldexp(np.ldexp(values, -exponent), exponent) != values
    return np.ldexp(errors, -exponent) + np.where(lossy | ((errors > 0) & (exponent > 0)), UNDERFLOW, 0.0)
