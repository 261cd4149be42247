"""Cones by double description, in integers: cut by one row after another, with generators kept all along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

Vector = tuple[int, ...]


@dataclass(frozen=True)
class ExactCone:
    """The cone over a polyhedron `{ x : ... }`: that of all (t x, t), t >= 0, whose slice t = 1 it is.

    Attributes:
        lines: a basis of the directions in which the cone goes on both ways.
        rays: the extreme rays, up to lines, none a multiple of another; each with the rows (as bits, those of a cone
            of n coordinates first) that are zero on it.
        rows: `(r, equal)`, what `r.(x, t) >= 0`, or `= 0`, was cut with, t >= 0 first.
    """

    lines: tuple[Vector, ...]
    rays: tuple[tuple[Vector, int], ...]
    rows: tuple[tuple[Vector, bool], ...]

    @staticmethod
    def whole_space(n: int) -> ExactCone:
        """The cone over all of n coordinates."""
        lines = tuple(tuple(int(i == j) for i in range(n + 1)) for j in range(n + 1))
        return ExactCone(lines, (), ()).cut(lines[-1])

    @property
    def empty(self) -> bool:
        """Whether the polyhedron has no point: no generator has t > 0."""
        return not any(ray[-1] for ray, _ in self.rays)

    def sides(self, row: Vector) -> tuple[bool, bool]:
        """Whether a row is negative somewhere on the cone, and whether it is positive somewhere."""
        below = above = False
        for line in self.lines:
            if dot(row, line):
                return True, True
        for ray, _ in self.rays:
            value = dot(row, ray)
            below, above = below or value < 0, above or value > 0
        return below, above

    def cut(self, row: Vector, equal: bool = False) -> ExactCone:
        """What of the cone has `row.(x, t) >= 0`, or `= 0`.

        A line that the row sees becomes a ray; else what is on its positive side stays, and each positive with each
        negative ray next to it gives one on it. Two are next to each other if no third one has all their common zeros.
        """
        bit = 1 << len(self.rows)
        rows = (*self.rows, (row, equal))
        pivot = next((line for line in self.lines if dot(row, line)), None)
        if pivot is not None:
            size = dot(row, pivot)
            way, size = (pivot, size) if size > 0 else (tuple(-v for v in pivot), -size)
            lines = tuple(_onto(row, line, way, size) for line in self.lines if line is not pivot)
            rays = [(_onto(row, ray, way, size), zeros | bit) for ray, zeros in self.rays]
            return ExactCone(lines, (*rays, *([] if equal else [(primitive(way), bit - 1)])), rows)
        on, above, below = [], [], []
        for ray, zeros in self.rays:
            value = dot(row, ray)
            if value == 0:
                on.append((ray, zeros | bit))
            else:
                (above if value > 0 else below).append((value, ray, zeros))
        kept = on if equal else [*on, *((ray, zeros) for _, ray, zeros in above)]
        if not below and not equal:
            return ExactCone(self.lines, tuple(kept), rows)
        between = []
        for p, a, zeros_a in above:
            for q, b, zeros_b in below:
                common = zeros_a & zeros_b
                if any(zeros & common == common and ray is not a and ray is not b for ray, zeros in self.rays):
                    continue
                between.append((primitive(tuple(p * w - q * v for v, w in zip(a, b, strict=True))), common | bit))
        return ExactCone(self.lines, (*kept, *between), rows)

    def holds(self, vector: Vector) -> bool:
        """Whether a vector (t x, t) lies in it."""
        return all(dot(row, vector) == 0 if equal else dot(row, vector) >= 0 for row, equal in self.rows)

    def within(self, other: ExactCone) -> bool:
        """Whether all of it lies in another one."""
        return all(other.holds(ray) for ray, _ in self.rays) and all(
            dot(row, line) == 0 for line in self.lines for row, _ in other.rows
        )

    def touches(self, other: ExactCone) -> bool:
        """Whether the two polyhedra have a point in common."""
        both = self
        for row, equal in other.rows:
            both = both.cut(row, equal)
            if both.empty:
                return False
        return True


def dot(a: Vector, b: Vector) -> int:
    """`a.b`."""
    return sum(map(int.__mul__, a, b))


def primitive(vector: Vector) -> Vector:
    """The vector divided by what all its numbers share."""
    divisor = gcd(*vector)
    return vector if divisor <= 1 else tuple(value // divisor for value in vector)


def integers(values: Sequence[Fraction]) -> Vector:
    """The shortest integer vector in the direction of a rational one."""
    common = lcm(*(value.denominator for value in values))
    return primitive(tuple(value.numerator * (common // value.denominator) for value in values))


def _onto(row: Vector, vector: Vector, pivot: Vector, size: int) -> Vector:
    """A vector moved along the pivot onto the row's hyperplane."""
    value = dot(row, vector)
    return primitive(tuple(size * u - value * p for u, p in zip(vector, pivot, strict=True)))
