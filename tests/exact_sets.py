"""A plain, exact oracle for polyhedra: their corners, rays and lines by double description, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

import numpy as np

from exact_oracle import rank
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron

Vector = tuple[int, ...]
Row = tuple[list[Fraction], Fraction]
"""`(a, c)`, which says that `a.x + c >= 0`, or `= 0`."""


@dataclass(frozen=True)
class ExactSet:
    """`conv(corners) + cone(rays) + span(lines)`, which is empty if there is no corner.

    Attributes:
        n: the number of coordinates.
        corners: members; the vertices if there are no lines.
        rays: directions in which the set goes on for ever.
        lines: a basis of those in which it does so both ways.
    """

    n: int
    corners: list[list[Fraction]]
    rays: list[list[Fraction]]
    lines: list[list[Fraction]]

    @property
    def empty(self) -> bool:
        return not self.corners

    @property
    def bounded(self) -> bool:
        return self.empty or not (self.rays or self.lines)

    @property
    def dimension(self) -> int:
        if self.empty:
            return -1
        first = self.corners[0]
        return rank([*(_minus(corner, first) for corner in self.corners[1:]), *self.rays, *self.lines])

    @property
    def singleton(self) -> bool:
        return self.dimension == 0

    @property
    def kind(self) -> str:
        if self.empty:
            return "empty"
        return "singleton" if self.singleton else "bounded" if self.bounded else "unbounded"

    def least(self, c: list[Fraction]) -> Fraction | float:
        """The least value of `c.x`; inf if there is no member."""
        if self.empty:
            return float("inf")
        if any(dot(c, line) for line in self.lines) or any(dot(c, ray) < 0 for ray in self.rays):
            return float("-inf")
        return min(dot(c, corner) for corner in self.corners)

    def range(self, c: list[Fraction]) -> tuple[Fraction | float, Fraction | float]:
        return self.least(c), -self.least([-value for value in c])

    def coordinate(self, j: int) -> tuple[Fraction | float, Fraction | float]:
        return self.range([Fraction(int(i == j)) for i in range(self.n)])


def exact_set(n: int, at_least: list[Row], equal: list[Row]) -> ExactSet:
    """The set `{ x : a.x + c >= 0, e.x + f = 0 }`.

    It is the slice t = 1 of a cone of (x, t), t >= 0. Of a cone, generators are kept while its rows come one after the
    other: a line that a row sees becomes a ray; else what is on its positive side stays, and each positive with each
    negative ray gives one on it.
    """
    rows = [(_integers([Fraction(0)] * n + [Fraction(1)]), False)]
    rows += [(_integers([*a, c]), True) for a, c in equal] + [(_integers([*a, c]), False) for a, c in at_least]
    lines: list[Vector] = [tuple(int(i == j) for i in range(n + 1)) for j in range(n + 1)]
    rays: list[Vector] = []
    seen: list[Vector] = []
    for row, is_equal in rows:
        seen.append(row)
        pivot = next((line for line in lines if _dot(row, line)), None)
        if pivot is not None:
            size = _dot(row, pivot)
            pivot, size = (pivot, size) if size > 0 else (tuple(-v for v in pivot), -size)
            lines = [_onto(row, line, pivot, size) for line in lines if line != pivot and _negative(line) != pivot]
            rays = [_onto(row, ray, pivot, size) for ray in rays]
            if not is_equal:
                rays.append(_primitive(pivot))
            continue
        sides = [(_dot(row, ray), ray) for ray in rays]
        on = [ray for side, ray in sides if side == 0]
        above = [(side, ray) for side, ray in sides if side > 0]
        below = [(side, ray) for side, ray in sides if side < 0]
        between = {
            _primitive(tuple(p * w - q * v for v, w in zip(a, b, strict=True))) for p, a in above for q, b in below
        }
        rays = [*on, *between, *([] if is_equal else [ray for _, ray in above])]
        rays = _extreme(rays, seen)
    corners = [[Fraction(v, ray[-1]) for v in ray[:-1]] for ray in rays if ray[-1] > 0]
    return ExactSet(
        n,
        corners,
        [[Fraction(v) for v in ray[:-1]] for ray in rays if ray[-1] == 0],
        [[Fraction(v) for v in line[:-1]] for line in lines],
    )


def same_features(
    layer: ReLULayer, features: list[Fraction], tolerance: np.ndarray, domain: Polyhedron | None
) -> ExactSet:
    """`{ x in D : |ReLU(A x + b) - y| <= eps }` for exact features y."""
    more, equal = ([], []) if domain is None else constraints(domain)
    return exact_set(layer.n_inputs, [*feature_rows(layer, features, tolerance), *more], equal)


def feature_rows(layer: ReLULayer, features: list[Fraction], tolerance: np.ndarray) -> list[Row]:
    """`|ReLU(A x + b) - y| <= eps` for exact features y."""
    at_least: list[Row] = []
    for row, value, y, size in zip(
        layer.dense_weight.tolist(), layer.bias.tolist(), features, tolerance.tolist(), strict=True
    ):
        a, b, eps = fractions_of(row), Fraction(value), Fraction(size)
        if y + eps < 0:
            at_least.append(([Fraction(0)] * layer.n_inputs, Fraction(-1)))
        at_least.append(([-v for v in a], y + eps - b))
        if y > eps:
            at_least.append((a, b - (y - eps)))
    return at_least


def exact_features(layer: ReLULayer, x: np.ndarray) -> list[Fraction]:
    """`ReLU(A x + b)`, exactly."""
    point = fractions_of(x.tolist())
    values = zip(layer.dense_weight.tolist(), layer.bias.tolist(), strict=True)
    return [max(dot(fractions_of(row), point) + Fraction(b), Fraction(0)) for row, b in values]


def set_of(polyhedron: Polyhedron) -> ExactSet:
    """A polyhedron of stored numbers, whatever the errors of its right-hand sides."""
    return exact_set(polyhedron.n_coordinates, *constraints(polyhedron))


def constraints(P: Polyhedron) -> tuple[list[Row], list[Row]]:
    """The rows of a polyhedron that are inequalities, and those that are equalities."""
    origin = fractions_of(P.origin.tolist())
    both: list[list[Row]] = []
    for rows, values in ((P.A_ub, P.b_ub), (P.A_eq, P.b_eq)):
        exact = [
            (fractions_of(row), Fraction(value)) for row, value in zip(rows.tolist(), values.tolist(), strict=True)
        ]
        both.append([([-v for v in a], b + dot(a, origin)) for a, b in exact])
    at_least, equal = both
    for j, (low, high) in enumerate(zip(P.lower.tolist(), P.upper.tolist(), strict=True)):
        unit = [Fraction(int(i == j)) for i in range(P.n_coordinates)]
        if low > float("-inf"):
            at_least.append((unit, -Fraction(low)))
        if high < float("inf"):
            at_least.append(([-v for v in unit], Fraction(high)))
    return at_least, equal


def fractions_of(values: list[float]) -> list[Fraction]:
    return [Fraction(value) for value in values]


def dot(a: list[Fraction], x: list[Fraction]) -> Fraction:
    return sum((u * v for u, v in zip(a, x, strict=True)), Fraction(0))


def _minus(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    return [u - v for u, v in zip(a, b, strict=True)]


def _dot(a: Vector, b: Vector) -> int:
    return sum(u * v for u, v in zip(a, b, strict=True))


def _negative(a: Vector) -> Vector:
    return tuple(-value for value in a)


def _onto(row: Vector, vector: Vector, pivot: Vector, size: int) -> Vector:
    """A vector moved along the pivot onto the row's hyperplane."""
    value = _dot(row, vector)
    return _primitive(tuple(size * u - value * p for u, p in zip(vector, pivot, strict=True)))


def _primitive(vector: Vector) -> Vector:
    divisor = gcd(*vector) or 1
    return tuple(value // divisor for value in vector)


def _integers(values: list[Fraction]) -> Vector:
    common = lcm(*(value.denominator for value in values))
    return _primitive(tuple(int(value * common) for value in values))


def _extreme(rays: list[Vector], rows: list[Vector]) -> list[Vector]:
    """Rays without those on which another one keeps all the rows that they keep with equality."""
    rays = list(dict.fromkeys(rays))
    zero = [frozenset(i for i, row in enumerate(rows) if _dot(row, ray) == 0) for ray in rays]
    return [
        ray
        for i, ray in enumerate(rays)
        if not any(zero[i] < zero[j] or (zero[i] == zero[j] and j < i) for j in range(len(rays)) if j != i)
    ]
