"""A plain oracle for prefixes: all activation patterns of a tiny network, each piece in rational arithmetic."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from exact_sets import ExactSet, Row, constraints, exact_set
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.polyhedra.polyhedron import Polyhedron

Affine = list[tuple[list[Fraction], Fraction]]
"""For each number of a node, flattened, its gradient and its constant."""


@dataclass(frozen=True)
class Piece:
    """A piece and its rows."""

    points: ExactSet
    at_least: list[Row]
    equal: list[Row]

    def contains(self, point: list[Fraction]) -> bool:
        return all(_at(row, point) >= 0 for row in self.at_least) and all(_at(row, point) == 0 for row in self.equal)


def pieces(
    network: Network,
    x0: np.ndarray,
    tolerance: np.ndarray,
    domain: Polyhedron | None,
    only: dict[str, np.ndarray] | None = None,
) -> list[Piece]:
    """All pieces of `{ x in D : |F(x) - F(x0)| <= eps }` with members; they may share faces, or be the same twice.

    Args:
        network: F.
        x0: the point.
        tolerance: eps.
        domain: D.
        only: by node, the branches that its units have to take; of nodes that are not in it, all are tried.
    """
    features = values_at(network, [Fraction(v) for v in x0.tolist()])
    inside = constraints(domain) if domain is not None else ([], [])
    found: list[Piece] = []
    known = {"input": _identity(len(x0))}
    _walk(network, list(network.nodes[1:]), known, inside, features, tolerance, found, only or {})
    return found


def values_at(network: Network, point: list[Fraction]) -> list[Fraction]:
    """The network at a point, exactly."""
    known: dict[str, Affine] = {"input": [([], value) for value in point]}
    for node in network.nodes[1:]:
        known[node.name] = _affine(node, network, known) if node.is_affine else _choice(node, network, known)
    return [constant for name in network.outputs for _, constant in known[name]]


def kind(found: list[Piece]) -> str:
    """What the union of some pieces is."""
    corners = {tuple(corner) for each in found for corner in each.points.corners}
    if any(each.points.rays or each.points.lines for each in found):
        return "unbounded"
    return "singleton" if len(corners) == 1 else "bounded"


def dimension(found: list[Piece]) -> int:
    """Of the largest piece."""
    return max(each.points.dimension for each in found)


def _walk(
    network: Network,
    left: list[Node],
    known: dict[str, Affine],
    rows: tuple[list[Row], list[Row]],
    features: list[Fraction],
    tolerance: np.ndarray,
    found: list[Piece],
    only: dict[str, np.ndarray],
) -> None:
    n = network.input_size
    if exact_set(n, *rows).empty:
        return
    if not left:
        ends = [row for name in network.outputs for row in known[name]]
        at_least, equal = list(rows[0]), list(rows[1])
        for (a, c), y, eps in zip(ends, features, tolerance.tolist(), strict=True):
            if eps == 0:
                equal.append((a, c - y))
            else:
                at_least += [(a, c - y + Fraction(eps)), ([-v for v in a], y + Fraction(eps) - c)]
        piece = Piece(exact_set(n, at_least, equal), at_least, equal)
        if not piece.points.empty:
            found.append(piece)
        return
    node, rest = left[0], left[1:]
    if node.is_affine:
        _walk(
            network, rest, {**known, node.name: _affine(node, network, known)}, rows, features, tolerance, found, only
        )
        return
    for chosen, guards in _alternatives(node, network, known, only.get(node.name)):
        more = ([*rows[0], *guards], rows[1])
        _walk(network, rest, {**known, node.name: chosen}, more, features, tolerance, found, only)


def _alternatives(
    node: Node, network: Network, known: dict[str, Affine], only: np.ndarray | None
) -> list[tuple[Affine, list[Row]]]:
    """All branches of a node's units, each with what must hold."""
    units = [_options(options, concave=node.piecewise.concave) for options in _lines(node, network, known)]
    if only is not None:
        units = [[options[branch]] for options, branch in zip(units, only.reshape(-1).tolist(), strict=True)]
    return [
        ([line for line, _ in pick], [guard for _, guards in pick for guard in guards])
        for pick in itertools.product(*units)
    ]


def _options(lines: Affine, *, concave: bool) -> list[tuple[tuple[list[Fraction], Fraction], list[Row]]]:
    sign = -1 if concave else 1
    return [
        (own, [([sign * (p - q) for p, q in zip(own[0], a, strict=True)], sign * (own[1] - c)) for a, c in lines])
        for own in lines
    ]


def _lines(node: Node, network: Network, known: dict[str, Affine]) -> list[Affine]:
    shapes = [network.node(name).shape for name in node.inputs]
    taken = [row for name in node.inputs for row in known[name]]
    candidates = node.piecewise.candidates(shapes, torch.device("cpu"))
    found = []
    for unit in range(len(candidates.coordinates)):
        lines: Affine = []
        for k, place in enumerate(candidates.coordinates[unit].tolist()):
            if place < 0:
                continue
            slope = Fraction(1) if candidates.slopes is None else Fraction(float(candidates.slopes[unit, k]))
            offset = Fraction(0) if candidates.offsets is None else Fraction(float(candidates.offsets[unit, k]))
            a, c = taken[place]
            lines.append(([slope * v for v in a], slope * c + offset))
        found.append(lines)
    return found


def _choice(node: Node, network: Network, known: dict[str, Affine]) -> Affine:
    pick = min if node.piecewise.concave else max
    return [pick(lines, key=lambda line: line[1]) for lines in _lines(node, network, known)]


def _affine(node: Node, network: Network, known: dict[str, Affine]) -> Affine:
    """For operators whose numbers are fractions of few digits: what they make of each unit vector."""
    taken = [row for name in node.inputs for row in known[name]]
    shapes = [network.node(name).shape for name in node.inputs]
    zero = [torch.zeros(1, *shape, dtype=torch.float64) for shape in shapes]
    n = len(taken[0][0])
    total = [([Fraction(0)] * n, Fraction(v)) for v in node.operator.apply(*zero).reshape(-1).tolist()]
    places = [(k, j) for k, shape in enumerate(shapes) for j in range(math.prod(shape))]
    for (k, j), (a, c) in zip(places, taken, strict=True):
        units = [each.clone() for each in zero]
        units[k].view(-1)[j] = 1.0
        column = [Fraction(v).limit_denominator(2**30) for v in node.affine.linear(*units).reshape(-1).tolist()]
        total = [
            ([p + w * q for p, q in zip(row, a, strict=True)], constant + w * c) if w else (row, constant)
            for (row, constant), w in zip(total, column, strict=True)
        ]
    return total


def _identity(n: int) -> Affine:
    return [([Fraction(int(i == j)) for j in range(n)], Fraction(0)) for i in range(n)]


def _at(row: tuple[list[Fraction], Fraction], point: list[Fraction]) -> Fraction:
    return sum((a * x for a, x in zip(row[0], point, strict=True)), row[1])
