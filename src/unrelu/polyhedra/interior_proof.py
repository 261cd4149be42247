"""Proofs about the dimension of a polyhedron that floats can give."""

from __future__ import annotations

import math

import numpy as np

from unrelu.polyhedra.hull_rows import equality_frame
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.singular import proves_full_rank


def equality_count(polyhedron: Polyhedron) -> int:
    """The number of equalities, fixed coordinates included: the dimension falls by at most that.

    Rows that are zero on the coordinates that are not fixed, and copies of others, do not count.
    """
    fixed = polyhedron.lower == polyhedron.upper
    return int(fixed.sum()) + len(distinct_equalities(polyhedron).A_eq)


def dimension_upper_bound(polyhedron: Polyhedron) -> int:
    """The number of coordinates less a proved rank of the equalities; the dimension is at most this."""
    fixed = polyhedron.lower == polyhedron.upper
    free = int((~fixed).sum())
    rows = polyhedron.A_eq[equality_frame(polyhedron).independent][:, ~fixed]
    return free - (len(rows) if proves_full_rank(rows) else 0)


def is_strictly_inside(polyhedron: Polyhedron, point: np.ndarray) -> bool:
    """Whether some exact member is proved to be strictly inside all inequalities and all bounds that do not coincide.

    It is an exact member of the same polyhedron with every inequality moved inwards by half of the point's slack.

    Args:
        polyhedron: the set, of dimension d.
        point: (d,) strictly inside up to rounding.
    """
    if not is_ieee():
        return False
    P = distinct_equalities(polyhedron)
    fixed = P.lower == P.upper
    slack = P.b_ub - P.A_ub @ (point - P.origin)
    b_ub = P.b_ub - np.maximum(0.5 * slack, 0.0)
    below, above = np.isfinite(P.lower) & ~fixed, np.isfinite(P.upper) & ~fixed
    lower, upper = P.lower.copy(), P.upper.copy()
    lower[below] += 0.5 * (point - P.lower)[below]
    upper[above] -= 0.5 * (P.upper - point)[above]
    if not ((lower > P.lower)[below].all() and (upper < P.upper)[above].all()):
        return False
    # A row of zeros holds or does not, and needs no room; others must have moved by more than the error.
    moved = np.nextafter(b_ub + P.ub_error, np.inf) < P.b_ub
    zero = ~P.A_ub.any(axis=1)
    if not np.where(zero, P.b_ub - P.ub_error >= 0, moved).all():
        return False
    x = np.where(fixed, P.lower, point)
    inner = Polyhedron(P.A_ub[~zero], b_ub[~zero], P.A_eq, P.b_eq, lower, upper, P.origin, eq_error=P.eq_error)
    return math.isfinite(member_radius(inner, x))


def distinct_equalities(polyhedron: Polyhedron) -> Polyhedron:
    """The same set without equality rows that others repeat, up to sign and powers of two, or that say nothing."""
    P = polyhedron
    fixed = P.lower == P.upper
    # Rows on fixed coordinates only hold or do not; where they hold trivially they drop out.
    exact_zero = (P.b_eq == 0) & (P.eq_error == 0)
    trivial = ~P.A_eq.any(axis=1) & exact_zero
    trivial |= ~P.A_eq[:, ~fixed].any(axis=1) & exact_zero & _vanish_at_fixed(P, fixed)
    rows, errors = np.column_stack([P.A_eq, P.b_eq])[~trivial], P.eq_error[~trivial]
    if len(rows):
        first = rows[np.arange(len(rows)), (rows != 0).argmax(axis=1)]
        exponents = np.frexp(first)[1][:, None]
        scaled = np.ldexp(rows, -exponents)
        # What does not scale without loss is compared as it is.
        lossless = (np.ldexp(scaled, exponents) == rows).all(axis=1, keepdims=True)
        compared = np.where(lossless, scaled * np.sign(first)[:, None], rows) + 0.0  # + 0.0 makes one zero of two
        # Right-hand sides that are not known exactly may differ where they look the same.
        compared = np.column_stack([compared, np.where(errors > 0, np.arange(1, len(rows) + 1), 0)])
        kept = np.sort(np.unique(compared, axis=0, return_index=True)[1])
        rows, errors = rows[kept], errors[kept]
    return Polyhedron(P.A_ub, P.b_ub, rows[:, :-1], rows[:, -1], P.lower, P.upper, P.origin, P.ub_error, errors)


def _vanish_at_fixed(P: Polyhedron, fixed: np.ndarray) -> np.ndarray:
    """Rows whose fixed coordinates all lie at the origin, and so contribute nothing."""
    off = fixed & (P.lower != P.origin)
    return np.logical_not(P.A_eq[:, off].any(axis=1))
