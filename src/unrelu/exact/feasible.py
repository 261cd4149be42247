"""Whether linear inequalities, equations and bounds have a common solution, decided in rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from unrelu.exact.decide_hull import exact_hull
from unrelu.exact.hull import ExactHull
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.member import ExactMember
from unrelu.exact.nonnegative import nonnegative_solution
from unrelu.exact.system import ExactSystem, Number


def exact_feasibility(
    A_ub: np.ndarray,
    b_ub: Sequence[Number] | np.ndarray,
    A_eq: np.ndarray,
    b_eq: Sequence[Number] | np.ndarray,
    lower: Sequence[Number] | np.ndarray,
    upper: Sequence[Number] | np.ndarray,
    strict: np.ndarray | None = None,
    *,
    interior: bool = False,
) -> ExactMember | ExactInfeasible | None:
    """Find a member of `{ x : A_ub x <= b_ub, A_eq x = b_eq, lower <= x <= upper }`, or prove that there is none.

    Motzkin's alternative: with the rows `(a_i, b_i)` of the system, bounds included, either some v, not negative but
    on equalities, has `sum v_i a_i = 0`, `sum v_i b_i + t = 0` and `t + sum of w_i v_i on strict rows = 1` for some
    `t >= 0` and weights w_i > 0, or Farkas' vector of these equations is a member times its common denominator.

    Args:
        A_ub: (k, d) float64, finite.
        b_ub: k fractions, integers or floats, finite.
        A_eq: (l, d) float64, finite.
        b_eq: l fractions, integers or floats, finite.
        lower: d fractions, integers or floats; -inf where there is none.
        upper: d fractions, integers or floats; inf where there is none.
        strict: (k,) bool, the inequalities that are to hold strictly; None for none of them.
        interior: whether the member shall be in the relative interior, which takes longer; otherwise it is the one
            nearest to 0, up to scales, and may lie on the boundary.

    Returns:
        A member, a proof that there is none, or None where the arithmetic would take too long.

    Raises:
        ShapeError: if the sizes do not fit together.
        InputError: if a lower bound is inf, an upper bound -inf, or one of them NaN.

    >>> none = np.zeros((0, 1))
    >>> exact_feasibility(np.array([[3.0]]), [1], np.array([[3.0]]), [1], np.zeros(1), np.ones(1))
    ExactMember(point=(Fraction(1, 3),), interior=False)
    """
    system = ExactSystem.of(A_ub, b_ub, A_eq, b_eq, lower, upper, strict)
    if interior:
        hull = exact_hull(system)
        if not isinstance(hull, ExactHull):
            return hull
        # A strict row that holds somewhere holds at all relatively interior points.
        if system.strict.isdisjoint(hull.implicit(system)):
            return ExactMember(hull.point, interior=True)
    return _decided(system)


def _decided(system: ExactSystem) -> ExactMember | ExactInfeasible | None:
    d, n = system.n_coordinates, len(system.rows)
    # Any positive number marks a strict row; one of the size of the others keeps the columns balanced.
    columns = [[*row, _size(row) if i in system.strict else 0] for i, row in enumerate(system.rows)]
    columns.append([*[0] * d, 1, 1])
    equations = [[column[j] for column in columns] for j in range(d + 2)]
    free = [i for i, is_equality in enumerate(system.is_equality) if is_equality]
    found = nonnegative_solution(equations, [0] * (d + 1) + [1], free=free)
    if found is None:
        return None
    if found.farkas is not None:
        *numerators, denominator, _ = found.farkas
        return ExactMember(tuple(Fraction(value, -denominator) for value in numerators))
    assert found.solution is not None
    return ExactInfeasible.of(system, found.solution[:n])


def _size(row: Sequence[int]) -> int:
    return 1 << max(value.bit_length() for value in row)
