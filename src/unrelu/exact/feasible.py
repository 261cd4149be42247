"""Whether linear inequalities, equations and bounds have a common solution, decided in rational arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.member import ExactMember
from unrelu.exact.nonnegative import nonnegative_solution
from unrelu.exact.system import ExactSystem, Number


def exact_feasibility(
    A_ub: np.ndarray,
    b_ub: Sequence[Number] | np.ndarray,
    A_eq: np.ndarray,
    b_eq: Sequence[Number] | np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    strict: np.ndarray | None = None,
) -> ExactMember | ExactInfeasible | None:
    """Find a member of `{ x : A_ub x <= b_ub, A_eq x = b_eq, lower <= x <= upper }`, or prove that there is none.

    Motzkin's alternative: with the rows `(a_i, b_i)` of the system, bounds included, either some v, not negative but
    on equalities, has `sum v_i a_i = 0`, `sum v_i b_i + t = 0` and `t + sum of v on strict rows = 1` for some
    `t >= 0`, or Farkas' vector of these equations is a member times its common denominator.

    Args:
        A_ub: (k, d) float64, finite.
        b_ub: k fractions, integers or floats, finite.
        A_eq: (l, d) float64, finite.
        b_eq: l fractions, integers or floats, finite.
        lower: (d,) float64; -inf where there is none.
        upper: (d,) float64; inf where there is none.
        strict: (k,) bool, the inequalities that are to hold strictly; None for none of them.

    Returns:
        A member, a proof that there is none, or None where the arithmetic would take too long.

    Raises:
        ShapeError: if the sizes do not fit together.

    >>> none = np.zeros((0, 1))
    >>> exact_feasibility(np.array([[3.0]]), [1], np.array([[3.0]]), [1], np.zeros(1), np.ones(1))
    ExactMember(point=(Fraction(1, 3),), interior=False)
    """
    system = ExactSystem.of(A_ub, b_ub, A_eq, b_eq, lower, upper, strict)
    return decide(system)


def decide(system: ExactSystem) -> ExactMember | ExactInfeasible | None:
    """`exact_feasibility` of a system of integers."""
    d = system.n_coordinates
    columns = [[*row, int(i in system.strict)] for i, row in enumerate(system.rows)]
    columns.append([*[0] * d, 1, 1])
    equal = [i for i, is_equality in enumerate(system.is_equality) if is_equality]
    columns += [[-number for number in columns[i]] for i in equal]
    found = nonnegative_solution([list(row) for row in zip(*columns, strict=True)], [0] * (d + 1) + [1])
    if found is None:
        return None
    if found.farkas is not None:
        *numerators, denominator, _ = found.farkas
        return ExactMember(tuple(Fraction(value, -denominator) for value in numerators))
    assert found.solution is not None
    values = list(found.solution[: len(system.rows)])
    for i, value in zip(equal, found.solution[len(system.rows) + 1 :], strict=True):
        values[i] -= value
    return _infeasible(system, values)


def _infeasible(system: ExactSystem, values: Sequence[int]) -> ExactInfeasible:
    """The multipliers of the scaled rows as multipliers of the rows."""
    whole = [Fraction(value * scale) for value, scale in zip(values, system.scales, strict=True)]
    k, bounds = system.n_ub, system.n_ub + system.n_eq
    lower, upper = [Fraction(0)] * system.n_coordinates, [Fraction(0)] * system.n_coordinates
    for j, value in zip(system.low, whole[bounds:], strict=False):
        lower[j] = value
    for j, value in zip(system.high, whole[bounds + len(system.low) :], strict=True):
        upper[j] = value
    return ExactInfeasible(tuple(whole[:k]), tuple(whole[k:bounds]), tuple(lower), tuple(upper))
