"""The cone test in exact rational arithmetic, for small cones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from unrelu.exact.integers import products
from unrelu.exact.nonnegative import nonnegative_solution

Row = list[Fraction]


@dataclass(frozen=True)
class ExactProjection:
    """Exactly one of the two is set: a member of the cone, or positive multipliers.

    Attributes:
        direction: (d,) integers, a non-zero member of `{ z : B z = 0, G z <= 0 }`.
        inequality_multipliers: (k,) integers, all positive.
        equality_multipliers: (l,) integers; `G' lam + B' mu = 0`.
    """

    direction: tuple[int, ...] | None = None
    inequality_multipliers: tuple[int, ...] = ()
    equality_multipliers: tuple[int, ...] = ()


def project_exactly(B: list[list[int]], G: list[list[int]], dimension: int) -> ExactProjection | None:
    """Decide whether `{ z : B z = 0, G z <= 0 }` is {0}, exactly.

    Stiemke's alternative on the null space Z of B: either `(G Z)' lam = 0` for some lam > 0, or some y has
    `G Z y <= 0`, not all zero. The first is sought by phase one of the simplex method; if it has no solution, its
    final multipliers are the y.

    Args:
        B: (l, d) integers.
        G: (k, d) integers.
        dimension: d.

    Returns:
        The answer, or None where the simplex method takes too many pivots.
    """
    null = [_integral(z) for z in null_space([[Fraction(value) for value in row] for row in B], dimension)]
    M = [products(null, tuple(row)) for row in G]
    line = null_space([[Fraction(value) for value in row] for row in M], len(null))
    if line:
        return ExactProjection(direction=_combine(null, _integral(line[0]), dimension))
    if not null:
        inequality, equality = _integral_pair([Fraction(1)] * len(G), B, G, dimension)
        return ExactProjection(inequality_multipliers=inequality, equality_multipliers=equality)
    solved = _positive_multipliers(M)
    if solved is None:
        return None
    lam, y = solved
    if not lam:
        return ExactProjection(direction=_combine(null, y, dimension))
    inequality, equality = _integral_pair(lam, B, G, dimension)
    return ExactProjection(inequality_multipliers=inequality, equality_multipliers=equality)


def null_space(rows: list[Row], n_columns: int) -> list[Row]:
    """A basis of the null space of rational rows."""
    reduced, pivots = _reduced(rows, n_columns)
    basis = []
    for free in (column for column in range(n_columns) if column not in pivots):
        z = [Fraction(0)] * n_columns
        z[free] = Fraction(1)
        for row, pivot in zip(reduced, pivots, strict=True):
            z[pivot] = -row[free]
        basis.append(z)
    return basis


def _reduced(rows: list[Row], n_columns: int) -> tuple[list[Row], list[int]]:
    """Reduced row echelon form: its non-zero rows and their pivot columns."""
    work = [list(row) for row in rows]
    done: list[Row] = []
    pivots: list[int] = []
    for column in range(n_columns):
        index = next((i for i, row in enumerate(work) if row[column] != 0), None)
        if index is None:
            continue
        pivot_row = work.pop(index)
        scale = pivot_row[column]
        pivot_row = [value / scale for value in pivot_row]
        work = [_eliminated(row, pivot_row, column) for row in work]
        done = [_eliminated(row, pivot_row, column) for row in done]
        done.append(pivot_row)
        pivots.append(column)
    return done, pivots


def _eliminated(row: Row, pivot_row: Row, column: int) -> Row:
    factor = row[column]
    return row if factor == 0 else [value - factor * other for value, other in zip(row, pivot_row, strict=True)]


def _positive_multipliers(M: list[list[int]]) -> tuple[list[Fraction], tuple[int, ...]] | None:
    """`lam >= 1` with `M' lam = 0`, or else, with an empty lam, y with `M y <= 0` and `1'M y < 0`; None if neither.

    With `lam = 1 + x` these are equations `M' x = -M'1` for `x >= 0`.
    """
    columns = [list(column) for column in zip(*M, strict=True)]
    found = nonnegative_solution(columns, [-sum(column) for column in columns])
    if found is None:
        return None
    if found.solution is None:
        return [], found.farkas or ()
    return [1 + Fraction(value, found.denominator) for value in found.solution], ()


def _integral_pair(
    lam: list[Fraction], B: list[list[int]], G: list[list[int]], dimension: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Integers proportional to lam and to a mu with `B' mu = -G' lam`."""
    target = [-sum((G[i][j] * lam[i] for i in range(len(G))), Fraction(0)) for j in range(dimension)]
    augmented = [[*(Fraction(B[i][j]) for i in range(len(B))), target[j]] for j in range(dimension)]
    reduced, pivots = _reduced(augmented, len(B))
    mu = [Fraction(0)] * len(B)
    for row, pivot in zip(reduced, pivots, strict=True):
        mu[pivot] = row[-1]
    whole = _integral([*lam, *mu])
    return whole[: len(lam)], whole[len(lam) :]


def _combine(basis: list[tuple[int, ...]], weights: tuple[int, ...], dimension: int) -> tuple[int, ...]:
    """The sum of the basis vectors times the weights, as the smallest integers."""
    whole = [sum(weight * z[j] for weight, z in zip(weights, basis, strict=True)) for j in range(dimension)]
    divisor = math.gcd(*whole) or 1
    return tuple(value // divisor for value in whole)


def _integral(values: Row) -> tuple[int, ...]:
    """The smallest integers with the same ratios and signs."""
    common = math.lcm(*(value.denominator for value in values)) if values else 1
    whole = [int(value * common) for value in values]
    divisor = math.gcd(*whole) or 1
    return tuple(value // divisor for value in whole)
