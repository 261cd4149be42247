"""Layers with any piecewise linear activation, in rationals: which pre-activations have a feature, and which inputs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from math import inf

import numpy as np
import torch

from exact_sets import ExactSet, Row, dot, exact_set, fractions_of
from unrelu.network.layer import ReLULayer
from unrelu.operators import Absolute, AtLeast, AtMost, Clamp, LeakyReLU
from unrelu.operators.kinked import Kinked, Pieces

Interval = tuple[Fraction | float, Fraction | float]


@dataclass(frozen=True, eq=False)
class Zigzag(Kinked):
    """Any continuous function with three kinks, one a unit; nothing in the package knows it."""

    first: torch.Tensor
    kinks: torch.Tensor
    slopes: torch.Tensor

    def pieces(self) -> Pieces:
        offsets = [self.first]
        for k in range(3):
            offsets.append(offsets[-1] + (self.slopes[k] - self.slopes[k + 1]) * self.kinks[k])
        return Pieces(tuple(self.kinks), tuple(self.slopes), tuple(offsets))

    def output_shape(self, *shapes: tuple[int, ...]) -> tuple[int, ...]:
        return shapes[0]


def random_activation(rng: np.random.Generator, m: int, *, monotone: bool) -> Kinked:
    """One with kinks at small multiples of a half, flat pieces, and pieces of no length."""

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.asarray(values, dtype=np.float64))

    halves = rng.integers(-3, 4, (3, m)) / 2
    ways = ["leaky", "clamp", "floor", "ceiling", "zigzag"] if monotone else ["leaky", "absolute", "zigzag"]
    way = rng.choice(ways)
    up = [0.0, 1.0, 2.0, 0.5, 1 / 3, 0.01]
    if way == "leaky":
        return LeakyReLU(tensor(rng.choice(up if monotone else [*up, -1.0, -0.5, -3.0], m)))
    if way == "clamp":
        return Clamp(tensor(halves.min(axis=0)), tensor(halves.max(axis=0)))
    if way == "floor":
        return AtLeast(tensor(halves[0]))
    if way == "ceiling":
        return AtMost(tensor(halves[0]))
    if way == "absolute":
        return Absolute()
    slopes = rng.choice([0.0, 0.0, 1.0, 2.0, 0.5] if monotone else [0.0, 1.0, -1.0, 2.0, -0.5], (4, m))
    return Zigzag(tensor(halves[0]), tensor(np.sort(halves, axis=0)), tensor(slopes))


def lines(
    activation: Kinked, shape: int | tuple[int, ...]
) -> list[list[tuple[Fraction | float, Fraction | float, Fraction, Fraction]]]:
    """For each unit of a sample of that shape `(from, to, slope, offset)` of all pieces."""
    f = activation.pieces()
    kinks, slopes, offsets = (
        [np.broadcast_to(each.numpy(), shape).reshape(-1).tolist() for each in part]
        for part in (f.kinks, f.slopes, f.offsets)
    )
    found = []
    for unit in range(len(slopes[0])):
        at = [-inf, *(Fraction(each[unit]) for each in kinks), inf]
        found.append(
            [
                (low, high, Fraction(slopes[k][unit]), Fraction(offsets[k][unit]))
                for k, (low, high) in enumerate(itertools.pairwise(at))
            ]
        )
    return found


def value(pieces: list[tuple[Fraction | float, Fraction | float, Fraction, Fraction]], t: Fraction) -> Fraction:
    """`f(t)`."""
    return next(slope * t + offset for low, high, slope, offset in pieces if low <= t <= high)


def intervals(
    pieces: list[tuple[Fraction | float, Fraction | float, Fraction, Fraction]], y: Fraction, eps: Fraction
) -> list[Interval]:
    """`{ t : |f(t) - y| <= eps }`, piece by piece, those that touch joined."""
    parts: list[Interval] = []
    for low, high, slope, offset in pieces:
        if slope == 0:
            ends: Interval = (-inf, inf) if abs(offset - y) <= eps else (inf, -inf)
        else:
            a, b = (y - eps - offset) / slope, (y + eps - offset) / slope
            ends = min(a, b), max(a, b)
        part = max(low, ends[0]), min(high, ends[1])
        if part[0] <= part[1]:
            parts.append(part)
    joined: list[Interval] = []
    for part in sorted(parts):
        if joined and part[0] <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], part[1])
        else:
            joined.append(part)
    return joined


def rows_of(layer: ReLULayer, chosen: list[Interval]) -> tuple[list[Row], list[Row]]:
    """Inequalities and equalities that keep each pre-activation in its interval."""
    at_least: list[Row] = []
    equal: list[Row] = []
    for row, bias, (low, high) in zip(layer.dense_weight.tolist(), layer.bias.tolist(), chosen, strict=True):
        a, b = fractions_of(row), Fraction(bias)
        if isinstance(low, Fraction) and low == high:
            equal.append((a, b - low))
            continue
        if isinstance(low, Fraction):
            at_least.append((a, b - low))
        if isinstance(high, Fraction):
            at_least.append(([-v for v in a], high - b))
    return at_least, equal


def features_at(layer: ReLULayer, x: np.ndarray) -> list[Fraction]:
    """`f(A x + b)`, exactly."""
    point = fractions_of(x.tolist())
    units = lines(layer.activation, layer.n_outputs)
    rows = zip(layer.dense_weight.tolist(), layer.bias.tolist(), units, strict=True)
    return [value(pieces, dot(fractions_of(row), point) + Fraction(b)) for row, b, pieces in rows]


@dataclass(frozen=True)
class Union:
    """The pieces that are not empty."""

    pieces: list[ExactSet]
    single: bool
    """Whether each unit has its feature in one interval at most."""

    @property
    def empty(self) -> bool:
        return not self.pieces

    @property
    def bounded(self) -> bool:
        return all(piece.bounded for piece in self.pieces)

    @property
    def singleton(self) -> bool:
        return len(self.pieces) == 1 and self.pieces[0].singleton

    @property
    def dimension(self) -> int:
        return max((piece.dimension for piece in self.pieces), default=-1)

    @property
    def kind(self) -> str:
        if self.empty:
            return "empty"
        return "singleton" if self.singleton else "bounded" if self.bounded else "unbounded"


def union_of(layer: ReLULayer, y: list[Fraction], tolerance: np.ndarray, domain: tuple[list[Row], list[Row]]) -> Union:
    """`{ x in D : |f(A x + b) - y| <= eps }`, all of it."""
    units = lines(layer.activation, layer.n_outputs)
    choices = [intervals(*each) for each in zip(units, y, fractions_of(tolerance.tolist()), strict=True)]
    found = []
    for chosen in itertools.product(*choices):
        at_least, equal = rows_of(layer, list(chosen))
        piece = exact_set(layer.n_inputs, [*at_least, *domain[0]], [*equal, *domain[1]])
        if not piece.empty:
            found.append(piece)
    return Union(found, all(len(each) <= 1 for each in choices))
