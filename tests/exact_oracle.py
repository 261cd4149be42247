"""A slow, plain, exact oracle for cones: every extreme ray is tried, in rational arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

Rows = list[list[Fraction]]


def fractions(matrix) -> Rows:
    """The exact rational rows of an array of floats or integers."""
    return [[Fraction(value) for value in row] for row in matrix.tolist()]


def rank(rows: Rows) -> int:
    """The rank, by Gaussian elimination."""
    work = [row[:] for row in rows]
    found = 0
    while work:
        row = work.pop()
        pivot = next((j for j, value in enumerate(row) if value != 0), None)
        if pivot is None:
            continue
        found += 1
        work = [[a - other[pivot] / row[pivot] * b for a, b in zip(other, row, strict=True)] for other in work]
    return found


def line(rows: Rows, dimension: int) -> list[Fraction]:
    """The null vector of `dimension - 1` independent rows, by cofactors."""
    basis: Rows = []
    for row in rows:
        if rank([*basis, row]) > len(basis):
            basis.append(row)
    return [
        (-1) ** j * determinant([[value for i, value in enumerate(row) if i != j] for row in basis])
        for j in range(dimension)
    ]


def determinant(rows: Rows) -> Fraction:
    """The determinant, by expansion along the first row."""
    if not rows:
        return Fraction(1)
    return sum(
        (
            (-1) ** j * value * determinant([[v for i, v in enumerate(row) if i != j] for row in rows[1:]])
            for j, value in enumerate(rows[0])
            if value != 0
        ),
        Fraction(0),
    )


def cone_is_trivial(equalities: Rows, inequalities: Rows, dimension: int) -> bool:
    """Whether `{ z : B z = 0, G z <= 0 }` is {0}.

    Without full column rank there is a line in it. With full column rank it is pointed, so it is {0} unless it has
    an extreme ray, on which `dimension - 1` independent rows vanish.
    """
    if rank(equalities + inequalities) < dimension:
        return False
    for k in range(dimension):
        for chosen in itertools.combinations(inequalities, k):
            rows = equalities + list(chosen)
            if rank(rows) != dimension - 1:
                continue
            z = line(rows, dimension)
            for sign in (1, -1):
                if all(sign * sum(a * b for a, b in zip(row, z, strict=True)) <= 0 for row in inequalities):
                    return False
    return True
