"""The cells of a tiny network, on each of which it is one affine map: all of them, in integers.

Every unit splits the cells that its kinks cut through, one unit after another, depth first. A cell is split only if
both sides have points off the kink, so that all cells have the dimension of the domain and cover it, and share faces
only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import torch

from exact_activations import lines
from exact_cones import ExactCone, Vector
from unrelu.network.graph import Network
from unrelu.network.node import Node


@dataclass(frozen=True)
class Numbers:
    """Affine functions of the input: `vector.(x, 1) / denominator`, one for each number of a node, flattened."""

    vectors: tuple[Vector, ...]
    denominator: int

    def at(self, point: list[Fraction]) -> list[Fraction]:
        lifted = [*point, Fraction(1)]
        return [
            sum((a * x for a, x in zip(vector, lifted, strict=True)), Fraction(0)) / self.denominator
            for vector in self.vectors
        ]


@dataclass(frozen=True)
class Cell:
    """A cell and the network's outputs on it, one after another."""

    cone: ExactCone
    outputs: tuple[Numbers, ...]


@dataclass(frozen=True)
class _Line:
    """`(slope h[place] + offset) / scale` with the node's scale, from where `q h[place] >= p` on if there is a kink.

    `branch` is the package's number for it.
    """

    place: int
    slope: int
    offset: int
    branch: int
    kink: tuple[int, int] | None = None


@dataclass(frozen=True)
class _Bent:
    """A node whose units choose among lines: by kinks of one number in order, or the largest one (sign 1) or least."""

    scale: int
    units: tuple[tuple[_Line, ...], ...]
    sign: int


@dataclass(frozen=True)
class _Affine:
    """`(sum of weight h[place] + offset) / scale` for each number."""

    scale: int
    rows: tuple[tuple[tuple[tuple[int, int], ...], int], ...]


def cells(network: Network, domain: ExactCone, only: Mapping[str, np.ndarray] | None = None) -> Iterator[Cell]:
    """All cells of a network in a domain.

    Args:
        network: affine and piecewise linear nodes.
        domain: the cone over the inputs.
        only: by node, the branches that its units have to take; of nodes that are not in it all are tried.
    """
    n = network.input_size
    identity = tuple(tuple(int(i == j) for i in range(n + 1)) for j in range(n))
    nodes = network.nodes[1:]
    steps = [_affine(node, network) if node.is_affine else _bent(node, network) for node in nodes]
    forced = {name: branches.reshape(-1).tolist() for name, branches in (only or {}).items()}
    stack: list[tuple[ExactCone, int, tuple[Vector, ...], dict[str, Numbers]]] = (
        [] if domain.empty else [(domain, 0, (), {"input": Numbers(identity, 1)})]
    )
    while stack:
        cone, place, chosen, known = stack.pop()
        if place == len(nodes):
            yield Cell(cone, tuple(known[name] for name in network.outputs))
            continue
        node, step = nodes[place], steps[place]
        taken = _joined([known[name] for name in node.inputs])
        if isinstance(step, _Affine):
            stack.append((cone, place + 1, (), {**known, node.name: _image(step, taken)}))
            continue
        if len(chosen) == len(step.units):
            numbers = _reduced(chosen, step.scale * taken.denominator)
            stack.append((cone, place + 1, (), {**known, node.name: numbers}))
            continue
        unit = step.units[len(chosen)]
        if node.name in forced:
            options = _forced(cone, unit, taken, step.sign, forced[node.name][len(chosen)])
        elif any(line.kink for line in unit):
            options = _by_kinks(cone, unit, taken)
        else:
            options = _by_size(cone, unit, taken, step.sign)
        stack += [(part, place, (*chosen, _on(line, taken)), known) for part, line in options]


def _by_kinks(cone: ExactCone, unit: tuple[_Line, ...], taken: Numbers) -> list[tuple[ExactCone, _Line]]:
    found = []
    for line, following in pairwise(unit):
        row = _past(following, taken)
        below, above = cone.sides(row)
        if not above:
            return [*found, (cone, line)]
        if below:
            found.append((cone.cut(_minus(row)), line))
            cone = cone.cut(row)
    return [*found, (cone, unit[-1])]


def _by_size(cone: ExactCone, unit: tuple[_Line, ...], taken: Numbers, sign: int) -> list[tuple[ExactCone, _Line]]:
    found = [(cone, unit[0])]
    for line in unit[1:]:
        kept = []
        for part, best in found:
            row = _better(line, best, taken, sign)
            below, above = part.sides(row)
            if not above:
                kept.append((part, best))
            elif not below:
                kept.append((part, line))
            else:
                kept += [(part.cut(row), line), (part.cut(_minus(row)), best)]
        found = kept
    return found


def _forced(
    cone: ExactCone, unit: tuple[_Line, ...], taken: Numbers, sign: int, branch: int
) -> list[tuple[ExactCone, _Line]]:
    at = next(k for k, line in enumerate(unit) if line.branch == branch)
    own = unit[at]
    if any(line.kink for line in unit):
        rows = [_past(own, taken)] if own.kink else []
        rows += [_minus(_past(unit[at + 1], taken))] if at + 1 < len(unit) else []
    else:
        rows = [_better(own, line, taken, sign) for line in unit if line is not own]
    for row in rows:
        cone = cone.cut(row)
    return [] if cone.empty else [(cone, own)]


