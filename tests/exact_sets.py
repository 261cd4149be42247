"""A plain, exact oracle for polyhedra: their corners, rays and lines by double description, in integers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exact_cones import ExactCone, integers
from exact_oracle import rank
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron

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
    """The set `{ x : a.x + c >= 0, e.x + f = 0 }`."""
    return set_of_cone(exact_cone(n, at_least, equal))


def exact_cone(n: int, at_least: list[Row], equal: list[Row]) -> ExactCone:
    """The cone over the set `{ x : a.x + c >= 0, e.x + f = 0 }`."""
    cone = ExactCone.whole_space(n)
    for a, c in equal:
        cone = cone.cut(integers([*a, c]), equal=True)
    for a, c in at_least:
        cone = cone.cut(integers([*a, c]))
    return cone


def set_of_cone(cone: ExactCone) -> ExactSet:
    """The polyhedron that a cone is over."""
    n = len(cone.rows[0][0]) - 1
    return ExactSet(
        n,
        [[Fraction(v, ray[-1]) for v in ray[:-1]] for ray, _ in cone.rays if ray[-1] > 0],
        [[Fraction(v) for v in ray[:-1]] for ray, _ in cone.rays if ray[-1] == 0],
        [[Fraction(v) for v in line[:-1]] for line in cone.lines],
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
