"""A slow, plain, exact oracle for strict and weak inequalities: Fourier-Motzkin elimination in rational arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import gcd

Constraint = tuple[tuple[int, ...], bool]
"""`(a_1, ..., a_d, c)` and whether `a.x + c > 0` is meant, or only `>= 0`."""


def constraint(row, constant, strict: bool) -> Constraint:
    """`row.x + constant > 0` or `>= 0`, for exact numbers of any kind."""
    numbers = [Fraction(value) for value in (*row, constant)]
    common = 1
    for number in numbers:
        common = common * number.denominator // gcd(common, number.denominator)
    return _reduced(tuple(int(number * common) for number in numbers)), strict


def _reduced(numbers: tuple[int, ...]) -> tuple[int, ...]:
    divisor = gcd(*numbers) or 1
    return tuple(number // divisor for number in numbers)


def has_solution(constraints: list[Constraint]) -> bool:
    """Whether all constraints hold at some rational (equivalently, real) point."""
    left = set(constraints)
    if not left:
        return True
    for j in range(len(next(iter(left))[0]) - 1):
        above = [entry for entry in left if entry[0][j] > 0]
        below = [entry for entry in left if entry[0][j] < 0]
        left -= {*above, *below}
        for (p, p_strict), (n, n_strict) in itertools.product(above, below):
            combined = tuple(p[j] * b - n[j] * a for a, b in zip(p, n, strict=True))
            left.add((_reduced(combined), p_strict or n_strict))
        # Of rows with the same slope the tightest says it all.
        left = {entry for entry in left if not any(_implies(other, entry) for other in left if other != entry)}
    return all(numbers[-1] > 0 or (numbers[-1] == 0 and not strict) for numbers, strict in left)


def _implies(first: Constraint, second: Constraint) -> bool:
    (a, a_strict), (b, b_strict) = first, second
    return a[:-1] == b[:-1] and (a[-1] < b[-1] or (a[-1] == b[-1] and a_strict and not b_strict))


def is_admissible(A, b, inactive, polyhedron) -> bool:
    """Definition 7, for arrays of floats taken exactly."""
    constraints = []
    for row, value, off in zip(A.tolist(), b.tolist(), inactive, strict=True):
        sign = -1 if off else 1
        constraints.append(constraint([sign * number for number in row], sign * value, not off))
    origin = [Fraction(number) for number in polyhedron.origin.tolist()]
    for rows, values, signs in (
        (polyhedron.A_ub, polyhedron.b_ub, (-1,)),
        (polyhedron.A_eq, polyhedron.b_eq, (-1, 1)),
    ):
        for row, value in zip(rows.tolist(), values.tolist(), strict=True):
            exact = [Fraction(number) for number in row]
            constant = Fraction(value) + sum(a * o for a, o in zip(exact, origin, strict=True))
            constraints += [constraint([s * a for a in exact], -s * constant, False) for s in signs]
    for j, (low, high) in enumerate(zip(polyhedron.lower.tolist(), polyhedron.upper.tolist(), strict=True)):
        unit = [int(i == j) for i in range(A.shape[1])]
        if low > float("-inf"):
            constraints.append(constraint(unit, -Fraction(low), False))
        if high < float("inf"):
            constraints.append(constraint([-number for number in unit], Fraction(high), False))
    return has_solution(constraints)
