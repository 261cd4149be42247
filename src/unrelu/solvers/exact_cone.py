"""The cone test in exact rational arithmetic, for small cones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

MAX_PIVOTS = 2000

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
    `G Z y <= 0`, not all zero. The first is sought by phase one of the simplex method with Bland's rule; if it has no
    solution, its final multipliers are the y.

    Args:
        B: (l, d) integers.
        G: (k, d) integers.
        dimension: d.

    Returns:
        The answer, or None after `MAX_PIVOTS` pivots.
    """
    null = null_space([[Fraction(value) for value in row] for row in B], dimension)
    M = [[_dot(row, z) for z in null] for row in G]
    line = null_space(M, len(null))
    if line:
        return ExactProjection(direction=_integral(_combine(null, line[0], dimension)))
    if not null:
        inequality, equality = _integral_pair([Fraction(1)] * len(G), B, G, dimension)
        return ExactProjection(inequality_multipliers=inequality, equality_multipliers=equality)
    solved = _positive_multipliers(M)
    if solved is None:
        return None
    lam, y = solved
    if y is not None:
        return ExactProjection(direction=_integral(_combine(null, y, dimension)))
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


def _positive_multipliers(M: list[Row]) -> tuple[list[Fraction], Row | None] | None:
    """`lam >= 1` with `M' lam = 0`, or else y with `M y <= 0` and `1'M y < 0`; None if it takes too long.

    Phase one: minimise the sum of artificial variables a in `M' x + S a = t`, `x >= 0`, with `t = -M'1` and signs S
    that make the right-hand side non-negative.
    """
    k, n = len(M), len(M[0])
    target = [-sum((row[j] for row in M), Fraction(0)) for j in range(n)]
    sign = [1 if value >= 0 else -1 for value in target]
    table = [[sign[j] * M[i][j] for i in range(k)] for j in range(n)]
    right = [sign[j] * target[j] for j in range(n)]
    inverse = [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]  # what the rows were multiplied by
    basis = list(range(k, k + n))
    for _ in range(MAX_PIVOTS):
        artificial = [row for row, variable in enumerate(basis) if variable >= k]
        price = [sum((inverse[row][j] for row in artificial), Fraction(0)) for j in range(n)]
        reduced = [sum((table[row][i] for row in artificial), Fraction(0)) for i in range(k)]
        entering = next((i for i in range(k) if i not in basis and reduced[i] > 0), None)
        if entering is None:
            if all(right[row] == 0 for row in artificial):
                lam = [Fraction(1)] * k
                for row, variable in enumerate(basis):
                    if variable < k:
                        lam[variable] += right[row]
                return lam, None
            # The prices prove it infeasible: reduced <= 0 means price' S M' <= 0.
            return [], [sign[j] * price[j] for j in range(n)]
        ratios = [(right[row] / table[row][entering], basis[row], row) for row in range(n) if table[row][entering] > 0]
        leaving = min(ratios)[2]
        scale = table[leaving][entering]
        table[leaving] = [value / scale for value in table[leaving]]
        inverse[leaving] = [value / scale for value in inverse[leaving]]
        right[leaving] /= scale
        for row in range(n):
            factor = table[row][entering]
            if row != leaving and factor != 0:
                table[row] = [a - factor * b for a, b in zip(table[row], table[leaving], strict=True)]
                inverse[row] = [a - factor * b for a, b in zip(inverse[row], inverse[leaving], strict=True)]
                right[row] -= factor * right[leaving]
        basis[leaving] = entering
    return None


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


def _dot(row: list[int], z: Row) -> Fraction:
    return sum((a * b for a, b in zip(row, z, strict=True)), Fraction(0))


def _combine(basis: list[Row], weights: Row, dimension: int) -> Row:
    return [
        sum((weight * z[j] for weight, z in zip(weights, basis, strict=True)), Fraction(0)) for j in range(dimension)
    ]


def _integral(values: Row) -> tuple[int, ...]:
    """The smallest integers with the same ratios and signs."""
    common = math.lcm(*(value.denominator for value in values)) if values else 1
    whole = [int(value * common) for value in values]
    divisor = math.gcd(*whole) or 1
    return tuple(value // divisor for value in whole)