def _past(line: _Line, taken: Numbers) -> Vector:
    """A row that is not negative where the line's kink is passed."""
    assert line.kink is not None
    p, q = line.kink
    *slopes, constant = taken.vectors[line.place]
    return (*(q * v for v in slopes), q * constant - p * taken.denominator)


def _better(line: _Line, other: _Line, taken: Numbers, sign: int) -> Vector:
    """A row that is not negative where a line is the one to choose of two."""
    return tuple(sign * (v - w) for v, w in zip(_on(line, taken), _on(other, taken), strict=True))


def _on(line: _Line, taken: Numbers) -> Vector:
    *slopes, constant = taken.vectors[line.place]
    return (*(line.slope * v for v in slopes), line.slope * constant + line.offset * taken.denominator)


def _minus(row: Vector) -> Vector:
    return tuple(-value for value in row)


def _joined(parts: list[Numbers]) -> Numbers:
    if len(parts) == 1:
        return parts[0]
    common = math.lcm(*(part.denominator for part in parts))
    scaled = [tuple(common // part.denominator * v for v in vector) for part in parts for vector in part.vectors]
    return Numbers(tuple(scaled), common)


def _image(step: _Affine, taken: Numbers) -> Numbers:
    columns = list(zip(*taken.vectors, strict=True))
    vectors = []
    for weights, offset in step.rows:
        vector = [sum(w * column[place] for place, w in weights) for column in columns]
        vector[-1] += offset * taken.denominator
        vectors.append(tuple(vector))
    return _reduced(tuple(vectors), step.scale * taken.denominator)


def _reduced(vectors: tuple[Vector, ...], denominator: int) -> Numbers:
    divisor = math.gcd(denominator, *(v for vector in vectors for v in vector))
    if divisor == 1:
        return Numbers(vectors, denominator)
    return Numbers(tuple(tuple(v // divisor for v in vector) for vector in vectors), denominator // divisor)


def _affine(node: Node, network: Network) -> _Affine:
    """What the operator makes of each unit vector; where that is rounded, the simplest fraction near it."""
    shapes = [network.node(name).shape for name in node.inputs]
    zero = [torch.zeros(1, *shape, dtype=torch.float64) for shape in shapes]
    exact = node.affine.roundings == 0 or node.affine.exact_on_units
    rational = Fraction if exact else lambda v: Fraction(v).limit_denominator(2**30)
    offsets = [Fraction(v) for v in node.operator.apply(*zero).reshape(-1).tolist()]
    rows: list[list[tuple[int, Fraction]]] = [[] for _ in offsets]
    places = [(k, j) for k, shape in enumerate(shapes) for j in range(math.prod(shape))]
    for place, (k, j) in enumerate(places):
        units = [each.clone() for each in zero]
        units[k].view(-1)[j] = 1.0
        for row, v in zip(rows, node.affine.linear(*units).reshape(-1).tolist(), strict=True):
            if v:
                row.append((place, rational(v)))
    scale = math.lcm(*(v.denominator for row in rows for _, v in row), *(v.denominator for v in offsets))
    return _Affine(
        scale,
        tuple(
            (tuple((place, int(v * scale)) for place, v in row), int(offset * scale))
            for row, offset in zip(rows, offsets, strict=True)
        ),
    )


def _bent(node: Node, network: Network) -> _Bent:
    """The lines of a node's units: those of one number by its kinks, others by size."""
    shapes = [network.node(name).shape for name in node.inputs]
    if node.is_layer:
        plain = [
            [
                (unit, slope, offset, branch, low)
                for branch, (low, high, slope, offset) in enumerate(pieces)
                if low < high
            ]
            for unit, pieces in enumerate(lines(node.kinked, shapes[0]))
        ]
        # Neighbours on the same line are one.
        plain = [[one for k, one in enumerate(unit) if k == 0 or one[1:3] != unit[k - 1][1:3]] for unit in plain]
    else:
        found = node.piecewise.candidates(shapes, torch.device("cpu"))
        ones = torch.ones(found.coordinates.shape)
        slopes = ones if found.slopes is None else found.slopes
        offsets = 0 * ones if found.offsets is None else found.offsets
        plain = [
            [
                (place, Fraction(slope), Fraction(offset), k, -math.inf)
                for k, (place, slope, offset) in enumerate(zip(*unit, strict=True))
                if place >= 0
            ]
            for unit in zip(found.coordinates.tolist(), slopes.tolist(), offsets.tolist(), strict=True)
        ]
    scale = math.lcm(*(v.denominator for unit in plain for one in unit for v in one[1:3]))
    return _Bent(
        scale,
        tuple(
            tuple(
                _Line(
                    place,
                    int(slope * scale),
                    int(offset * scale),
                    branch,
                    Fraction(low).as_integer_ratio() if low > -math.inf else None,
                )
                for place, slope, offset, branch, low in unit
            )
            for unit in plain
        ),
        -1 if node.piecewise.concave else 1,
    )
