"""Finding the affine hull of the solutions of a system of inequalities."""

from __future__ import annotations

from fractions import Fraction

from unrelu.exact.cone import relative_interior
from unrelu.exact.hull import ExactHull, dimension_of
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.system import ExactSystem


def exact_hull(system: ExactSystem) -> ExactHull | ExactInfeasible | None:
    """Find the dimension and all implicit equalities of the solutions of a system, strict rows taken as weak ones.

    The set P is lifted to the cone `K = { (x, t) : A_eq x = b_eq t, A_ub x <= b_ub t, t >= 0 }`, bounds being rows. If
    `t = 0` on K, P is empty; otherwise the rows that vanish on K are those that are tight on all of P.

    Returns:
        The hull, a proof that there is no solution, or None where it would take too long.
    """
    d, equal = system.n_coordinates, system.is_equality
    rows = [(*row[:-1], -row[-1]) for row in system.rows]
    equalities = [i for i, is_equality in enumerate(equal) if is_equality]
    inequalities = [i for i, is_equality in enumerate(equal) if not is_equality]
    G = [*(rows[i] for i in inequalities), (*[0] * d, -1)]
    found = relative_interior([rows[i] for i in equalities], G, d + 1)
    if found is None:
        return None
    multipliers = [0] * len(rows)
    for i, value in zip(inequalities, found.inequality_multipliers, strict=False):
        multipliers[i] = value
    for i, value in zip(equalities, found.equality_multipliers, strict=True):
        multipliers[i] = value
    if found.inequality_multipliers[-1]:
        return ExactInfeasible.of(system, multipliers)
    *numerators, denominator = found.direction
    dimension = dimension_of(system, {i for i in inequalities if multipliers[i]})
    if dimension is None:
        return None
    return ExactHull(dimension, tuple(Fraction(value, denominator) for value in numerators), tuple(multipliers))
