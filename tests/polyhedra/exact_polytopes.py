"""Small integer polytopes, and a slow exact oracle: all vertices, in rational arithmetic."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron

Vector = list[Fraction]


def random_integer_polytope(seed: int) -> Polyhedron:
    """A polytope with small integers and a box, so that rows are often tight, repeated, implied or contradictory."""
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, 4))
    k, n_eq = int(rng.integers(0, 5)), int(rng.integers(0, 3))
    A_ub, A_eq = rng.integers(-2, 3, (k, d)), rng.integers(-1, 2, (n_eq, d))
    if k > 1 and rng.random() < 0.5:
        A_ub[1] = -A_ub[0]
    b_ub, b_eq = rng.integers(-1, 3, k), rng.integers(-1, 2, n_eq) * rng.integers(0, 2)
    if k > 1 and rng.random() < 0.4:
        b_ub[1] = -b_ub[0]
    lower = rng.integers(-2, 1, d)
    upper = lower + rng.integers(0, 4, d)
    origin = rng.integers(-1, 2, d)
    return Polyhedron(
        A_ub.astype(float), b_ub.astype(float), A_eq.astype(float), b_eq.astype(float), lower, upper, origin
    )


def constraints(P: Polyhedron) -> tuple[list[tuple[Vector, Fraction]], list[tuple[Vector, Fraction]]]:
    """Inequalities `a.x <= b` and equalities `a.x = b` in absolute coordinates, exactly."""
    origin = [Fraction(float(v)) for v in P.origin]

    def absolute(rows: np.ndarray, values: np.ndarray) -> list[tuple[Vector, Fraction]]:
        exact = [([Fraction(float(v)) for v in row], Fraction(float(b))) for row, b in zip(rows, values, strict=True)]
        return [(a, b + dot(a, origin)) for a, b in exact]

    inequalities = absolute(P.A_ub, P.b_ub)
    for j in range(P.n_coordinates):
        unit = [Fraction(int(i == j)) for i in range(P.n_coordinates)]
        if np.isfinite(P.upper[j]):
            inequalities.append((unit, Fraction(float(P.upper[j]))))
        if np.isfinite(P.lower[j]):
            inequalities.append(([-v for v in unit], -Fraction(float(P.lower[j]))))
    return inequalities, absolute(P.A_eq, P.b_eq)


def vertices(P: Polyhedron) -> list[Vector]:
    """All vertices of a polytope: every d constraints that meet in one point which keeps all others."""
    inequalities, equalities = constraints(P)
    found: list[Vector] = []
    for chosen in itertools.combinations(inequalities + equalities, P.n_coordinates):
        x = solution([a for a, _ in chosen], [b for _, b in chosen])
        if x is None or x in found:
            continue
        if all(dot(a, x) <= b for a, b in inequalities) and all(dot(a, x) == b for a, b in equalities):
            found.append(x)
    return found


def solution(A: list[Vector], b: Vector) -> Vector | None:
    """The solution of a square system by Gauss and Jordan; None if it is singular."""
    n = len(A)
    work = [[*row, value] for row, value in zip(A, b, strict=True)]
    for column in range(n):
        pivot = next((i for i in range(column, n) if work[i][column] != 0), None)
        if pivot is None:
            return None
        work[column], work[pivot] = work[pivot], work[column]
        work[column] = [value / work[column][column] for value in work[column]]
        for i in range(n):
            if i != column:
                work[i] = [u - work[i][column] * v for u, v in zip(work[i], work[column], strict=True)]
    return [row[-1] for row in work]


def dot(a: Vector, x: Vector) -> Fraction:
    return sum((u * v for u, v in zip(a, x, strict=True)), Fraction(0))
