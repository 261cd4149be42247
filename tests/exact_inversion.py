"""The oracle for inverse problems: all of `{ x in box : F(x) = y }` for tiny networks, in rational arithmetic.

truth = exact_solutions(network, y, lower, upper)
truth.points, truth.flats, truth.dimension, truth.n_parts
missed(truth, centers, radii)             # what of it no ball holds: [] if the list is complete
holds_none(truth, center, radius)         # whether a ball holds no solution at all
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from exact_cells import cells
from exact_cones import ExactCone, integers
from exact_sets import exact_cone, fractions_of, set_of_cone
from unrelu.network.graph import Network
from unrelu.polyhedra.polyhedron import Polyhedron
from whole_sets import Piece, domain_cone, with_features

Point = tuple[Fraction, ...]


@dataclass(frozen=True)
class ExactSolutions:
    """All solutions, as polyhedra none of which lies in another one.

    A point on kinks, which belongs to several cells, is listed once, and so is what lies in a flat's face.

    Attributes:
        points: the isolated solutions.
        flats: the pieces of dimension 1 and more.
        n_parts: the number of connected parts, the isolated points among them.
    """

    points: tuple[Point, ...]
    flats: tuple[Piece, ...]
    n_parts: int

    @property
    def dimension(self) -> int:
        """Of the largest piece; -1 if there is no solution."""
        return max([-1, *(0 for _ in self.points[:1]), *(flat.points.dimension for flat in self.flats)])

    def contains(self, point: Iterable[Fraction]) -> bool:
        x = list(point)
        return tuple(x) in self.points or any(flat.contains(x) for flat in self.flats)

    def samples(self) -> list[Point]:
        """All isolated points, and of each flat the corners, the middle of each two, and the mean of all."""
        found = list(self.points)
        for flat in self.flats:
            corners = flat.points.corners
            middles = [_mean([a, b]) for k, a in enumerate(corners) for b in corners[:k]]
            found += [tuple(corner) for corner in corners] + middles + [_mean(corners)]
        return list(dict.fromkeys(found))


def exact_solutions(
    network: Network,
    measured: np.ndarray | Sequence[Fraction],
    lower: np.ndarray,
    upper: np.ndarray,
    outputs: Sequence[int] | None = None,
    noise: np.ndarray | float = 0.0,
) -> ExactSolutions:
    """All x in a box with `|F(x) - y| <= noise`.

    Args:
        network: F, with some 16 units and 3 inputs at most.
        measured: y, (m,) floats, integers or fractions.
        lower: (d,), finite.
        upper: (d,), finite; the same number as the lower one fixes an input.
        outputs: indices of the m outputs that were measured; None for all.
        noise: one number or m.
    """
    y = [Fraction(v) for v in np.asarray(measured, dtype=object).reshape(-1).tolist()]
    chosen = range(network.output_size) if outputs is None else outputs
    assert len(chosen) == len(y)
    target, width = [Fraction(0)] * network.output_size, np.full(network.output_size, math.inf)
    for k, value, eps in zip(chosen, y, np.broadcast_to(noise, len(y)).tolist(), strict=True):
        target[k], width[k] = value, eps
    box = Polyhedron(lower=lower.reshape(-1), upper=upper.reshape(-1), origin=np.zeros(lower.size))
    found: list[Piece] = []
    for cell in cells(network, domain_cone(network, box)):
        cone = with_features(cell, target, width)
        if not cone.empty:
            found.append(Piece(set_of_cone(cone), cone))
    return _merged(found)


def least_noise(
    network: Network, measured: np.ndarray | Sequence[Fraction], lower: np.ndarray, upper: np.ndarray
) -> Fraction:
    """The least `max |F(x) - y|` over a box, as it is for `exact_solutions`: 0 where there is a solution."""
    y = [Fraction(v) for v in np.asarray(measured, dtype=object).reshape(-1).tolist()]
    box = Polyhedron(lower=lower.reshape(-1), upper=upper.reshape(-1), origin=np.zeros(lower.size))
    best: Fraction | None = None
    for cell in cells(network, domain_cone(network, box)):
        # In the variables (x, s): s is at least each |F_i - y_i|.
        cone = ExactCone.whole_space(network.input_size + 1)
        for (*a, c), equal in cell.cone.rows:
            cone = cone.cut((*a, 0, c), equal)
        rows = [(vector, numbers.denominator) for numbers in cell.outputs for vector in numbers.vectors]
        for (vector, denominator), value in zip(rows, y, strict=True):
            *a, c = (Fraction(v, denominator) for v in vector)
            for sign in (1, -1):
                cone = cone.cut(integers([*(sign * v for v in a), Fraction(1), sign * (c - value)]))
        least = min(corner[-1] for corner in set_of_cone(cone).corners)
        best = least if best is None else min(best, least)
    assert best is not None
    return best


def missed(truth: ExactSolutions, lower: np.ndarray, upper: np.ndarray) -> list[Point]:
    """The solutions among `truth.samples()` that lie in none of some boxes; [] if all do.

    Args:
        truth: all solutions.
        lower: (n, d) of the boxes.
        upper: (n, d) the same.
    """
    boxes = [(fractions_of(a), fractions_of(b)) for a, b in zip(lower.tolist(), upper.tolist(), strict=True)]
    return [point for point in truth.samples() if not any(_in_box(point, a, b) for a, b in boxes)]


def holds_none(truth: ExactSolutions, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Whether no solution at all lies in a box, (d,) and (d,)."""
    a, b = fractions_of(lower.reshape(-1).tolist()), fractions_of(upper.reshape(-1).tolist())
    if any(_in_box(point, a, b) for point in truth.points):
        return False
    units = [[Fraction(int(i == j)) for i in range(len(a))] for j in range(len(a))]
    rows = [(unit, -v) for unit, v in zip(units, a, strict=True)]
    rows += [([-u for u in unit], v) for unit, v in zip(units, b, strict=True)]
    box = exact_cone(len(a), rows, [])
    return not any(flat.cone.touches(box) for flat in truth.flats)


def _merged(found: list[Piece]) -> ExactSolutions:
    """Pieces without those that lie in another one."""
    distinct = list({frozenset(map(tuple, piece.points.corners)): piece for piece in found}.values())
    flat = [piece for piece in distinct if len(piece.points.corners) > 1]
    kept = [piece for piece in distinct if not any(piece.cone.within(each.cone) for each in flat if each is not piece)]
    points = tuple(sorted(tuple(each.points.corners[0]) for each in kept if len(each.points.corners) == 1))
    flats = tuple(each for each in kept if len(each.points.corners) > 1)
    return ExactSolutions(points, flats, len(points) + _parts([flat.cone for flat in flats]))


def _parts(cones: list[ExactCone]) -> int:
    """The number of connected parts of some polyhedra."""
    left, count = list(cones), 0
    while left:
        count += 1
        pending = [left.pop()]
        while pending:
            one = pending.pop()
            near = [other for other in left if one.touches(other)]
            left = [other for other in left if not any(other is each for each in near)]
            pending += near
    return count


def _in_box(point: Point, lower: list[Fraction], upper: list[Fraction]) -> bool:
    return all(a <= v <= b for a, v, b in zip(lower, point, upper, strict=True))


def _mean(corners: Sequence[Sequence[Fraction]]) -> Point:
    return tuple(sum(values, Fraction(0)) / len(corners) for values in zip(*corners, strict=True))
