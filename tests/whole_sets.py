"""A plain oracle for prefixes: all cells of a tiny network, each piece in rational arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np

from exact_cells import Cell, cells
from exact_cones import ExactCone, integers
from exact_sets import ExactSet, constraints, exact_cone, set_of_cone
from unrelu.network.graph import Network
from unrelu.polyhedra.polyhedron import Polyhedron


@dataclass(frozen=True)
class Piece:
    """A piece: a polyhedron, and the cone over it."""

    points: ExactSet
    cone: ExactCone

    def contains(self, point: list[Fraction]) -> bool:
        return self.cone.holds(integers([*point, Fraction(1)]))


def pieces(
    network: Network,
    features: list[Fraction],
    tolerance: np.ndarray,
    domain: Polyhedron | None,
    only: Mapping[str, np.ndarray] | None = None,
) -> list[Piece]:
    """All pieces of `{ x in D : |F(x) - y| <= eps }` with members; they may share faces, or be the same twice.

    Args:
        network: F.
        features: y.
        tolerance: eps, one for each feature.
        domain: D.
        only: by node, the branches that its units have to take; of nodes that are not in it, all are tried.
    """
    found = []
    for cell in cells(network, domain_cone(network, domain), only):
        cone = with_features(cell, features, tolerance)
        if not cone.empty:
            found.append(Piece(set_of_cone(cone), cone))
    return found


def domain_cone(network: Network, domain: Polyhedron | None) -> ExactCone:
    """The cone over a domain of the network's inputs."""
    return exact_cone(network.input_size, *(([], []) if domain is None else constraints(domain)))


def with_features(cell: Cell, features: list[Fraction], tolerance: np.ndarray) -> ExactCone:
    """What of a cell has `|F(x) - y| <= eps`; an eps of inf asks nothing."""
    cone = cell.cone
    rows = [(vector, numbers.denominator) for numbers in cell.outputs for vector in numbers.vectors]
    for (vector, denominator), y, eps in zip(rows, features, tolerance.tolist(), strict=True):
        if eps == inf:
            continue
        *a, c = (Fraction(v, denominator) for v in vector)
        if eps == 0:
            cone = cone.cut(integers([*a, c - y]), equal=True)
        else:
            cone = cone.cut(integers([*a, c - y + Fraction(eps)]))
            cone = cone.cut(integers([*(-v for v in a), y - c + Fraction(eps)]))
        if cone.empty:
            break
    return cone


def values_at(network: Network, point: list[Fraction]) -> list[Fraction]:
    """The network at a point, exactly."""
    n = len(point)
    alone = exact_cone(n, [], [([Fraction(int(i == j)) for i in range(n)], -v) for j, v in enumerate(point)])
    (cell,) = cells(network, alone)
    return [value for numbers in cell.outputs for value in numbers.at(point)]


def kind(found: list[Piece]) -> str:
    """What the union of some pieces is."""
    corners = {tuple(corner) for each in found for corner in each.points.corners}
    if any(each.points.rays or each.points.lines for each in found):
        return "unbounded"
    return "singleton" if len(corners) == 1 else "bounded"


def dimension(found: list[Piece]) -> int:
    """Of the largest piece."""
    return max(each.points.dimension for each in found)
