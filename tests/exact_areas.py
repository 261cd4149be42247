"""Areas of exact sets, and their shadows on two coordinates."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise

from exact_inversion import ExactSolutions

Corner = tuple[Fraction, Fraction]


def turn(a: Corner, b: Corner, c: Corner) -> Fraction:
    """Twice the area of a triangle, positive if it is run through to the left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def hull(points: Iterable[Corner]) -> list[Corner]:
    """Corners of the convex hull, to the left (Andrew's monotone chain)."""
    ordered = sorted(set(points))
    if len(ordered) < 3:
        return ordered
    sides: list[list[Corner]] = []
    for run in (ordered, ordered[::-1]):
        side: list[Corner] = []
        for point in run:
            while len(side) > 1 and turn(side[-2], side[-1], point) <= 0:
                side.pop()
            side.append(point)
        sides.append(side[:-1])
    return sides[0] + sides[1]


def area(corners: list[Corner]) -> Fraction:
    """Of a convex polygon."""
    return sum((turn(corners[0], a, b) for a, b in pairwise(corners[1:])), Fraction(0)) / 2


def holds(corners: list[Corner], point: Corner) -> bool:
    """Whether a point lies in a convex polygon, its sides included."""
    if len(corners) == 1:
        return corners[0] == point
    if len(corners) == 2:
        a, b = corners
        if turn(a, b, point) != 0:
            return False
        return all(min(u, v) <= w <= max(u, v) for u, v, w in zip(a, b, point, strict=True))
    return all(turn(a, b, point) >= 0 for a, b in zip(corners, [*corners[1:], corners[0]], strict=True))


def shadows(truth: ExactSolutions, i: int, j: int) -> list[list[Corner]]:
    """What pieces of a set have as coordinates i and j: convex polygons, segments and points."""
    points = [[point] for point in truth.points]
    pieces = [*points, *([tuple(corner) for corner in flat.points.corners] for flat in truth.flats)]
    return [hull((x[i], x[j]) for x in piece) for piece in pieces]
