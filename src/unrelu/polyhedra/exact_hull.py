"""The affine hull of a small polyhedron in exact rational arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.integers import products
from unrelu.solvers.exact_cone import null_space
from unrelu.solvers.exact_simplex import nonnegative_solution

MAX_DIMENSION = 30
"""Coordinates up to which exact arithmetic is used."""

MAX_ROWS = 150
"""Inequalities, bounds included, up to which it is used."""

Integers = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class ExactHull:
    """What is known exactly of a polyhedron.

    Attributes:
        dimension: of the affine hull; -1 for the empty set.
        implicit_rows: indices of inequality rows that hold with equality on the whole set.
        implicit_upper: coordinates that are at their upper bound on the whole set.
        implicit_lower: coordinates that are at their lower bound on the whole set.
        point: (d,) the float nearest to a relatively interior point; None for the empty set.
    """

    dimension: int
    implicit_rows: np.ndarray
    implicit_upper: np.ndarray
    implicit_lower: np.ndarray
    point: np.ndarray | None


def exact_hull(polyhedron: Polyhedron) -> ExactHull | None:
    """Find the dimension and all implicit equalities of a polyhedron, exactly.

    P is lifted to the cone `K = { (z, t) : A_eq z = b_eq t, A_ub z <= b_ub t, bounds, t >= 0 }`, with `z = x - origin`.
    Stage by stage, the rows that can be negative are found and dropped (if r is a member on which a set S of rows is
    negative, then for every z that keeps the others, `z + N r` keeps S too for large N), until the rows T that are left
    have positive multipliers `M_T' lam = 0` (Stiemke) and so vanish on K. If `t >= 0` is among them, P is empty;
    otherwise `dim P = dim K - 1` and `dim K = d + 1 - rank [B; T]`.

    Returns:
        The answer, or None where the polyhedron is too large or the arithmetic takes too long, or where this thread
        does not compute as `is_ieee` demands, which changes the fractions that floats become.
    """
    if not is_ieee():
        return None
    P = polyhedron
    fixed = P.lower == P.upper
    upper, lower = np.flatnonzero(np.isfinite(P.upper) & ~fixed), np.flatnonzero(np.isfinite(P.lower) & ~fixed)
    if P.dimension > MAX_DIMENSION or len(P.A_ub) + upper.size + lower.size > MAX_ROWS:
        return None
    B = [_row(a, b) for a, b in zip(P.A_eq, P.b_eq, strict=True)]
    B += [_bound_row(P, j, float(P.lower[j]), 1) for j in np.flatnonzero(fixed).tolist()]
    G = [_row(a, b) for a, b in zip(P.A_ub, P.b_ub, strict=True)]
    G += [_bound_row(P, j, float(P.upper[j]), 1) for j in upper.tolist()]
    G += [_bound_row(P, j, float(P.lower[j]), -1) for j in lower.tolist()]
    G.append((*[0] * P.dimension, -1))
    null = [_whole(z) for z in null_space([[Fraction(value) for value in row] for row in B], P.dimension + 1)]
    M = [products(null, row) for row in G]
    staged = _staged(M, len(null))
    if staged is None:
        return None
    implicit, interior = staged
    if len(G) - 1 in implicit:
        none = np.zeros(0, dtype=np.intp)
        return ExactHull(-1, none, none, none, None)
    k, p = len(P.A_ub), upper.size
    held = [[Fraction(value) for value in M[i]] for i in implicit]
    z = [sum(c * row[j] for c, row in zip(interior, null, strict=True)) for j in range(P.dimension + 1)]
    point = np.array([float(Fraction(o) + Fraction(v, z[-1])) for o, v in zip(P.origin.tolist(), z[:-1], strict=True)])
    chosen = np.array(sorted(implicit), dtype=np.intp)
    return ExactHull(
        dimension=len(null_space(held, len(null))) - 1,
        implicit_rows=chosen[chosen < k],
        implicit_upper=upper[chosen[(chosen >= k) & (chosen < k + p)] - k],
        implicit_lower=lower[chosen[chosen >= k + p] - k - p],
        point=np.clip(point, P.lower, P.upper),
    )


def _row(a: np.ndarray, b: float) -> Integers:
    """`a z - b t` with integer coefficients."""
    return _whole([*map(Fraction, a.tolist()), -Fraction(float(b))])


def _bound_row(P: Polyhedron, j: int, bound: float, sign: int) -> Integers:
    """`sign (z_j - (bound - origin_j) t)` with integer coefficients."""
    row = [Fraction(0)] * (P.dimension + 1)
    row[j] = Fraction(sign)
    row[-1] = -sign * (Fraction(bound) - Fraction(float(P.origin[j])))
    return _whole(row)


def _whole(values: list[Fraction]) -> Integers:
    """The smallest integers with the same ratios and signs."""
    common = math.lcm(*(value.denominator for value in values))
    whole = [int(value * common) for value in values]
    divisor = math.gcd(*whole) or 1
    return tuple(value // divisor for value in whole)


def _staged(M: list[list[int]], n: int) -> tuple[set[int], list[int]] | None:
    """The rows that vanish on `{ u : M u <= 0 }`, and a u where all others are negative; None after too many pivots."""
    left = list(range(len(M)))
    interior = [0] * n
    while left:
        columns = [[M[i][j] for i in left] for j in range(n)]
        found = nonnegative_solution(columns, [-sum(column) for column in columns])
        if found is None:
            return None
        if found.solution is not None:
            break
        y = found.farkas or ()
        gone = set(range(len(M))) - set(left)
        # Far enough along the old direction, rows that were negative there stay so.
        scale = 1 + max((_ratio(_dot(M[i], y), _dot(M[i], interior)) for i in gone), default=0)
        interior = [scale * a + b for a, b in zip(interior, y, strict=True)]
        left = [i for i in left if _dot(M[i], y) == 0]
    return set(left), interior


def _ratio(rise: int, fall: int) -> int:
    """How many times a negative number outweighs a positive one, rounded up."""
    return 0 if rise <= 0 else -(rise // fall)


def _dot(row: list[int], y: list[int] | Integers) -> int:
    return sum(a * b for a, b in zip(row, y, strict=True))
